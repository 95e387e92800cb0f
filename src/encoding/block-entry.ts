/**
 * An entry of the log: a block, or a rollback to a height. Little-endian. One entry is one durable unit.
 *
 *     0  u8   kind: 1 block · 2 rollback
 *     1  u8   entry version, 1
 *     2  u16  protocol version: selects gas schedule and revision of the built-ins
 *     4  u32  number of transactions n
 *     8  u64  seq: place in the log, from 0, over blocks and rollbacks alike
 *    16  u64  height (a rollback: the height that it goes back to)
 *    24  u64  timestamp, ms since 1970
 *    32  u64  gas used
 *    40  u32  bytes of transactions
 *    44  u32  bytes of receipts
 *    48  u32  bytes of delta
 *    52  u32  flags: 1 some transaction carries an id · 2 the record of a contract that stood before was changed
 *         4 the delta changes records of encrypted handles
 *    56  u64  chain id
 *    64  32   parent hash
 *    96  32   state root after it
 *   128  32   receipts root: Merkle tree (RFC 6962) over SHA-256 of each receipt
 *   160  32   transactions root: the same over the transaction hashes
 *   192  32   block hash (a rollback: the hash of the block gone back to)
 *   224  32·n transaction hashes, 4·n offsets of transactions, 4·n offsets of receipts (each within its section),
 *        transactions, receipts, delta (encoding/delta.ts: new and old value of every key, so that it runs both ways)
 *
 * block hash = SHA-256("polytorus.block.1" ‖ bytes 2..8 ‖ bytes 16..40 ‖ bytes 56..192): everything but seq, so that two
 * nodes with the same blocks have the same hashes whatever they rolled back in between.
 */
import { createHash } from "node:crypto";
import { MalformedBytesError } from "../errors.ts";
import { readU32, readU64 } from "./bytes.ts";
import type { Laps } from "./laps.ts";

export const ENTRY_HEADER_BYTES = 224;
export const ENTRY_VERSION = 1;
export const EntryKind = { block: 1, rollback: 2 } as const;
export const EntryFlag = { hasIds: 1, changesContracts: 2, hasHandles: 4 } as const;
export const BLOCK_HASH_DOMAIN = "polytorus.block.1";
/** An encoded entry is at most this long: a frame's worth of transactions with their receipts and delta. */
export const ENTRY_BYTES_MAX = 256 * 1024 * 1024;

/** What became of those of a block's transactions that helpers of the executor were asked to run. */
export interface ParallelCounts {
  /** Run by a helper, and taken over. */
  adopted: number;
  /** Run by the executor after all: what they read was another, they did more than read and write, they came too late. */
  conflict: number;
  left: number;
  late: number;
}

/** Reads an encoded entry in place; nothing is copied until asked for. */
export class BlockEntry {
  readonly bytes: Uint8Array;
  /** How long its transactions took, if it was measured: beside the entry, no part of it. */
  laps: Laps | undefined;
  /** Undefined where no helper was asked: beside the entry, no part of it. */
  parallel: ParallelCounts | undefined;
  /** When the executor had answered it, and when it was durable, on the clock of `performance.now`. */
  executedAtMs: number | undefined;
  durableAtMs: number | undefined;

