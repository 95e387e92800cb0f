/**
 * Lane: the executor's side of one helper: reads its records in the order of the block, and takes over what still holds.
 *   record ── each row's value before = this table's value? ──▶ nonce, rows, receipt written as if the transaction had run here
 * Always
 *  - What is adopted is what running the transaction here would give: it saw the same values, and nothing else counts.
 *  - Rows are written in the order of their first write: the order of the block's delta follows from it.
 */
import { alignUp, type ByteWriter, equalBytes, readU64 } from "../../encoding/bytes.ts";
import { TX_NONCE_AT, TX_SENDER_AT } from "../../encoding/transaction.ts";
import { isZero, newUint256 } from "../../encoding/uint256.ts";
import { Form } from "../state-rows.ts";
import type { StateTable } from "../state-table.ts";
import { RECORD_HEADER_WORDS, RecordWord, RowFlag } from "./records.ts";
import type { Speculation, SpeculationTask, TaskTimes } from "./speculation.ts";

/** Why a transaction of a helper's share is run here after all. */
export type Missed = "late" | "left" | "conflict";

const LIMB_WORDS = 8;
const NO_SLOT = -1;

export class Lane {
  readonly #table: StateTable;
  readonly #helper: Speculation;
  #words: Uint32Array;
  #bytes: Uint8Array;
  /** This table's slot, by the helper's. */
  #slots = new Int32Array(4096).fill(NO_SLOT);
  /** By the helper's slot, the bytes that it said last: this table's own where they are equal. */
  readonly #said = new Map<number, Uint8Array>();
  readonly #limbs = newUint256();
  readonly #after = newUint256();
  #generation = -1;
  #task = 0;
  /** Transactions of the share whose records were not read yet. */
  #left = 0;
  /** Of the next record. */
  #at = 0;
  /** Words of records that are known to be there. */
  #published = 0;
  #forgetSlots = true;
  /** What the adopted transaction came to. */
  gasUsed = 0;
  microseconds = 0;

  constructor(table: StateTable, helper: Speculation) {
    this.#table = table;
    this.#helper = helper;
    this.#words = helper.records.words;
    this.#bytes = helper.records.bytes;
  }

  isReady(parentSeq: number): boolean {
    return this.#helper.isReady(parentSeq);
  }

  /** Since `begin`, the table has not given its slots to others. */
  get hasItsSlots(): boolean {
    return this.#generation === this.#table.generation;
  }

  begin(task: Omit<SpeculationTask, "forgetSlots">): void {
    const forgetSlots = this.#forgetSlots || this.#generation !== this.#table.generation;
    this.#generation = this.#table.generation;
    if (forgetSlots) {
      this.#said.clear();
      this.#slots.fill(NO_SLOT);
    }
    this.#forgetSlots = false;
    this.#at = 0;
    this.#published = 0;
    this.#left = task.share.length / 2;
    this.#task = this.#helper.begin({ ...task, forgetSlots });
    this.#words = this.#helper.records.words;
    this.#bytes = this.#helper.records.bytes;
  }

