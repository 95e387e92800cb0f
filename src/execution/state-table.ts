/**
 * StateTable: the part of the state that execution has touched, and every change not yet on disk.
 * Balances and nonces are read and written hundreds of thousands of times a second, so that values live in typed rows,
 * loaded from the snapshot when first needed.
 *
 *   dispatcher ── slot, load, store ──▶ StateRows ── unloaded ──▶ StateSnapshot (memory, LMDB)
 *                     │ before a write
 *                     ▼
 *                 UndoLog ── revert(checkpoint) · DeltaWriter: old and new value of every key
 *
 * Always
 *  - A row changed by a block that the snapshot has not applied stays: the table is the overlay over those blocks.
 *  - A slot is valid until `applied`, which is called between blocks only.
 *  - Order in a delta is order of first write, by space: it follows from execution alone, never from what is cached.
 */
import { type ByteWriter, compareBytes } from "../encoding/bytes.ts";
import { DeltaCursor, type DeltaDirection, VALUE_ABSENT } from "../encoding/delta.ts";
import { hashKey, hashSpace } from "../encoding/key-hash.ts";
import type { RowChangeWriter } from "../encoding/row-changes.ts";
import { ADDRESS_BYTES, StateTag, spaceLength } from "../encoding/state-key.ts";
import { isZero, type Limbs, newUint256, readBigEndian } from "../encoding/uint256.ts";
import { DeltaWriter } from "./delta-writer.ts";
import type { StateEntry, StateSnapshot } from "./ports.ts";
import type { ReadListener } from "./read-recorder.ts";
import { type FreshEntry, mergedRange } from "./state-range.ts";
import { Form, NONE, ROW_WORDS, SERIAL_AT, SLOTS_MAX, type Space, StateRows } from "./state-rows.ts";
import { accountValue, type RowValue, readAccount, wordValue } from "./state-value.ts";
import { UndoLog } from "./undo-log.ts";

export interface StateTableOptions {
  /** Rows kept when nothing pins them: 64 bytes each plus index. Beyond it, what the snapshot has is dropped. */
  rowsMax?: number;
  /** There is no store behind it: every row stays. */
  pinned?: boolean;
  /** Where there is a native one. */
  changes?: RowChangeWriter | undefined;
  /** Is shown what the snapshot has under a key that no block has changed since. @throws StorageError when it can't be that. */
  check?: ((key: Uint8Array, value: Uint8Array | undefined) => void) | undefined;
}

const EMPTY = new Uint8Array(0);

export interface LentTable {
  readonly rows: StateRows;
  readonly undo: UndoLog;
  readonly serial: number;
  readonly accounts: Space;
  readonly balances: Space;
}

/** 256 MB of rows and 32 MB of index. */
const DEFAULT_ROWS_MAX = 4_000_000;

export class StateTable {
  readonly #snapshot: StateSnapshot;
  readonly #rowsMax: number;
  readonly #pinned: boolean;
  readonly #check: StateTableOptions["check"];
  readonly #rows = new StateRows();
  readonly #undo = new UndoLog(this.#rows);
  readonly #parts = { rows: this.#rows, undo: this.#undo };
  readonly #delta: DeltaWriter;
  /** Counts blocks (and deltas) applied here; a row carries that of its last change. */
  #serial = 1;
  #appliedSerial = 0;
  /** Serials whose seq the snapshot has not applied yet, oldest first. */
  #pending: { serial: number; seq: number }[] = [];
  readonly #accounts: number;
  readonly #limbs = newUint256();
  #touched = 0;
  /** Changes when slots are given out anew. */
  generation = 0;
  /** Is told every row and range that is looked at, while it is set. */
  reads: ReadListener | undefined;

  constructor(snapshot: StateSnapshot, options: StateTableOptions = {}) {
    this.#snapshot = snapshot;
    this.#rowsMax = Math.min(options.rowsMax ?? DEFAULT_ROWS_MAX, SLOTS_MAX);
    this.#pinned = options.pinned ?? false;
    this.#check = options.check;
    this.#delta = new DeltaWriter({ ...this.#parts, native: options.changes });
    this.#accounts = this.space(Uint8Array.of(StateTag.account));
  }

  get rowCount(): number {
    return this.#rows.count;
  }

  /** Memory taken, in bytes. */
  get byteLength(): number {
    return this.#rows.byteLength + this.#undo.words.byteLength;
  }

  // ── finding rows ────────────────────────────────────────────────────────────

  /** Number of the space of keys that begin with `prefix`: a tag, or the tag and address of a contract's state. */
  space(prefix: Uint8Array): number {
    return this.#rows.space(prefix).id;
  }

