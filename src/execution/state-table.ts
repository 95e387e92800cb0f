/**
 * StateTable: the part of the state that execution has touched, and every change not yet on disk.
 * Balances and nonces are read and written hundreds of thousands of times a second, so values live in typed rows,
 * one cache line each, found by an open-addressing index; a row is loaded from the snapshot when first needed.
 *
 *   dispatcher ── slot, load, store ──▶ rows ── unloaded ──▶ StateSnapshot (memory, LMDB)
 *                     │ before a write
 *                     ▼
 *                 undo records ── revert(checkpoint) · writeDelta: old and new value of every key
 *
 * Always
 *  - A row changed by a block that the snapshot has not applied stays: the table is the overlay over those blocks.
 *  - A slot is valid until `compact`, which runs between blocks only.
 *  - Order in a delta is order of first write, by space: it follows from execution alone, never from what is cached.
 */
import { randomInt } from "node:crypto";
import { type ByteWriter, compareBytes, writeU32 } from "../encoding/bytes.ts";
import { type DeltaDirection, readDelta } from "../encoding/delta.ts";
import { ADDRESS_BYTES, StateTag, spaceLength } from "../encoding/state-key.ts";
import { byteLength, isZero, LIMBS, type Limbs, readBigEndian, writeShortest } from "../encoding/uint256.ts";
import type { StateEntry, StateSnapshot } from "./ports.ts";
import { ABSENT, accountValue, type RowValue, readAccount, writeAccountValue, writeDeltaBytes } from "./state-value.ts";

/** What a row holds. `word`: a uint256 whose bytes are the shortest big-endian form. */
const Form = { unloaded: 0, absent: 1, word: 2, bytes: 3, account: 4 } as const;

const ROW_WORDS = 16;
const KEY_AT = 1;
const FORM_AT = 7;
const LIMBS_AT = 8;
/** Longer keys are kept beside the row, and the row holds a hash of them. */
const INLINE_KEY_BYTES = 24;

const META_WORDS = 4;
const NONCE_AT = 0;
const SERIAL_AT = 2;

const UNDO_WORDS = 16;
const FIRST_IN_BLOCK = 256;
const NONE = 0xffffffff;

/** Index entries carry 8 bits of the hash over 24 bits of slot, to skip most rows that do not match. */
const SLOT_BITS = 24;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const SLOTS_MAX = SLOT_MASK - 1;

interface Space {
  readonly id: number;
  readonly prefix: Uint8Array;
  /** First and last undo record of this space in the running block. */
  head: number;
  tail: number;
  /** Slots changed since the snapshot, once someone has iterated this space; undefined before. */
  fresh: Set<number> | undefined;
}

export interface StateTableOptions {
  /** Rows kept when nothing pins them: 80 bytes each plus index. Beyond it `compact` drops what the snapshot has. */
  rowsMax?: number;
  /** There is no store behind it: every row stays. */
  pinned?: boolean;
}

/** 4 million rows: 1 GiB would hold about ten million. */
const DEFAULT_ROWS_MAX = 4_000_000;

export class StateTable {
  readonly #snapshot: StateSnapshot;
  readonly #rowsMax: number;
  readonly #pinned: boolean;
  /** The index is seeded, so that nobody can choose addresses that collide in it. */
  readonly #seed = randomInt(0x7fffffff);
  #rows!: Uint32Array;
  #rowBytes!: Uint8Array;
  #meta!: Uint32Array;
  #index!: Uint32Array;
  #capacity = 0;
  #count = 0;
  #blobs = new Map<number, Uint8Array>();
  #longKeys = new Map<number, Uint8Array>();
  #spaces: Space[] = [];
  #spaceIds = new Map<string, number>();
  #undo = new Uint32Array(1024 * UNDO_WORDS);
  #undoCount = 0;
  #undoBlobs = new Map<number, Uint8Array>();
  #touched: Space[] = [];
  /** Counts blocks (and deltas) applied here; a row carries that of its last change. */
  #serial = 1;
  #appliedSerial = 0;
  /** Serials whose seq the snapshot has not applied yet, oldest first. */
  #pending: { serial: number; seq: number }[] = [];
  #accounts: Space;
  /** Changes when slots are given out anew. */
  generation = 0;

