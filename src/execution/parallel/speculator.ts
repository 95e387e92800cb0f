/**
 * Speculator: runs transactions on a helper's table, and writes down what each read, wrote and answered (records.ts).
 *   transaction ── its own nonce taken as right ──▶ dispatcher ──▶ rows read and written, receipt, gas ──▶ Records
 * A transaction runs on the state of the block before and on what this helper's earlier ones left: whether that is what the
 * order of the block gives is for the executor to see.
 * Always
 *  - A record that stands names every row that the outcome depends on, but the nonce of the sender, which the executor checks.
 *  - What more than rows may tell (a range, a contract made or changed, a fault) does not stand: the executor runs it.
 */
import { alignUp, ByteWriter, readU64 } from "../../encoding/bytes.ts";
import { StateTag } from "../../encoding/state-key.ts";
import { TX_NONCE_AT, TX_SENDER_AT, TxFlag } from "../../encoding/transaction.ts";
import type { BlockContext } from "../host.ts";
import { Form, ROW_WORDS } from "../state-rows.ts";
import type { StateTable } from "../state-table.ts";
import type { UnifiedContractEngine } from "../unified-engine.ts";
import { RECORD_HEADER_WORDS, type Records, RecordWord, RowFlag } from "./records.ts";

/** Thrown where records are full. */
const FULL = new Error("records are full");
const NO_HASH = new Uint8Array(32);
/** Rows of a contract's record or code: who changes them does more than write rows. */
const NOT_WRITTEN: ReadonlySet<number> = new Set([StateTag.contract, StateTag.code, StateTag.codeNumber]);
const LIMB_WORDS = 8;

export class Speculator {
  readonly #table: StateTable;
  readonly #engine: UnifiedContractEngine;
  readonly #records: Records;
  readonly #clock: () => number;
  readonly #receipt = new ByteWriter();
  /** Slots that the transaction looked at, each once. */
  readonly #read: number[] = [];
  #stamps = new Uint32Array(4096);
  #stamp = 0;
  #isWhole = true;
  /** By slot, `#epoch` where the executor knows it. */
  #known = new Uint32Array(4096);
  #epoch = 1;
  /** By slot, the bytes that were said of it last. */
  readonly #said = new Map<number, Uint8Array>();
  #knownGeneration = -1;
  #at = 0;

  /** @param clock microseconds. */
  constructor(modules: {
    table: StateTable;
    engine: UnifiedContractEngine;
    records: Records;
    clock: () => number;
  }) {
    this.#table = modules.table;
    this.#engine = modules.engine;
    this.#records = modules.records;
    this.#clock = modules.clock;
  }

  /** @param transactions is changed: nonces that were left out are filled in, with whatever number. */
  run(
    task: number,
    {
      block,
      transactions,
      share,
      forgetSlots,
    }: {
      block: BlockContext;
      transactions: Uint8Array;
      share: Uint32Array;
      forgetSlots: boolean;
    },
  ): void {
    const records = this.#records;
    const begun = this.#clock();
    if (forgetSlots || this.#knownGeneration !== this.#table.generation) {
      this.#epoch++;
      this.#said.clear();
    }
    this.#knownGeneration = this.#table.generation;
    this.#at = 0;
    this.#engine.beginBlock(block);
    records.beginTask(task);
    for (let i = 0; i < share.length && !records.isCancelled(task); i += 2) {
      const start = this.#at;
      try {
        this.#runOne(transactions, share[i]!, share[i + 1]!);
      } catch (problem) {
        if (problem !== FULL) throw problem;
        this.#at = start;
        break;
      }
      records.publish(this.#at);
    }
    records.endTask(task, this.#clock() - begun);
  }

  #runOne(bytes: Uint8Array, index: number, at: number): void {
    const table = this.#table;
    const sender = table.accountSlot(bytes, at + TX_SENDER_AT);
    this.#takeNonce(bytes, at, sender);
    const checkpoint = table.checkpoint();
    this.#beginReads();
    const begun = this.#clock();
    let gasUsed = 0;
    try {
      this.#engine.admit(bytes, at);
      this.#receipt.length = 0;
      ({ gasUsed } = this.#engine.run(this.#noHash, this.#receipt));
    } catch {
      // A rejection has no receipt; a fault of this thread need not be one of the executor's.
      this.#isWhole = false;
      table.revert(checkpoint);
      this.#engine.reverted();
    }
    table.reads = undefined;
    this.#write(index, sender, checkpoint, gasUsed, this.#clock() - begun);
  }

  /** The nonce is right, or the executor rejects the transaction: here it is made right. */
  #takeNonce(bytes: Uint8Array, at: number, sender: number): void {
    const table = this.#table;
    if (bytes[at + 1]! & TxFlag.nonceLeftOut) {
      bytes[at + 1]! &= ~TxFlag.nonceLeftOut;
      bytes.fill(0, at + TX_NONCE_AT, at + TX_NONCE_AT + 8);
    }
    const nonce = readU64(bytes, at + TX_NONCE_AT);
    if (table.nonce(sender) !== nonce) table.setNonce(sender, nonce);
  }

  /** Only what makes a contract asks for the hash. */
  readonly #noHash = (): Uint8Array => {
    this.#isWhole = false;
    return NO_HASH;
  };

