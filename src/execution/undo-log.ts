/**
 * UndoLog: what rows held before they were written, newest last, over one block. A transaction that fails is undone from
 * its end; what a block changed is read from its first record of each row.
 *
 *   record, 16 words:  slot · form, and whether it is the row's first in the block · nonce (2) · 8 limbs ·
 *                      serial of the row's last change · next and previous first record of the space
 */
import { Form, NONE, ROW_WORDS, SERIAL_AT, type Space, type StateRows } from "./state-rows.ts";

const RECORD_WORDS = 16;
const INITIAL_RECORDS = 1024;
const SLOT = 0;
const FORM = 1;
const NONCE = 2;
const LIMBS = 4;
const SERIAL = 12;
const NEXT = 13;
const PREVIOUS = 14;
const FIRST_IN_BLOCK = 256;

export class UndoLog {
  count = 0;
  words = new Uint32Array(INITIAL_RECORDS * RECORD_WORDS);
  /** Bytes that a row held, by record. */
  readonly blobs = new Map<number, Uint8Array>();
  /** Spaces written in the block, in order of first write. */
  readonly touched: Space[] = [];
  readonly #rows: StateRows;

  constructor(rows: StateRows) {
    this.#rows = rows;
  }

  /**
   * Keeps what a row holds, before a write in the block `serial`.
   * @param appliedSerial up to which the snapshot has everything: a row changed since is fresh.
   */
  push(slot: number, serial: number, appliedSerial: number): void {
    const { rows, blobs, spaces } = this.#rows;
    const record = this.count++;
    const at = record * RECORD_WORDS;
    if (at === this.words.length) this.#grow();
    const { words } = this;
    const row = slot * ROW_WORDS;
    const form = this.#rows.form(slot);
    const changed = rows[row + SERIAL_AT]!;
    const nonce = this.#rows.nonce(slot);
    words[at + SLOT] = slot;
    words[at + NONCE] = nonce % 4294967296;
    words[at + NONCE + 1] = Math.floor(nonce / 4294967296);
    this.#rows.readLimbs(slot, words, at + LIMBS);
    words[at + SERIAL] = changed;
    if (form === Form.bytes) this.blobs.set(record, blobs.get(slot)!);
    if (changed === serial) {
      words[at + FORM] = form;
      return;
    }
    words[at + FORM] = form | FIRST_IN_BLOCK;
    rows[row + SERIAL_AT] = serial;
    const space = spaces[rows[row]!]!;
    if (space.fresh !== undefined && changed <= appliedSerial) space.fresh.add(slot);
    this.#link(record, space);
  }

  #grow(): void {
    const grown = new Uint32Array(this.words.length * 2);
    grown.set(this.words);
    this.words = grown;
  }

  /** Makes room for `count` more records, which somebody else writes. */
  reserve(count: number): void {
    while ((this.count + count) * RECORD_WORDS > this.words.length) this.#grow();
  }

  /**
   * Takes over records that somebody else wrote, up to `count`, in spaces given in the order of their first write.
   * @param written each with the first and last record of the space as they now are.
   */
  adopt(count: number, written: readonly { space: Space; head: number; tail: number }[], appliedSerial: number): void {
    const { words } = this;
    for (const { space, head, tail } of written) {
      if (space.tail === NONE && tail !== NONE) this.touched.push(space);
      if (space.fresh !== undefined) {
        let record = space.tail === NONE ? head : this.next(space.tail);
        for (; record !== NONE; record = this.next(record))
          if (words[record * RECORD_WORDS + SERIAL]! <= appliedSerial) space.fresh.add(this.slotOf(record));
      }
      space.head = head;
      space.tail = tail;
    }
    this.count = count;
  }

  #link(record: number, space: Space): void {
    const { words } = this;
    words[record * RECORD_WORDS + NEXT] = NONE;
    words[record * RECORD_WORDS + PREVIOUS] = space.tail;
    if (space.tail === NONE) {
      space.head = record;
      this.touched.push(space);
    } else {
      words[space.tail * RECORD_WORDS + NEXT] = record;
    }
    space.tail = record;
  }

  /** Takes the newest records back until `count` are left. */
  revert(count: number): void {
    const { rows, blobs } = this.#rows;
    const { words } = this;
    while (this.count > count) {
      const record = --this.count;
      const at = record * RECORD_WORDS;
      const slot = words[at + SLOT]!;
      const form = words[at + FORM]! & 255;
      const written = this.#rows.form(slot);
      this.#rows.setForm(slot, form);
      this.#rows.writeLimbs(slot, words, at + LIMBS);
      this.#rows.setNonce(slot, this.nonceOf(record));
      rows[slot * ROW_WORDS + SERIAL_AT] = words[at + SERIAL]!;
      if (form === Form.bytes) {
        blobs.set(slot, this.blobs.get(record)!);
        this.blobs.delete(record);
      } else if (written === Form.bytes) {
        blobs.delete(slot);
      }
      if (words[at + FORM]! & FIRST_IN_BLOCK) this.#unlink(record);
    }
  }

  #unlink(record: number): void {
    const { words } = this;
    const space = this.#rows.spaces[this.#rows.rows[words[record * RECORD_WORDS + SLOT]! * ROW_WORDS]!]!;
    space.tail = words[record * RECORD_WORDS + PREVIOUS]!;
    if (space.tail === NONE) {
      space.head = NONE;
      this.touched.pop();
    } else {
      words[space.tail * RECORD_WORDS + NEXT] = NONE;
    }
  }

  /** The block stands: what it changed need not be undone here any more. */
  clear(): void {
    this.count = 0;
    this.blobs.clear();
    for (const space of this.touched) {
      space.head = NONE;
      space.tail = NONE;
    }
    this.touched.length = 0;
  }

  slotOf(record: number): number {
    return this.words[record * RECORD_WORDS + SLOT]!;
  }
  formOf(record: number): number {
    return this.words[record * RECORD_WORDS + FORM]! & 255;
  }
  nonceOf(record: number): number {
    return this.words[record * RECORD_WORDS + NONCE]! + this.words[record * RECORD_WORDS + NONCE + 1]! * 4294967296;
  }
  /** Where the record's limbs stand in `words`. */
  limbsAt(record: number): number {
    return record * RECORD_WORDS + LIMBS;
  }
  /** The next first record of the same space; NONE after the last. */
  next(record: number): number {
    return this.words[record * RECORD_WORDS + NEXT]!;
  }
}