  constructor(snapshot: StateSnapshot, options: StateTableOptions = {}) {
    this.#snapshot = snapshot;
    this.#rowsMax = Math.min(options.rowsMax ?? DEFAULT_ROWS_MAX, SLOTS_MAX);
    this.#pinned = options.pinned ?? false;
    this.#allocate(1 << 12);
    this.#accounts = this.#spaceOf(new Uint8Array([StateTag.account]));
  }

  get rowCount(): number {
    return this.#count;
  }

  /** Bytes of typed arrays held. */
  get byteLength(): number {
    return this.#rows.byteLength + this.#meta.byteLength + this.#index.byteLength + this.#undo.byteLength;
  }

  // ── finding rows ────────────────────────────────────────────────────────────

  /** Number of the space of keys that begin with `prefix`: a tag, or the tag and address of a contract's state. */
  space(prefix: Uint8Array): number {
    return this.#spaceOf(prefix).id;
  }

  accountSlot(address: Uint8Array, at: number): number {
    return this.spaceAddressSlot(this.#accounts.id, address, at);
  }

  /** Key: an address. */
  spaceAddressSlot(space: number, address: Uint8Array, at: number): number {
    return this.#find(space, word(address, at), word(address, at + 4), word(address, at + 8), word(address, at + 12), word(address, at + 16), 0, ADDRESS_BYTES);
  }

  /** Key: four bytes of prefix, first in the low byte, then an address. */
  addressSlot(space: number, prefix: number, address: Uint8Array, at: number): number {
    return this.#find(space, prefix, word(address, at), word(address, at + 4), word(address, at + 8), word(address, at + 12), word(address, at + 16), 4 + ADDRESS_BYTES);
  }

  /** Key within a space, of any length. */
  slot(space: number, key: Uint8Array): number {
    if (key.length > INLINE_KEY_BYTES) return this.#findLong(space, key);
    const words = [0, 0, 0, 0, 0, 0];
    for (let i = 0; i < key.length; i++) words[i >> 2]! |= key[i]! << (8 * (i & 3));
    return this.#find(space, words[0]!, words[1]!, words[2]!, words[3]!, words[4]!, words[5]!, key.length);
  }

  /** A whole state key. */
  slotOfKey(key: Uint8Array): number {
    const length = spaceLength(key);
    return this.slot(this.#spaceOf(key.subarray(0, length)).id, key.subarray(length));
  }

  #spaceOf(prefix: Uint8Array): Space {
    const name = Buffer.from(prefix.buffer, prefix.byteOffset, prefix.length).toString("latin1");
    let id = this.#spaceIds.get(name);
    if (id === undefined) {
      id = this.#spaces.length;
      this.#spaces.push({ id, prefix: prefix.slice(), head: NONE, tail: NONE, fresh: undefined });
      this.#spaceIds.set(name, id);
    }
    return this.#spaces[id]!;
  }

  #find(space: number, a: number, b: number, c: number, d: number, e: number, f: number, keyLength: number): number {
    const hash = hashWords(this.#seed ^ space, a, b, c, d, e, f);
    const index = this.#index;
    const rows = this.#rows;
    const mask = index.length - 1;
    const mark = hash >>> SLOT_BITS;
    a >>>= 0;
    b >>>= 0;
    c >>>= 0;
    d >>>= 0;
    e >>>= 0;
    f >>>= 0;
    let at = hash & mask;
    for (;;) {
      const entry = index[at]!;
      if (entry === 0) break;
      if (entry >>> SLOT_BITS === mark) {
        const slot = (entry & SLOT_MASK) - 1;
        const row = slot * ROW_WORDS;
        if (
          rows[row + 2] === b && rows[row + 3] === c && rows[row + 1] === a && rows[row] === space &&
          rows[row + 4] === d && rows[row + 5] === e && rows[row + 6] === f && rows[row + FORM_AT]! >>> 8 === keyLength
        ) {
          return slot;
        }
      }
      at = (at + 1) & mask;
    }
    const slot = this.#insert(at, hash);
    const row = slot * ROW_WORDS;
    const grown = this.#rows;
    grown[row] = space;
    grown[row + 1] = a;
    grown[row + 2] = b;
    grown[row + 3] = c;
    grown[row + 4] = d;
    grown[row + 5] = e;
    grown[row + 6] = f;
    grown[row + FORM_AT] = Form.unloaded | (keyLength << 8);
    return slot;
  }

  #findLong(space: number, key: Uint8Array): number {
    const [a, b, c, d] = hashBytes(this.#seed, key);
    const hash = hashWords(this.#seed ^ space, a, b, c, d, 0, 0);
    const mask = this.#index.length - 1;
    const mark = hash >>> SLOT_BITS;
    let at = hash & mask;
    for (;;) {
      const entry = this.#index[at]!;
      if (entry === 0) break;
      if (entry >>> SLOT_BITS === mark) {
        const slot = (entry & SLOT_MASK) - 1;
        const known = this.#rows[slot * ROW_WORDS] === space ? this.#longKeys.get(slot) : undefined;
        if (known !== undefined && compareBytes(known, key) === 0) return slot;
      }
      at = (at + 1) & mask;
    }
    const slot = this.#insert(at, hash);
    this.#rows.set([space, a, b, c, d, 0, 0, Form.unloaded | (key.length << 8)], slot * ROW_WORDS);
    this.#longKeys.set(slot, key.slice());
    return slot;
  }

  /** Gives out the next slot, indexed at the free place `at`, or wherever it belongs once the table has grown. */
  #insert(at: number, hash: number): number {
    const slot = this.#count;
    if (slot >= SLOTS_MAX) throw new RangeError(`the state table holds at most ${SLOTS_MAX} rows`);
    if (slot === this.#capacity) {
      this.#grow();
      at = this.#freePlace(hash);
    }
    this.#index[at] = (((hash >>> SLOT_BITS) << SLOT_BITS) | (slot + 1)) >>> 0;
    this.#count++;
    return slot;
  }

  #freePlace(hash: number): number {
    const mask = this.#index.length - 1;
    let at = hash & mask;
    while (this.#index[at] !== 0) at = (at + 1) & mask;
    return at;
  }

  /** The index has two places a row, so that it is at most half full. */
  #allocate(capacity: number): void {
    this.#capacity = capacity;
    this.#rows = new Uint32Array(capacity * ROW_WORDS);
    this.#rowBytes = new Uint8Array(this.#rows.buffer);
    this.#meta = new Uint32Array(capacity * META_WORDS);
    this.#index = new Uint32Array(capacity * 2);
    this.#count = 0;
  }