  // ── reads ───────────────────────────────────────────────────────────────────

  #beginReads(): void {
    this.#read.length = 0;
    this.#isWhole = true;
    this.#nextStamp();
    this.#table.reads = this;
  }

  slot(slot: number): void {
    if (this.#mark(slot)) this.#read.push(slot);
  }

  range(): void {
    this.#isWhole = false;
  }

  #nextStamp(): void {
    if (++this.#stamp < 0xffffffff) return;
    this.#stamps.fill(0);
    this.#stamp = 1;
  }

  /** Whether it is the first time since the stamp was changed. */
  #mark(slot: number): boolean {
    if (slot >= this.#stamps.length) {
      this.#stamps = longer(this.#stamps, slot);
      this.#known = longer(this.#known, slot);
    }
    if (this.#stamps[slot] === this.#stamp) return false;
    this.#stamps[slot] = this.#stamp;
    return true;
  }

  // ── records ─────────────────────────────────────────────────────────────────

  #write(index: number, sender: number, checkpoint: number, gasUsed: number, microseconds: number): void {
    const { words, bytes } = this.#records;
    const start = this.#at;
    this.#room(RECORD_HEADER_WORDS);
    this.#at = start + RECORD_HEADER_WORDS;
    const receipt = this.#receipt;
    let written = 0;
    let rows = 0;
    if (this.#isWhole && !this.#writesOnlyRows(checkpoint, sender)) this.#isWhole = false;
    if (this.#isWhole) {
      this.#room(alignUp(receipt.length) / 4);
      bytes.set(receipt.written(), 4 * this.#at);
      this.#at += alignUp(receipt.length) / 4;
      written = this.#writeWritten(checkpoint);
      rows = written;
      for (const slot of this.#read)
        if (this.#mark(slot)) {
          this.#writeRow(slot, -1);
          rows++;
        }
    }
    words[start + RecordWord.index] = index;
    words[start + RecordWord.words] = this.#at - start;
    words[start + RecordWord.stands] = this.#isWhole ? 1 : 0;
    words[start + RecordWord.gasLow] = gasUsed % 4294967296;
    words[start + RecordWord.gasHigh] = Math.floor(gasUsed / 4294967296);
    words[start + RecordWord.receiptBytes] = receipt.length;
    words[start + RecordWord.written] = written;
    words[start + RecordWord.rows] = rows;
    words[start + RecordWord.microseconds] = microseconds;
  }

  /** False when a contract was made or changed, or has used a nonce. */
  #writesOnlyRows(checkpoint: number, sender: number): boolean {
    const { rows, undo } = this.#table.parts;
    this.#nextStamp();
    for (let record = checkpoint; record < undo.count; record++) {
      const slot = undo.slotOf(record);
      if (!this.#mark(slot)) continue;
      if (NOT_WRITTEN.has(this.#tagOf(slot))) return false;
      if (rows.nonce(slot) !== undo.nonceOf(record) + (slot === sender ? 1 : 0)) return false;
    }
    return true;
  }

  /** Rows that the transaction has written and not taken back, in the order of their first write. */
  #writeWritten(checkpoint: number): number {
    const { undo } = this.#table.parts;
    let written = 0;
    this.#nextStamp();
    for (let record = checkpoint; record < undo.count; record++) {
      const slot = undo.slotOf(record);
      if (!this.#mark(slot)) continue;
      this.#writeRow(slot, record);
      written++;
    }
    return written;
  }

  #tagOf(slot: number): number {
    const { rows } = this.#table.parts;
    return rows.spaces[rows.rows[slot * ROW_WORDS]!]!.prefix[0]!;
  }

  /** @param record the undo record with the value before; below 0: it was not written. */
  #writeRow(slot: number, record: number): void {
    const { rows, undo } = this.#table.parts;
    const { words } = this.#records;
    // A contract that was resolved before is not read again: its row may be there without its value.
    this.#table.has(slot);
    const before = record < 0 ? rows.form(slot) : undo.formOf(record);
    const after = record < 0 ? before : rows.form(slot);
    const isKnown = this.#known[slot] === this.#epoch;
    const isCode = this.#tagOf(slot) === StateTag.code;
    let flags = before | (after << 8);
    if (!isKnown) flags |= RowFlag.defined;
    let blob: Uint8Array | undefined;
    if (isCode) flags |= RowFlag.presence;
    else if (before === Form.bytes) {
      blob = record < 0 ? rows.blobs.get(slot)! : undo.blobs.get(record)!;
      if (this.#said.get(slot) === blob) flags |= RowFlag.same;
      else this.#said.set(slot, blob);
    }
    this.#room(2 + 2 * LIMB_WORDS);
    words[this.#at++] = slot;
    words[this.#at++] = flags;
    if (!isKnown) this.#writeKey(slot);
    this.#known[slot] = this.#epoch;
    if (isCode) return;
    if (blob !== undefined) {
      if ((flags & RowFlag.same) === 0) this.#writeBytes(blob);
    } else if (before !== Form.absent) {
      if (record < 0) rows.readLimbs(slot, words, this.#at);
      else copyLimbs(undo.words, undo.limbsAt(record), words, this.#at);
      this.#at += LIMB_WORDS;
    }
    if (record < 0 || after === Form.absent) return;
    if (after === Form.bytes) {
      this.#writeBytes(rows.blobs.get(slot)!);
      return;
    }
    this.#room(LIMB_WORDS);
    rows.readLimbs(slot, words, this.#at);
    this.#at += LIMB_WORDS;
  }

  #writeKey(slot: number): void {
    const { rows } = this.#table.parts;
    const { words, bytes } = this.#records;
    const key = rows.wholeKey(slot);
    const prefixLength = rows.spaces[rows.rows[slot * ROW_WORDS]!]!.prefix.length;
    this.#room(2 + alignUp(key.length) / 4 + 2 * LIMB_WORDS);
    words[this.#at++] = prefixLength;
    words[this.#at++] = key.length - prefixLength;
    bytes.set(key, 4 * this.#at);
    this.#at += alignUp(key.length) / 4;
  }

  #writeBytes(blob: Uint8Array): void {
    const { words, bytes } = this.#records;
    const length = alignUp(blob.length) / 4;
    this.#room(1 + length + LIMB_WORDS);
    words[this.#at++] = blob.length;
    bytes.set(blob, 4 * this.#at);
    this.#at += length;
  }

  #room(words: number): void {
    if (this.#at + words > this.#records.words.length) throw FULL;
  }
}

function longer(array: Uint32Array<ArrayBuffer>, slot: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(Math.max(2 * array.length, slot + 1));
  grown.set(array);
  return grown;
}

function copyLimbs(from: Uint32Array, at: number, to: Uint32Array, toAt: number): void {
  for (let i = 0; i < LIMB_WORDS; i++) to[toAt + i] = from[at + i]!;
}