  /** Nothing more of the task is adopted. @returns how long it took, if all of it was. */
  end(): TaskTimes | undefined {
    const times = this.#helper.end(this.#task);
    if (this.#left === 0) return times;
    // What the helper has told of slots meanwhile was not heard.
    this.#forgetSlots = true;
    return undefined;
  }

  /**
   * Takes over the outcome of the share's next transaction, and appends its receipt; or says why not, and has changed nothing.
   * @param at where it stands in `transactions`, its nonce filled in.
   */
  adopt(index: number, transactions: Uint8Array, at: number, receipts: ByteWriter): Missed | undefined {
    const start = this.#nextRecord(index);
    if (start === undefined) return "late";
    if (this.#words[start + RecordWord.stands] === 0) return "left";
    const table = this.#table;
    const isCurrent = this.#readRows(start);
    const sender = table.accountSlot(transactions, at + TX_SENDER_AT);
    const nonce = readU64(transactions, at + TX_NONCE_AT);
    if (!isCurrent || nonce !== table.nonce(sender)) return "conflict";
    table.setNonce(sender, nonce + 1);
    this.#writeRows(start, sender);
    const receiptAt = 4 * (start + RECORD_HEADER_WORDS);
    receipts.copy(this.#bytes, receiptAt, receiptAt + this.#words[start + RecordWord.receiptBytes]!);
    this.gasUsed = this.#words[start + RecordWord.gasLow]! + this.#words[start + RecordWord.gasHigh]! * 4294967296;
    this.microseconds = this.#words[start + RecordWord.microseconds]!;
    return undefined;
  }

  /** Where the record of transaction `index` stands, if it is there in time. Those of earlier ones came too late. */
  #nextRecord(index: number): number | undefined {
    const words = this.#words;
    while (this.#left > 0) {
      const start = this.#at;
      if (start >= this.#published) this.#published = this.#helper.awaitRecords(this.#task, start);
      if (start >= this.#published) return undefined;
      if (words[start + RecordWord.index]! > index) return undefined;
      this.#at = start + words[start + RecordWord.words]!;
      this.#left--;
      if (words[start + RecordWord.index] === index) return start;
      // What it says of slots counts all the same.
      if (words[start + RecordWord.stands] === 1) this.#readRows(start);
    }
    return undefined;
  }

  #rowsAt(start: number): number {
    return start + RECORD_HEADER_WORDS + alignUp(this.#words[start + RecordWord.receiptBytes]!) / 4;
  }

  /** Notes the slots that a record defines, and answers whether every row holds what the helper saw. */
  #readRows(start: number): boolean {
    const words = this.#words;
    const count = words[start + RecordWord.rows]!;
    const written = words[start + RecordWord.written]!;
    let isCurrent = true;
    for (let row = 0, at = this.#rowsAt(start); row < count; row++) {
      const named = words[at]!;
      const flags = words[at + 1]!;
      at += 2;
      if (flags & RowFlag.defined) at = this.#define(named, at);
      const slot = this.#slots[named] ?? NO_SLOT;
      const before = flags & 255;
      if (slot === NO_SLOT || !this.#holds(named, slot, flags, at)) isCurrent = false;
      if (flags & RowFlag.presence) continue;
      if ((flags & RowFlag.same) === 0) at = this.#afterValue(before, at);
      if (row < written) at = this.#afterValue((flags >>> 8) & 255, at);
    }
    return isCurrent;
  }

  #define(named: number, at: number): number {
    const words = this.#words;
    const prefixLength = words[at]!;
    const length = prefixLength + words[at + 1]!;
    const from = 4 * (at + 2);
    const table = this.#table;
    const space = table.space(this.#bytes.subarray(from, from + prefixLength));
    if (named >= this.#slots.length) {
      const longer = new Int32Array(Math.max(2 * this.#slots.length, named + 1)).fill(NO_SLOT);
      longer.set(this.#slots);
      this.#slots = longer;
    }
    this.#slots[named] = table.slot(space, this.#bytes.subarray(from + prefixLength, from + length));
    return at + 2 + alignUp(length) / 4;
  }

  /** Whether this table's row has the value whose form is `flags`' and whose content stands at `at`. */
  #holds(named: number, slot: number, flags: number, at: number): boolean {
    const table = this.#table;
    const { rows } = table.parts;
    const isThere = table.has(slot);
    const before = flags & 255;
    if (flags & RowFlag.presence) return isThere === (before !== Form.absent);
    const form = rows.form(slot);
    if (table.isAccount(slot)) {
      // Only what an account has counts: who reads nonces makes contracts, and that does not stand.
      rows.readLimbs(slot, this.#limbs, 0);
      return before === Form.absent ? isZero(this.#limbs) : this.#equalsLimbs(at);
    }
    if (form !== before) return false;
    if (form === Form.absent) return true;
    if (form !== Form.bytes) {
      rows.readLimbs(slot, this.#limbs, 0);
      return this.#equalsLimbs(at);
    }
    const own = rows.blobs.get(slot)!;
    if (flags & RowFlag.same) return this.#equalsSaid(own, named);
    const isEqual = this.#equalsBytes(own, at);
    const from = 4 * (at + 1);
    this.#said.set(named, isEqual ? own : this.#bytes.slice(from, from + this.#words[at]!));
    return isEqual;
  }

  /** A row that is written without being changed has other bytes here, and none in the helper's next state. */
  #equalsSaid(own: Uint8Array, named: number): boolean {
    const said = this.#said.get(named);
    if (said === own) return true;
    if (said === undefined || !equalBytes(said, own)) return false;
    this.#said.set(named, own);
    return true;
  }

  #equalsLimbs(at: number): boolean {
    for (let i = 0; i < LIMB_WORDS; i++) if (this.#limbs[i] !== this.#words[at + i]) return false;
    return true;
  }

  #equalsBytes(own: Uint8Array, at: number): boolean {
    const length = this.#words[at]!;
    if (own.length !== length) return false;
    const from = 4 * (at + 1);
    for (let i = 0; i < length; i++) if (own[i] !== this.#bytes[from + i]) return false;
    return true;
  }

  #afterValue(form: number, at: number): number {
    if (form === Form.absent) return at;
    return form === Form.bytes ? at + 1 + alignUp(this.#words[at]!) / 4 : at + LIMB_WORDS;
  }

  #writeRows(start: number, sender: number): void {
    const words = this.#words;
    const count = words[start + RecordWord.written]!;
    for (let row = 0, at = this.#rowsAt(start); row < count; row++) {
      const slot = this.#slots[words[at]!]!;
      const flags = words[at + 1]!;
      at += 2;
      if (flags & RowFlag.defined) at += 2 + alignUp(words[at]! + words[at + 1]!) / 4;
      const before = at;
      if ((flags & RowFlag.same) === 0) at = this.#afterValue(flags & 255, at);
      // The sender's nonce was written before; its balance is, if it was.
      if (slot !== sender || !this.#isSame(before, at)) this.#writeValue(slot, (flags >>> 8) & 255, at);
      at = this.#afterValue((flags >>> 8) & 255, at);
    }
  }

  /** Whether an account's balance before and after are one. */
  #isSame(before: number, after: number): boolean {
    if (after - before !== LIMB_WORDS) return false;
    for (let i = 0; i < LIMB_WORDS; i++) if (this.#words[before + i] !== this.#words[after + i]) return false;
    return true;
  }

  #writeValue(slot: number, form: number, at: number): void {
    const table = this.#table;
    if (form === Form.bytes) {
      const from = 4 * (at + 1);
      table.set(slot, this.#bytes.slice(from, from + this.#words[at]!));
    } else if (form === Form.absent && !table.isAccount(slot)) {
      table.set(slot, undefined);
    } else {
      for (let i = 0; i < LIMB_WORDS; i++) this.#after[i] = form === Form.absent ? 0 : this.#words[at + i]!;
      table.store(slot, this.#after);
    }
  }
}