  constructor(bytes: Uint8Array) {
    // A Buffer's slice() is a view, a Uint8Array's a copy: what is read from here must not depend on who read the disk.
    this.bytes = Buffer.isBuffer(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes;
  }

  /** Checks kind, version and section lengths of bytes that come from a disk or a network. */
  static parse(bytes: Uint8Array): BlockEntry {
    if (bytes.length < ENTRY_HEADER_BYTES)
      throw new MalformedBytesError(
        "log entry",
        bytes.length,
        `shorter than its header of ${ENTRY_HEADER_BYTES} bytes`,
      );
    if (bytes[0] !== EntryKind.block && bytes[0] !== EntryKind.rollback)
      throw new MalformedBytesError("log entry", 0, `kind ${bytes[0]}`);
    if (bytes[1] !== ENTRY_VERSION) throw new MalformedBytesError("log entry", 1, `version ${bytes[1]}`);
    const entry = new BlockEntry(bytes);
    if (entry.deltaEnd !== bytes.length)
      throw new MalformedBytesError("log entry", 40, `sections end at ${entry.deltaEnd}, the entry at ${bytes.length}`);
    return entry;
  }

  get isRollback(): boolean {
    return this.bytes[0] === EntryKind.rollback;
  }
  get protocolVersion(): number {
    return this.bytes[2]! | (this.bytes[3]! << 8);
  }
  get transactionCount(): number {
    return readU32(this.bytes, 4);
  }
  get seq(): number {
    return readU64(this.bytes, 8);
  }
  get height(): number {
    return readU64(this.bytes, 16);
  }
  get timestampMs(): number {
    return readU64(this.bytes, 24);
  }
  get gasUsed(): number {
    return readU64(this.bytes, 32);
  }
  get hasIds(): boolean {
    return (readU32(this.bytes, 52) & EntryFlag.hasIds) !== 0;
  }
  get changesContracts(): boolean {
    return (readU32(this.bytes, 52) & EntryFlag.changesContracts) !== 0;
  }
  get hasHandles(): boolean {
    return (readU32(this.bytes, 52) & EntryFlag.hasHandles) !== 0;
  }
  get chainId(): number {
    return readU64(this.bytes, 56);
  }
  get parentHash(): Uint8Array {
    return this.bytes.subarray(64, 96);
  }
  get stateRoot(): Uint8Array {
    return this.bytes.subarray(96, 128);
  }
  get receiptsRoot(): Uint8Array {
    return this.bytes.subarray(128, 160);
  }
  get transactionsRoot(): Uint8Array {
    return this.bytes.subarray(160, 192);
  }
  get blockHash(): Uint8Array {
    return this.bytes.subarray(192, 224);
  }

  /** All transaction hashes, 32 bytes each. */
  get transactionHashes(): Uint8Array {
    return this.bytes.subarray(ENTRY_HEADER_BYTES, ENTRY_HEADER_BYTES + 32 * this.transactionCount);
  }
  transactionHash(index: number): Uint8Array {
    return this.bytes.subarray(ENTRY_HEADER_BYTES + 32 * index, ENTRY_HEADER_BYTES + 32 * (index + 1));
  }
  /** Where the encoding of transaction `index` starts in `bytes`. */
  transactionAt(index: number): number {
    const n = this.transactionCount;
    return this.#transactionsStart(n) + readU32(this.bytes, ENTRY_HEADER_BYTES + 32 * n + 4 * index);
  }
  /** Where the encoding of receipt `index` starts in `bytes`. */
  receiptAt(index: number): number {
    const n = this.transactionCount;
    return (
      this.#transactionsStart(n) +
      readU32(this.bytes, 40) +
      readU32(this.bytes, ENTRY_HEADER_BYTES + 36 * n + 4 * index)
    );
  }
  /** Bytes of the delta; the header alone says it. */
  get deltaBytes(): number {
    return readU32(this.bytes, 48);
  }
  get delta(): Uint8Array {
    const end = this.deltaEnd;
    return this.bytes.subarray(end - readU32(this.bytes, 48), end);
  }
  get deltaEnd(): number {
    return (
      this.#transactionsStart(this.transactionCount) +
      readU32(this.bytes, 40) +
      readU32(this.bytes, 44) +
      readU32(this.bytes, 48)
    );
  }

  #transactionsStart(n: number): number {
    return ENTRY_HEADER_BYTES + 40 * n;
  }
}

/** An entry's header and delta, which is all that taking a block back needs. */
export function withoutBody(entry: BlockEntry): BlockEntry {
  const { delta } = entry;
  const bytes = new Uint8Array(ENTRY_HEADER_BYTES + delta.length);
  bytes.set(entry.bytes.subarray(0, ENTRY_HEADER_BYTES));
  bytes.fill(0, 4, 8);
  bytes.fill(0, 40, 48);
  bytes.set(delta, ENTRY_HEADER_BYTES);
  return new BlockEntry(bytes);
}

/** The hash that the header at the start of `bytes` must carry. */
export function blockHashOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256")
    .update(BLOCK_HASH_DOMAIN)
    .update(bytes.subarray(2, 8))
    .update(bytes.subarray(16, 40))
    .update(bytes.subarray(56, 192))
    .digest();
}
