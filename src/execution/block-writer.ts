/**
 * BlockWriter: the entry of a block in the making.
 *   while it runs   place ─▶ where each included transaction stands in the input, and its receipt in `receipts`
 *   at its end      delta, state root ─▶ write ─▶ transaction hashes, receipts root, block hash ─▶ the entry's bytes
 * One block at a time; its arrays are kept for the next.
 */
import { blockHashOf, ENTRY_HEADER_BYTES, ENTRY_VERSION, EntryFlag, EntryKind } from "../encoding/block-entry.ts";
import { alignUp, ByteWriter, writeU32, writeU64 } from "../encoding/bytes.ts";
import type { BatchHasher } from "../encoding/hash.ts";
import { TX_HASH_DOMAIN, TxFlag, transactionLength } from "../encoding/transaction.ts";
import type { ChainParameters } from "./parameters.ts";
import type { BlockArrays } from "./plain-transfers.ts";

export interface BlockHeading {
  readonly height: number;
  readonly seq: number;
  readonly timestampMs: number;
  readonly parentHash: Uint8Array;
  /** Canonical encodings, each from a multiple of 4. The executor fills in nonces that were left out. */
  readonly transactions: Uint8Array;
}

/** What became of the input, beside the transactions that were placed. */
export interface WrittenBlock {
  readonly included: number;
  readonly gasUsed: number;
  /** Root of the state after the block, 32 bytes. */
  readonly stateRoot: Uint8Array;
  readonly hasIds: boolean;
  readonly hasHandles: boolean;
  readonly changesContracts: boolean;
}

const HASH_BYTES = 32;
const NO_PREFIX = new Uint8Array(0);

export class BlockWriter {
  readonly receipts = new ByteWriter();
  readonly delta = new ByteWriter();
  readonly #parameters: ChainParameters;
  readonly #hasher: BatchHasher;
  readonly #hashPrefix: Uint8Array;
  /** By included transaction: start and end in the input, start in the receipts. */
  #ranges = new Uint32Array(2048);
  #receiptAt = new Uint32Array(1024);
  readonly #oneRange = new Uint32Array(2);

