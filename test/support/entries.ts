/**
 * Builds encoded log entries and keeps them as a log would: a chain of blocks with transactions, receipts with logs,
 * deltas that run both ways, and rollbacks, together with a plain model of the state they lead to.
 *   ChainBuilder ─▶ entries: Uint8Array[] ─▶ EntryList (an EntrySource in memory, cut into segments)
 */
import { createHash } from "node:crypto";
import {
  BlockEntry,
  blockHashOf,
  ENTRY_HEADER_BYTES,
  ENTRY_VERSION,
  EntryFlag,
  EntryKind,
} from "../../src/encoding/block-entry.ts";
import { ByteWriter, fromLatin1, writeU32, writeU64 } from "../../src/encoding/bytes.ts";
import { encodeDelta, type StateChange } from "../../src/encoding/delta.ts";
import { encodeReceipt, type Log, type Receipt } from "../../src/encoding/receipt.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import type { EntrySource, SegmentInfo } from "../../src/storage/entry-source.ts";

export interface TransactionSpec {
  /** Address of the contract called, 20 bytes; undefined for a deployment. */
  to: Uint8Array | undefined;
  /** Address of the contract made. */
  contractAddress?: Uint8Array;
  logs: Log[];
  /** Of a call; left out: calldata. */
  entrypoint?: string;
  /** What its receipt has instead. */
  receipt?: Partial<Receipt>;
  /** 32 bytes, in hex. */
  id?: string;
}

/** Latin1 key to value, undefined to delete. */
export type Changes = Map<string, Uint8Array | undefined>;

export interface BlockSpec {
  transactions?: TransactionSpec[];
  changes?: Changes;
  /** Left out: a millisecond after the entry before. */
  timestampMs?: number;
}

/** State by latin1 key. */
export type Model = ReadonlyMap<string, Uint8Array>;

const HASH_BYTES = 32;

/** Appends blocks and rollbacks; keeps every entry, and the model state at every canonical height. */
export class ChainBuilder {
  readonly entries: Uint8Array[] = [];
  /** States of the canonical heights; height 0 is the first block. */
  readonly #states: Model[] = [];
  readonly #hashes: Uint8Array[] = [];
  readonly #times: number[] = [];
  #nonce = 0;

  get headHeight(): number {
    return this.#states.length - 1;
  }

  /** The state after the canonical head. */
  get state(): Model {
    return this.#states.at(-1) ?? new Map();
  }

  /** Block hashes by height. */
  get hashes(): readonly Uint8Array[] {
    return this.#hashes;
  }

  block(spec: BlockSpec = {}): BlockEntry {
    const before = this.state;
    const after = new Map(before);
    for (const [key, value] of spec.changes ?? []) {
      if (value === undefined) after.delete(key);
      else after.set(key, value);
    }
    const bytes = encodeBlock({
      seq: this.entries.length,
      height: this.#states.length,
      parentHash: this.#hashes.at(-1) ?? new Uint8Array(HASH_BYTES),
      timestampMs: spec.timestampMs ?? 1_700_000_000_000 + this.entries.length,
      transactions: spec.transactions ?? [],
      firstNonce: this.#nonce,
      delta: encodeDelta(changesFrom(before, spec.changes ?? new Map())),
    });
    this.#nonce += spec.transactions?.length ?? 0;
    const entry = BlockEntry.parse(bytes);
    this.entries.push(bytes);
    this.#states.push(after);
    this.#hashes.push(entry.blockHash.slice());
    this.#times.push(entry.timestampMs);
    return entry;
  }