  #grow(): void {
    const { rows, meta, count } = { rows: this.#rows, meta: this.#meta, count: this.#count };
    this.#allocate(this.#capacity * 2);
    this.#rows.set(rows);
    this.#meta.set(meta);
    this.#count = count;
    for (let slot = 0; slot < count; slot++) this.#reindex(slot);
  }

  #reindex(slot: number): void {
    const row = slot * ROW_WORDS;
    const r = this.#rows;
    const hash = hashWords(this.#seed ^ r[row]!, r[row + 1]!, r[row + 2]!, r[row + 3]!, r[row + 4]!, r[row + 5]!, r[row + 6]!);
    this.#index[this.#freePlace(hash)] = (((hash >>> SLOT_BITS) << SLOT_BITS) | (slot + 1)) >>> 0;
  }

  // ── reading ─────────────────────────────────────────────────────────────────

  #form(slot: number): number {
    const form = this.#rows[slot * ROW_WORDS + FORM_AT]! & 255;
    return form === Form.unloaded ? this.#fetch(slot) : form;
  }

  #setForm(slot: number, form: number): void {
    const at = slot * ROW_WORDS + FORM_AT;
    this.#rows[at] = (this.#rows[at]! & ~255) | form;
  }

  #fetch(slot: number): number {
    const value = this.#snapshot.get(this.wholeKey(slot));
    const form = this.#put(slot, value);
    return form;
  }

  /** Sets what a row holds from encoded bytes, without any record of what was there. */
  #put(slot: number, value: Uint8Array | undefined): number {
    const row = slot * ROW_WORDS;
    let form: number;
    if (value === undefined) {
      form = Form.absent;
      this.#rows.fill(0, row + LIMBS_AT, row + ROW_WORDS);
      this.#meta[slot * META_WORDS + NONCE_AT] = 0;
      this.#meta[slot * META_WORDS + NONCE_AT + 1] = 0;
    } else if (this.#rows[row] === this.#accounts.id) {
      form = Form.account;
      const nonce = readAccount(value, this.#rows, row + LIMBS_AT);
      this.#setNonceWords(slot, nonce);
    } else if (value.length > 0 && value.length <= 32 && value[0] !== 0) {
      form = Form.word;
      readBigEndian(value, 0, value.length, this.#rows, row + LIMBS_AT);
    } else {
      form = Form.bytes;
      this.#rows.fill(0, row + LIMBS_AT, row + ROW_WORDS);
      this.#blobs.set(slot, value.slice());
    }
    this.#setForm(slot, form);
    if (form !== Form.bytes && this.#blobs.size > 0) this.#blobs.delete(slot);
    return form;
  }

  /** The whole state key of a row. */
  wholeKey(slot: number): Uint8Array {
    const row = slot * ROW_WORDS;
    const { prefix } = this.#spaces[this.#rows[row]!]!;
    const length = this.#rows[row + FORM_AT]! >>> 8;
    const key = new Uint8Array(prefix.length + length);
    key.set(prefix);
    if (length > INLINE_KEY_BYTES) key.set(this.#longKeys.get(slot)!, prefix.length);
    else key.set(this.#rowBytes.subarray((row + KEY_AT) * 4, (row + KEY_AT) * 4 + length), prefix.length);
    return key;
  }

  /** A uint256; zero when absent. A value that is no uint256 in shortest form reads as zero: only engines write their state. */
  load(slot: number, out: Limbs): void {
    this.#form(slot);
    const row = slot * ROW_WORDS + LIMBS_AT;
    const rows = this.#rows;
    for (let i = 0; i < LIMBS; i++) out[i] = rows[row + i]!;
  }

  /** The value as bytes that belong to the caller; undefined when absent. */
  get(slot: number): Uint8Array | undefined {
    switch (this.#form(slot)) {
      case Form.absent:
        return undefined;
      case Form.bytes:
        return this.#blobs.get(slot)!.slice();
      case Form.account:
        return accountValue(this.nonce(slot), this.#rows, slot * ROW_WORDS + LIMBS_AT);
      default: {
        const row = slot * ROW_WORDS + LIMBS_AT;
        const bytes = new Uint8Array(byteLength(this.#rows, row));
        writeShortest(this.#rows, row, bytes.length, bytes, 0);
        return bytes;
      }
    }
  }

  has(slot: number): boolean {
    return this.#form(slot) !== Form.absent;
  }

  /** Length in bytes of the value; 0 when absent. */
  valueLength(slot: number): number {
    const form = this.#form(slot);
    if (form === Form.absent) return 0;
    return form === Form.bytes ? this.#blobs.get(slot)!.length : byteLength(this.#rows, slot * ROW_WORDS + LIMBS_AT);
  }

  nonce(slot: number): number {
    this.#form(slot);
    const at = slot * META_WORDS + NONCE_AT;
    return this.#meta[at]! + this.#meta[at + 1]! * 4294967296;
  }

  /** Changes whenever the row does: what is derived from a row is kept beside this number. */
  lastChange(slot: number): number {
    return this.#meta[slot * META_WORDS + SERIAL_AT]!;
  }

  // ── writing ─────────────────────────────────────────────────────────────────

  store(slot: number, value: Limbs): void {
    this.#form(slot);
    this.#record(slot);
    const row = slot * ROW_WORDS + LIMBS_AT;
    const rows = this.#rows;
    for (let i = 0; i < LIMBS; i++) rows[row + i] = value[i]!;
    const account = rows[slot * ROW_WORDS] === this.#accounts.id;
    this.#setForm(slot, account ? this.#accountForm(slot) : isZero(value) ? Form.absent : Form.word);
    if (this.#blobs.size > 0) this.#blobs.delete(slot);
  }

  setNonce(slot: number, nonce: number): void {
    this.#form(slot);
    this.#record(slot);
    this.#setNonceWords(slot, nonce);
    this.#setForm(slot, this.#accountForm(slot));
  }

  /** Writes bytes; undefined deletes. Empty bytes are a value. */
  set(slot: number, value: Uint8Array | undefined): void {
    this.#form(slot);
    this.#record(slot);
    this.#put(slot, value);
  }

  #accountForm(slot: number): number {
    const at = slot * META_WORDS + NONCE_AT;
    return this.#meta[at] === 0 && this.#meta[at + 1] === 0 && isZero(this.#rows, slot * ROW_WORDS + LIMBS_AT) ? Form.absent : Form.account;
  }

  #setNonceWords(slot: number, nonce: number): void {
    const at = slot * META_WORDS + NONCE_AT;
    this.#meta[at] = nonce % 4294967296;
    this.#meta[at + 1] = Math.floor(nonce / 4294967296);
  }

  /** Keeps what a row holds before a write. */
  #record(slot: number): void {
    const record = this.#undoCount++;
    const at = record * UNDO_WORDS;
    if (at === this.#undo.length) {
      const grown = new Uint32Array(this.#undo.length * 2);
      grown.set(this.#undo);
      this.#undo = grown;
    }
    const undo = this.#undo;
    const rows = this.#rows;
    const row = slot * ROW_WORDS;
    const meta = slot * META_WORDS;
    const form = rows[row + FORM_AT]! & 255;
    undo[at] = slot;
    undo[at + 2] = this.#meta[meta]!;
    undo[at + 3] = this.#meta[meta + 1]!;
    for (let i = 0; i < LIMBS; i++) undo[at + 4 + i] = rows[row + LIMBS_AT + i]!;
    const serial = this.#meta[meta + SERIAL_AT]!;
    undo[at + 12] = serial;
    if (form === Form.bytes) this.#undoBlobs.set(record, this.#blobs.get(slot)!);
    if (serial === this.#serial) {
      undo[at + 1] = form;
      return;
    }
    undo[at + 1] = form | FIRST_IN_BLOCK;
    this.#meta[meta + SERIAL_AT] = this.#serial;
    const space = this.#spaces[rows[row]!]!;
    if (space.fresh !== undefined && serial <= this.#appliedSerial) space.fresh.add(slot);
    undo[at + 13] = NONE;
    undo[at + 14] = space.tail;
    if (space.tail === NONE) {
      space.head = record;
      this.#touched.push(space);
    } else {
      undo[space.tail * UNDO_WORDS + 13] = record;
    }
    space.tail = record;
  }

  // ── transactions and blocks ─────────────────────────────────────────────────

  /** A point to go back to. Valid until it, or an older one, is reverted, or the block ends. */
  checkpoint(): number {
    return this.#undoCount;
  }

  /** Whether anything was written since. */
  changedSince(checkpoint: number): boolean {
    return this.#undoCount > checkpoint;
  }

  revert(checkpoint: number): void {
    for (let record = this.#undoCount - 1; record >= checkpoint; record--) {
      const at = record * UNDO_WORDS;
      const undo = this.#undo;
      const slot = undo[at]!;
      const row = slot * ROW_WORDS;
      const meta = slot * META_WORDS;
      const form = undo[at + 1]! & 255;
      this.#setForm(slot, form);
      for (let i = 0; i < LIMBS; i++) this.#rows[row + LIMBS_AT + i] = undo[at + 4 + i]!;
      this.#meta[meta] = undo[at + 2]!;
      this.#meta[meta + 1] = undo[at + 3]!;
      this.#meta[meta + SERIAL_AT] = undo[at + 12]!;
      if (form === Form.bytes) {
        this.#blobs.set(slot, this.#undoBlobs.get(record)!);
        this.#undoBlobs.delete(record);
      } else if (this.#blobs.size > 0) {
        this.#blobs.delete(slot);
      }
      if (undo[at + 1]! & FIRST_IN_BLOCK) {
        const space = this.#spaces[this.#rows[row]!]!;
        space.tail = undo[at + 14]!;
        if (space.tail === NONE) {
          space.head = NONE;
          this.#touched.pop();
        } else {
          undo[space.tail * UNDO_WORDS + 13] = NONE;
        }
      }
    }
    this.#undoCount = checkpoint;
  }

  /**
   * Appends the block's delta (encoding/delta.ts): each key whose value differs from what it was when the block began.
   */
  writeDelta(out: ByteWriter): void {
    for (const space of this.#touched) {
      const groupAt = out.length;
      out.u8(space.prefix.length);
      out.raw(space.prefix);
      const countAt = out.length;
      out.u32(0);
      let count = 0;
      for (let record = space.head; record !== NONE; record = this.#undo[record * UNDO_WORDS + 13]!) {
        if (this.#writeChange(record, out)) count++;
      }
      if (count === 0) out.length = groupAt;
      else writeU32(out.bytes, countAt, count);
    }
  }

  #writeChange(record: number, out: ByteWriter): boolean {
    const at = record * UNDO_WORDS;
    const slot = this.#undo[at]!;
    if (!this.#differs(slot, record)) return false;
    const row = slot * ROW_WORDS;
    const length = this.#rows[row + FORM_AT]! >>> 8;
    out.u16(length);
    if (length > INLINE_KEY_BYTES) out.raw(this.#longKeys.get(slot)!);
    else out.copy(this.#rowBytes, (row + KEY_AT) * 4, (row + KEY_AT) * 4 + length);
    const meta = slot * META_WORDS;
    writeRow(out, this.#rows[row + FORM_AT]! & 255, this.#rows, row + LIMBS_AT, this.#meta[meta]! + this.#meta[meta + 1]! * 4294967296, this.#blobs.get(slot));
    const blob = this.#undoBlobs.size > 0 ? this.#undoBlobs.get(record) : undefined;
    writeRow(out, this.#undo[at + 1]! & 255, this.#undo, at + 4, this.#undo[at + 2]! + this.#undo[at + 3]! * 4294967296, blob);
    return true;
  }

  #differs(slot: number, record: number): boolean {
    const at = record * UNDO_WORDS;
    const row = slot * ROW_WORDS;
    const form = this.#rows[row + FORM_AT]! & 255;
    if (form !== (this.#undo[at + 1]! & 255)) return true;
    if (form === Form.bytes) return compareBytes(this.#blobs.get(slot)!, this.#undoBlobs.get(record)!) !== 0;
    for (let i = 0; i < LIMBS; i++) if (this.#rows[row + LIMBS_AT + i] !== this.#undo[at + 4 + i]) return true;
    const meta = slot * META_WORDS;
    return this.#meta[meta] !== this.#undo[at + 2] || this.#meta[meta + 1] !== this.#undo[at + 3];
  }

  /** Every key changed since the checkpoint, with the value that it had then: what a simulation shows. */
  changesSince(checkpoint: number): { key: Uint8Array; before: RowValue; after: RowValue }[] {
    const first = new Map<number, RowValue>();
    for (let record = checkpoint; record < this.#undoCount; record++) {
      const slot = this.#undo[record * UNDO_WORDS]!;
      if (!first.has(slot)) first.set(slot, this.#before(record));
    }
    return [...first].map(([slot, before]) => ({ key: this.wholeKey(slot), before, after: this.get(slot) }));
  }

  #before(record: number): RowValue {
    const at = record * UNDO_WORDS;
    const form = this.#undo[at + 1]! & 255;
    if (form === Form.absent) return ABSENT;
    if (form === Form.bytes) return this.#undoBlobs.get(record)!;
    if (form === Form.account) return accountValue(this.#undo[at + 2]! + this.#undo[at + 3]! * 4294967296, this.#undo, at + 4);
    const bytes = new Uint8Array(byteLength(this.#undo, at + 4));
    writeShortest(this.#undo, at + 4, bytes.length, bytes, 0);
    return bytes;
  }

  /** The block stands as entry `seq` of the log: its changes stay until the snapshot has applied that entry. */
  endBlock(seq: number): void {
    this.#nextSerial(seq);
    this.#undoCount = 0;
    this.#undoBlobs.clear();
    for (const space of this.#touched) {
      space.head = NONE;
      space.tail = NONE;
    }
    this.#touched.length = 0;
  }

  /** Takes one side of a delta's values, as of entry `seq`: catching up, rolling back, dropping a block. */
  overwrite(delta: Uint8Array, direction: DeltaDirection, seq: number): void {
    if (this.#undoCount > 0) throw new Error("values are overwritten between blocks only");
    for (const { key, newValue, oldValue } of readDelta(delta)) {
      const slot = this.slotOfKey(key);
      const meta = slot * META_WORDS + SERIAL_AT;
      const space = this.#spaces[this.#rows[slot * ROW_WORDS]!]!;
      if (space.fresh !== undefined && this.#meta[meta]! <= this.#appliedSerial) space.fresh.add(slot);
      this.#put(slot, direction === "forward" ? newValue : oldValue);
      this.#meta[meta] = this.#serial;
    }
    this.#nextSerial(seq);
  }

  #nextSerial(seq: number): void {
    if (!this.#pinned) this.#pending.push({ serial: this.#serial, seq });
    this.#serial++;
  }

  /** The snapshot has applied all entries up to `seq`. */
  applied(seq: number): void {
    let done = 0;
    while (done < this.#pending.length && this.#pending[done]!.seq <= seq) this.#appliedSerial = this.#pending[done++]!.serial;
    if (done > 0) this.#pending.splice(0, done);
    if (this.#count > this.#rowsMax) this.#compact();
  }

  /** Drops every row that the snapshot has as well. Slots given out before are void. */
  #compact(): void {
    const { rows, meta, count, blobs, longKeys } = { rows: this.#rows, meta: this.#meta, count: this.#count, blobs: this.#blobs, longKeys: this.#longKeys };
    const kept: number[] = [];
    for (let slot = 0; slot < count; slot++) if (meta[slot * META_WORDS + SERIAL_AT]! > this.#appliedSerial) kept.push(slot);
    let capacity = 1 << 12;
    while (capacity < kept.length * 2) capacity *= 2;
    this.#allocate(capacity);
    this.#blobs = new Map();
    this.#longKeys = new Map();
    for (const space of this.#spaces) space.fresh = undefined;
    for (const old of kept) {
      const slot = this.#count++;
      this.#rows.set(rows.subarray(old * ROW_WORDS, (old + 1) * ROW_WORDS), slot * ROW_WORDS);
      this.#meta.set(meta.subarray(old * META_WORDS, (old + 1) * META_WORDS), slot * META_WORDS);
      const blob = blobs.get(old);
      if (blob !== undefined) this.#blobs.set(slot, blob);
      const longKey = longKeys.get(old);
      if (longKey !== undefined) this.#longKeys.set(slot, longKey);
      this.#reindex(slot);
    }
    this.generation++;
  }

  // ── iterating ───────────────────────────────────────────────────────────────

  /** Entries of a space with start ≤ key < end (keys within the space), in byte order or reversed. An absent end is the space's own. */
  *range(spaceId: number, start: Uint8Array, end: Uint8Array | undefined, reverse = false): Generator<StateEntry> {
    const space = this.#spaces[spaceId]!;
    const sign = reverse ? -1 : 1;
    const own = this.#freshEntries(space, start, end).sort((a, b) => sign * compareBytes(a.key, b.key));
    const from = joined(space.prefix, start);
    const to = end === undefined ? after(space.prefix) : joined(space.prefix, end);
    let next = 0;
    for (const { key, value } of this.#snapshot.range(from, to, { reverse })) {
      const inner = key.subarray(space.prefix.length);
      while (next < own.length && sign * compareBytes(own[next]!.key, inner) < 0) {
        const entry = own[next++]!;
        if (entry.value !== undefined) yield { key: entry.key, value: entry.value };
      }
      if (next < own.length && compareBytes(own[next]!.key, inner) === 0) {
        const entry = own[next++]!;
        if (entry.value !== undefined) yield { key: entry.key, value: entry.value };
        continue;
      }
      yield { key: inner.slice(), value: value.slice() };
    }
    for (; next < own.length; next++) {
      const entry = own[next]!;
      if (entry.value !== undefined) yield { key: entry.key, value: entry.value };
    }
  }

  #freshEntries(space: Space, start: Uint8Array, end: Uint8Array | undefined): { key: Uint8Array; value: Uint8Array | undefined }[] {
    const entries: { key: Uint8Array; value: Uint8Array | undefined }[] = [];
    const fresh = new Set<number>();
    for (const slot of space.fresh ?? this.#scan(space)) {
      if (this.#meta[slot * META_WORDS + SERIAL_AT]! <= this.#appliedSerial) continue;
      fresh.add(slot);
      const key = this.wholeKey(slot).subarray(space.prefix.length);
      if (compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0)) entries.push({ key, value: this.get(slot) });
    }
    space.fresh = fresh;
    return entries;
  }

  *#scan(space: Space): Generator<number> {
    for (let slot = 0; slot < this.#count; slot++) if (this.#rows[slot * ROW_WORDS] === space.id) yield slot;
  }
}

function writeRow(out: ByteWriter, form: number, limbs: Uint32Array, at: number, nonce: number, blob: Uint8Array | undefined): void {
  switch (form) {
    case Form.absent:
      out.u8(255);
      return;
    case Form.bytes:
      writeDeltaBytes(out, blob!);
      return;
    case Form.account:
      writeAccountValue(out, nonce, limbs, at);
      return;
    default: {
      const length = byteLength(limbs, at);
      out.u8(length);
      out.ensure(length);
      writeShortest(limbs, at, length, out.bytes, out.length);
      out.length += length;
    }
  }
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function hashWords(seed: number, a: number, b: number, c: number, d: number, e: number, f: number): number {
  let h = Math.imul(seed ^ a, 0x9e3779b1);
  h = Math.imul(((h << 15) | (h >>> 17)) ^ b, 0x85ebca6b);
  h = Math.imul(((h << 15) | (h >>> 17)) ^ c, 0xc2b2ae35);
  h = Math.imul(((h << 15) | (h >>> 17)) ^ d, 0x27d4eb2f);
  h = Math.imul(((h << 15) | (h >>> 17)) ^ e, 0x165667b1);
  h = Math.imul(((h << 15) | (h >>> 17)) ^ f, 0x9e3779b1);
  h ^= h >>> 15;
  h = Math.imul(h, 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

/** Four words that stand for a long key in its row; equality is decided by the whole key. */
function hashBytes(seed: number, key: Uint8Array): [number, number, number, number] {
  let a = seed | 0;
  let b = key.length;
  for (let i = 0; i < key.length; i++) {
    a = Math.imul(a ^ key[i]!, 0x01000193);
    b = Math.imul(b ^ key[i]!, 0x85ebca6b) ^ (b >>> 13);
  }
  return [a >>> 0, b >>> 0, 0, 0];
}

function joined(prefix: Uint8Array, rest: Uint8Array): Uint8Array {
  const whole = new Uint8Array(prefix.length + rest.length);
  whole.set(prefix);
  whole.set(rest, prefix.length);
  return whole;
}

/** The first key after all that begin with `prefix`. */
function after(prefix: Uint8Array): Uint8Array {
  const next = prefix.slice();
  for (let i = next.length - 1; i >= 0; i--) {
    if (++next[i]! <= 255 && next[i] !== 0) return next.subarray(0, i + 1);
  }
  throw new RangeError("a space's prefix begins with a tag below 255");
}