  constructor(hasher: BatchHasher, parameters: ChainParameters) {
    this.#hasher = hasher;
    this.#parameters = parameters;
    this.#hashPrefix = new Uint8Array(TX_HASH_DOMAIN.length + 8);
    this.#hashPrefix.set(Buffer.from(TX_HASH_DOMAIN, "latin1"));
    writeU64(this.#hashPrefix, TX_HASH_DOMAIN.length, parameters.chainId);
  }

  // ── while transactions run ──────────────────────────────────────────────────

  /** The transaction at `at`, if it is included, is the one at `position`; its receipt comes next. */
  place(at: number, length: number, position: number): void {
    this.#reserve(position + 1);
    this.#ranges[2 * position] = at;
    this.#ranges[2 * position + 1] = at + length;
    this.#receiptAt[position] = this.receipts.length;
  }

  /** For whoever places transactions itself: there is room up to position `included`. */
  arrays(transactions: Uint8Array, submissionEnds: Uint32Array, included: number): BlockArrays {
    this.#reserve(included);
    const { receipts } = this;
    return { transactions, submissionEnds, receipts, ranges: this.#ranges, receiptAt: this.#receiptAt };
  }

  #reserve(included: number): void {
    while (included > this.#receiptAt.length) {
      this.#ranges = grown(this.#ranges);
      this.#receiptAt = grown(this.#receiptAt);
    }
  }

  /** Whether one of the first `included` transactions names itself. */
  hasIds(transactions: Uint8Array, included: number): boolean {
    for (let i = 0; i < included; i++) if (transactions[this.#ranges[2 * i]! + 1]! & TxFlag.id) return true;
    return false;
  }

  /** Hash of one encoding, as it would stand in a block of this chain. */
  transactionHash(bytes: Uint8Array, at: number): Uint8Array {
    const hash = new Uint8Array(HASH_BYTES);
    this.#oneRange[0] = at;
    this.#oneRange[1] = at + transactionLength(bytes, at);
    this.#hasher.sha256Batch(bytes, this.#oneRange, 1, this.#hashPrefix, hash);
    return hash;
  }

  // ── at its end ──────────────────────────────────────────────────────────────

  write(input: BlockHeading, made: WrittenBlock): Uint8Array<ArrayBuffer> {
    const { included } = made;
    const { receipts, delta } = this;
    const { chainId, protocolVersion } = this.#parameters;
    let transactionBytes = 0;
    for (let i = 0; i < included; i++) transactionBytes += alignUp(this.#ranges[2 * i + 1]! - this.#ranges[2 * i]!);
    const fixed = ENTRY_HEADER_BYTES + 40 * included;
    const entry = new Uint8Array(new ArrayBuffer(fixed + transactionBytes + receipts.length + delta.length));
    const hashes = entry.subarray(ENTRY_HEADER_BYTES, ENTRY_HEADER_BYTES + HASH_BYTES * included);
    this.#hasher.sha256Batch(input.transactions, this.#ranges, included, this.#hashPrefix, hashes);
    this.#copySections(entry, input.transactions, { included, fixed, transactionBytes });
    entry[0] = EntryKind.block;
    entry[1] = ENTRY_VERSION;
    entry[2] = protocolVersion;
    entry[3] = protocolVersion >>> 8;
    writeU32(entry, 4, included);
    writeU64(entry, 8, input.seq);
    writeU64(entry, 16, input.height);
    writeU64(entry, 24, input.timestampMs);
    writeU64(entry, 32, made.gasUsed);
    writeU32(entry, 40, transactionBytes);
    writeU32(entry, 44, receipts.length);
    writeU32(entry, 48, delta.length);
    const flags =
      (made.hasIds ? EntryFlag.hasIds : 0) |
      (made.changesContracts ? EntryFlag.changesContracts : 0) |
      (made.hasHandles ? EntryFlag.hasHandles : 0);
    writeU32(entry, 52, flags);
    writeU64(entry, 56, chainId);
    entry.set(input.parentHash, 64);
    entry.set(made.stateRoot, 96);
    entry.set(this.#receiptsRoot(included), 128);
    entry.set(this.#hasher.merkleRoot(hashes, included), 160);
    entry.set(blockHashOf(entry), 192);
    return entry;
  }

  #copySections(
    entry: Uint8Array,
    transactions: Uint8Array,
    { included, fixed, transactionBytes }: { included: number; fixed: number; transactionBytes: number },
  ): void {
    const offsetsAt = ENTRY_HEADER_BYTES + HASH_BYTES * included;
    const whole = transactionBytes === transactions.length;
    if (whole) entry.set(transactions, fixed);
    let to = 0;
    for (let i = 0; i < included; i++) {
      const start = this.#ranges[2 * i]!;
      const end = this.#ranges[2 * i + 1]!;
      if (!whole) entry.set(transactions.subarray(start, end), fixed + to);
      writeU32(entry, offsetsAt + 4 * i, to);
      writeU32(entry, offsetsAt + 4 * included + 4 * i, this.#receiptAt[i]!);
      to += alignUp(end - start);
    }
    entry.set(this.receipts.written(), fixed + transactionBytes);
    entry.set(this.delta.written(), fixed + transactionBytes + this.receipts.length);
  }

  /** Ranges of the transactions are no longer needed: receipts take their place. */
  #receiptsRoot(included: number): Uint8Array {
    const { receipts } = this;
    for (let i = 0; i < included; i++) {
      this.#ranges[2 * i] = this.#receiptAt[i]!;
      this.#ranges[2 * i + 1] = i + 1 < included ? this.#receiptAt[i + 1]! : receipts.length;
    }
    const hashes = new Uint8Array(HASH_BYTES * included);
    this.#hasher.sha256Batch(receipts.written(), this.#ranges, included, NO_PREFIX, hashes);
    return this.#hasher.merkleRoot(hashes, included);
  }
}

function grown(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