  rollBack(height: number): BlockEntry {
    const bytes = new Uint8Array(ENTRY_HEADER_BYTES);
    bytes[0] = EntryKind.rollback;
    bytes[1] = ENTRY_VERSION;
    writeU64(bytes, 8, this.entries.length);
    writeU64(bytes, 16, height);
    writeU64(bytes, 24, this.#times[height]!);
    bytes.set(this.#hashes[height]!, 192);
    this.#states.length = height + 1;
    this.#hashes.length = height + 1;
    this.#times.length = height + 1;
    this.entries.push(bytes);
    return BlockEntry.parse(bytes);
  }
}

interface BlockParts {
  seq: number;
  height: number;
  timestampMs: number;
  parentHash: Uint8Array;
  transactions: readonly TransactionSpec[];
  firstNonce: number;
  delta: Uint8Array;
}

function encodeBlock(parts: BlockParts): Uint8Array {
  const count = parts.transactions.length;
  const transactions = new ByteWriter(256);
  const receipts = new ByteWriter(256);
  const hashes = new ByteWriter(256);
  const offsets = new Uint8Array(8 * count);
  parts.transactions.forEach((spec, i) => {
    const start = transactions.length;
    writeU32(offsets, 4 * i, start);
    encodeTransaction(transactionJson(spec, parts.firstNonce + i), transactions);
    hashes.raw(createHash("sha256").update(transactions.bytes.subarray(start, transactions.length)).digest());
    writeU32(offsets, 4 * (count + i), receipts.length);
    encodeReceipt(receiptOf(spec), receipts);
  });
  const header = new Uint8Array(ENTRY_HEADER_BYTES);
  header[0] = EntryKind.block;
  header[1] = ENTRY_VERSION;
  header[2] = 1;
  writeU32(header, 4, count);
  writeU64(header, 8, parts.seq);
  writeU64(header, 16, parts.height);
  writeU64(header, 24, parts.timestampMs);
  if (parts.transactions.some(({ id }) => id !== undefined)) writeU32(header, 52, EntryFlag.hasIds);
  writeU32(header, 40, transactions.length);
  writeU32(header, 44, receipts.length);
  writeU32(header, 48, parts.delta.length);
  writeU64(header, 56, 1);
  header.set(parts.parentHash, 64);
  header.set(createHash("sha256").update(parts.delta).digest(), 96);
  header.set(blockHashOf(header), 192);
  return Buffer.concat([header, hashes.written(), offsets, transactions.written(), receipts.written(), parts.delta]);
}

function transactionJson(spec: TransactionSpec, nonce: number): TransactionJson {
  const common = { sender: `0x${"11".repeat(20)}`, nonce, gasLimit: 100_000, ...(spec.id && { id: spec.id }) };
  return spec.to === undefined
    ? { ...common, kind: "deploy", contract: { type: "test" } }
    : {
        ...common,
        kind: "call",
        to: `0x${Buffer.from(spec.to).toString("hex")}`,
        ...(spec.entrypoint === undefined ? { calldata: "0x01" } : { entrypoint: spec.entrypoint, args: [] }),
      };
}

function receiptOf(spec: TransactionSpec): Receipt {
  return {
    status: "success",
    haltReason: undefined,
    gasUsed: 21_000,
    contractAddress: spec.contractAddress,
    returnData: new Uint8Array(0),
    logs: spec.logs,
    ...spec.receipt,
  };
}

/** The changes from `before`, in byte order as an overlay lists them. */
function changesFrom(before: Model, changes: Changes): StateChange[] {
  const keys = [...changes.keys()].sort();
  return keys.map((key) => ({ key: fromLatin1(key), newValue: changes.get(key), oldValue: before.get(key) }));
}

/** A log in memory, cut into segments of `segmentEntries` entries; all but the last are sealed. */
export class EntryList implements EntrySource {
  readonly #entries: readonly Uint8Array[];
  readonly #segmentEntries: number;
  #durableSeq = -1;
  /** Entries handed out, in bytes: what bounds on scanning are tested against. */
  bytesRead = 0;

  constructor(entries: readonly Uint8Array[], segmentEntries = 8) {
    this.#entries = entries;
    this.#segmentEntries = segmentEntries;
  }

  advance(durableSeq: number): void {
    this.#durableSeq = Math.max(this.#durableSeq, durableSeq);
  }

  read(seq: number): Uint8Array | undefined {
    if (seq > this.#durableSeq) return undefined;
    const entry = this.#entries[seq];
    this.bytesRead += entry?.length ?? 0;
    return entry?.slice();
  }

  entries(fromSeq: number, bytesMax: number): Uint8Array[] {
    const found: Uint8Array[] = [];
    let length = 0;
    for (let seq = fromSeq; seq <= this.#durableSeq && (found.length === 0 || length < bytesMax); seq++) {
      if (seq > fromSeq && seq % this.#segmentEntries === 0) break;
      const entry = this.read(seq);
      if (entry === undefined) break;
      found.push(entry);
      length += entry.length;
    }
    return found;
  }

  segments(): SegmentInfo[] {
    const segments: SegmentInfo[] = [];
    for (let firstSeq = 0; firstSeq <= this.#durableSeq; firstSeq += this.#segmentEntries) {
      const end = firstSeq + this.#segmentEntries;
      const sealed = end < this.#entries.length;
      segments.push({ path: `segment-${firstSeq}`, firstSeq, lastSeq: Math.min(end - 1, this.#durableSeq), sealed });
    }
    return segments;
  }
}