  accountSlot(address: Uint8Array, at: number): number {
    return this.spaceAddressSlot(this.#accounts, address, at);
  }

  /** Key: an address. */
  spaceAddressSlot(space: number, address: Uint8Array, at: number): number {
    return this.#rows.find(
      space,
      word(address, at),
      word(address, at + 4),
      word(address, at + 8),
      word(address, at + 12),
      word(address, at + 16),
      0,
      ADDRESS_BYTES,
    );
  }

  /** Key: four bytes of prefix, first in the low byte, then an address. */
  addressSlot(space: number, prefix: number, address: Uint8Array, at: number): number {
    return this.#rows.find(
      space,
      prefix,
      word(address, at),
      word(address, at + 4),
      word(address, at + 8),
      word(address, at + 12),
      word(address, at + 16),
      4 + ADDRESS_BYTES,
    );
  }

  /** Key within a space, of any length. */
  slot(space: number, key: Uint8Array): number {
    return this.#rows.findKey(space, key);
  }

  /** A whole state key. */
  slotOfKey(key: Uint8Array): number {
    const length = spaceLength(key);
    return this.slot(this.space(key.subarray(0, length)), key.subarray(length));
  }

  /** The key of a row within its space. */
  keyOf(slot: number): Uint8Array {
    const key = this.#rows.wholeKey(slot);
    return key.subarray(spaceLength(key));
  }

  // ── reading ─────────────────────────────────────────────────────────────────

  #form(slot: number): number {
    if (this.reads !== undefined) this.reads.slot(slot);
    const form = this.#rows.form(slot);
    return form === Form.unloaded ? this.#load(slot) : form;
  }

  #load(slot: number): number {
    const key = this.#rows.wholeKey(slot);
    const value = this.#snapshot.get(key);
    this.#check?.(key, value);
    return this.#put(slot, value);
  }

  isAccount(slot: number): boolean {
    return this.#rows.rows[slot * ROW_WORDS] === this.#accounts;
  }

  #put(slot: number, value: Uint8Array | undefined): number {
    return value === undefined
      ? this.#putBytes(slot, EMPTY, 0, VALUE_ABSENT)
      : this.#putBytes(slot, value, 0, value.length);
  }

  /** Sets what a row holds from `length` encoded bytes, or VALUE_ABSENT, without any record of what was there. */
  #putBytes(slot: number, bytes: Uint8Array, at: number, length: number): number {
    const rows = this.#rows;
    const limbs = this.#limbs;
    const before = rows.form(slot);
    let form: number;
    let nonce = 0;
    limbs.fill(0);
    if (length === VALUE_ABSENT) {
      form = Form.absent;
    } else if (this.isAccount(slot)) {
      form = Form.account;
      nonce = readAccount(bytes, at, length, limbs);
    } else if (length > 0 && length <= 32 && bytes[at] !== 0) {
      form = Form.word;
      readBigEndian(bytes, at, length, limbs);
    } else {
      form = Form.bytes;
      rows.blobs.set(slot, new Uint8Array(bytes.subarray(at, at + length)));
    }
    rows.setForm(slot, form);
    rows.setNonce(slot, nonce);
    rows.writeLimbs(slot, limbs, 0);
    if (form !== Form.bytes && before === Form.bytes) rows.blobs.delete(slot);
    return form;
  }

  /** A uint256; zero when absent. A value that is no uint256 in shortest form reads as zero: only engines write their state. */
  load(slot: number, out: Limbs): void {
    this.#form(slot);
    this.#rows.readLimbs(slot, out, 0);
  }

  /** The value as bytes that belong to the caller; undefined when absent. */
  get(slot: number): Uint8Array | undefined {
    const value = this.view(slot);
    return value !== undefined && this.#rows.form(slot) === Form.bytes ? new Uint8Array(value) : value;
  }

  /** The same for whoever does not change it: the table's own, which is another after the next write. */
  view(slot: number): Uint8Array | undefined {
    const form = this.#form(slot);
    if (form === Form.absent) return undefined;
    if (form === Form.bytes) return this.#rows.blobs.get(slot)!;
    this.#rows.readLimbs(slot, this.#limbs, 0);
    return form === Form.account ? accountValue(this.#rows.nonce(slot), this.#limbs, 0) : wordValue(this.#limbs, 0);
  }

  has(slot: number): boolean {
    return this.#form(slot) !== Form.absent;
  }

  nonce(slot: number): number {
    this.#form(slot);
    return this.#rows.nonce(slot);
  }

  /** Changes whenever the row does: what is derived from a row is kept beside this number. */
  lastChange(slot: number): number {
    if (this.reads !== undefined) this.reads.slot(slot);
    return this.#rows.rows[slot * ROW_WORDS + SERIAL_AT]!;
  }

  /** Brings what a transaction is about to use near the processor (StateRows.touch). */
  touchAddress(space: number, prefix: number, address: Uint8Array, at: number): void {
    this.#touched ^= this.#rows.touch(
      space,
      prefix,
      word(address, at),
      word(address, at + 4),
      word(address, at + 8),
      word(address, at + 12),
      word(address, at + 16),
    );
  }

  touchAccount(address: Uint8Array, at: number): void {
    this.#touched ^= this.#rows.touch(
      this.#accounts,
      word(address, at),
      word(address, at + 4),
      word(address, at + 8),
      word(address, at + 12),
      word(address, at + 16),
      0,
    );
  }

  /** What names a row, a space, the space of a row, in what a ReadRecorder tells. */
  keyHash(slot: number): number {
    return hashKey(this.#rows.wholeKey(slot));
  }

  spaceHash(space: number): number {
    const { prefix } = this.#rows.spaces[space]!;
    return hashSpace(prefix, 0, prefix.length);
  }

  spaceOf(slot: number): number {
    return this.#rows.rows[slot * ROW_WORDS]!;
  }

  // ── writing ─────────────────────────────────────────────────────────────────

  store(slot: number, value: Limbs): void {
    const before = this.#form(slot);
    this.#record(slot);
    const rows = this.#rows;
    rows.writeLimbs(slot, value, 0);
    if (!this.isAccount(slot)) rows.setForm(slot, isZero(value) ? Form.absent : Form.word);
    else rows.setForm(slot, isZero(value) && rows.nonce(slot) === 0 ? Form.absent : Form.account);
    if (before === Form.bytes) rows.blobs.delete(slot);
  }

  setNonce(slot: number, nonce: number): void {
    const form = this.#form(slot);
    this.#record(slot);
    this.#rows.setNonce(slot, nonce);
    if (nonce !== 0) this.#rows.setForm(slot, Form.account);
    else if (form === Form.account) {
      this.#rows.readLimbs(slot, this.#limbs, 0);
      this.#rows.setForm(slot, isZero(this.#limbs) ? Form.absent : Form.account);
    }
  }

  /** Writes bytes; undefined deletes. Empty bytes are a value. */
  set(slot: number, value: Uint8Array | undefined): void {
    this.#form(slot);
    this.#record(slot);
    this.#put(slot, value);
  }

  /** Keeps what a row holds before a write. */
  #record(slot: number): void {
    this.#undo.push(slot, this.#serial, this.#appliedSerial);
  }

  // ── lending ─────────────────────────────────────────────────────────────────

  /** For whoever compares rows of two tables (parallel/): to be read, not changed. */
  get parts(): { readonly rows: StateRows; readonly undo: UndoLog } {
    return this.#parts;
  }

  /** What the native shortcut for transfers writes in this table's place: rows and undo records, with room for `records` more. */
  lend(space: number, records: number): LentTable {
    this.#undo.reserve(records);
    return {
      rows: this.#rows,
      undo: this.#undo,
      serial: this.#serial,
      accounts: this.#rows.spaces[this.#accounts]!,
      balances: this.#rows.spaces[space]!,
    };
  }

  /** Takes back what was lent: `count` undo records, and the first and last of the two spaces. */
  takeBack(
    { accounts, balances }: LentTable,
    count: number,
    ends: { accountHead: number; accountTail: number; balanceHead: number; balanceTail: number },
  ): void {
    const written = [
      { space: accounts, head: ends.accountHead, tail: ends.accountTail },
      { space: balances, head: ends.balanceHead, tail: ends.balanceTail },
    ];
    this.#undo.adopt(count, written, this.#appliedSerial);
  }

  // ── transactions and blocks ─────────────────────────────────────────────────

  /** A point to go back to. Valid until it, or an older one, is reverted, or the block ends. */
  checkpoint(): number {
    return this.#undo.count;
  }

  revert(checkpoint: number): void {
    this.#undo.revert(checkpoint);
  }

  /**
   * Appends the block's delta (encoding/delta.ts): each key whose value differs from what it was when the block began.
   * @returns whether records of encrypted handles are among them.
   */
  writeDelta(out: ByteWriter): boolean {
    return this.#delta.write(out);
  }

  /** Whether the block has written to a key of the space that had a value when it began. */
  overwrites(space: number): boolean {
    const undo = this.#undo;
    for (let record = this.#rows.spaces[space]!.head; record !== NONE; record = undo.next(record))
      if (undo.formOf(record) !== Form.absent) return true;
    return false;
  }

  /** Every key changed since the checkpoint, with the value that it had then: what a simulation shows. */
  changesSince(checkpoint: number): { key: Uint8Array; before: RowValue; after: RowValue }[] {
    const first = new Map<number, RowValue>();
    for (let record = checkpoint; record < this.#undo.count; record++) {
      const slot = this.#undo.slotOf(record);
      if (!first.has(slot)) first.set(slot, this.#before(record));
    }
    return [...first].map(([slot, before]) => ({ key: this.#rows.wholeKey(slot), before, after: this.get(slot) }));
  }

  #before(record: number): RowValue {
    const undo = this.#undo;
    switch (undo.formOf(record)) {
      case Form.absent:
        return undefined;
      case Form.bytes:
        return undo.blobs.get(record)!;
      case Form.account:
        return accountValue(undo.nonceOf(record), undo.words, undo.limbsAt(record));
      default:
        return wordValue(undo.words, undo.limbsAt(record));
    }
  }

  /** The block stands as entry `seq` of the log: its changes stay until the snapshot has applied that entry. */
  endBlock(seq: number): void {
    this.#nextSerial(seq);
    this.#undo.clear();
  }

  /** Takes one side of a delta's values, as of entry `seq`: catching up, rolling back, dropping a block. */
  overwrite(delta: Uint8Array, direction: DeltaDirection, seq: number): void {
    if (this.#undo.count > 0) throw new Error("values are overwritten between blocks only");
    const cursor = new DeltaCursor(delta);
    const isForward = direction === "forward";
    let prefixAt = -1;
    let spaceId = -1;
    while (cursor.next()) {
      if (cursor.prefixAt !== prefixAt) {
        ({ prefixAt } = cursor);
        spaceId = this.space(delta.subarray(prefixAt, prefixAt + cursor.prefixLength));
      }
      const slot = this.#rows.findKeyAt(spaceId, delta, cursor.suffixAt, cursor.suffixLength);
      const { rows, spaces } = this.#rows;
      const at = slot * ROW_WORDS + SERIAL_AT;
      const space = spaces[spaceId]!;
      if (space.fresh !== undefined && rows[at]! <= this.#appliedSerial) space.fresh.add(slot);
      if (isForward) this.#putBytes(slot, delta, cursor.newAt, cursor.newLength);
      else this.#putBytes(slot, delta, cursor.oldAt, cursor.oldLength);
      rows[at] = this.#serial;
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
    while (done < this.#pending.length && this.#pending[done]!.seq <= seq)
      this.#appliedSerial = this.#pending[done++]!.serial;
    if (done > 0) this.#pending.splice(0, done);
    if (this.#rows.count <= this.#rowsMax || this.#pinned) return;
    this.#rows.keepAbove(this.#appliedSerial);
    for (const space of this.#rows.spaces) space.fresh = undefined;
    this.generation++;
  }

  /** Between blocks: forgets every row, changed or not, and reads again what the snapshot has then. */
  forget(): void {
    this.#pending = [];
    this.#appliedSerial = this.#serial++;
    this.#rows.keepAbove(Number.MAX_SAFE_INTEGER);
    for (const space of this.#rows.spaces) space.fresh = undefined;
    this.generation++;
  }

  // ── iterating ───────────────────────────────────────────────────────────────

  /** Entries of a space with start ≤ key < end (keys within the space), in byte order or reversed. An absent end is the space's own. */
  range(spaceId: number, start: Uint8Array, end: Uint8Array | undefined, reverse = false): Generator<StateEntry> {
    if (this.reads !== undefined) this.reads.range(spaceId);
    const space = this.#rows.spaces[spaceId]!;
    const own = this.#freshEntries(space, start, end);
    return mergedRange({
      snapshot: this.#snapshot,
      check: this.#check,
      own,
      prefix: space.prefix,
      start,
      end,
      reverse,
    });
  }

  /** What was changed since the snapshot, deletions too, in no order. */
  #freshEntries(space: Space, start: Uint8Array, end: Uint8Array | undefined): FreshEntry[] {
    const entries: FreshEntry[] = [];
    const fresh = new Set<number>();
    for (const slot of space.fresh ?? this.#scan(space)) {
      if (this.lastChange(slot) <= this.#appliedSerial) continue;
      fresh.add(slot);
      const key = this.#rows.wholeKey(slot).subarray(space.prefix.length);
      if (compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0))
        entries.push({ key, value: this.get(slot) });
    }
    space.fresh = fresh;
    return entries;
  }

  *#scan(space: Space): Generator<number> {
    for (let slot = 0; slot < this.#rows.count; slot++) if (this.#rows.rows[slot * ROW_WORDS] === space.id) yield slot;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
