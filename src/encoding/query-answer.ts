/**
 * What a query came to, as an executor answers it; its place in the answer of a round of queries. Little-endian:
 *     0  u8   status: 0 rejected · 1 success · 2 reverted · 3 halted · 4 left: not run, it belongs elsewhere
 *     1  u8   halt reason (encoding/receipt.ts)
 *     2  u8   flags: 1 the reads were recorded · 2 height or time was read · 4 the answer may depend on the gas limit
 *     3  u8   0
 *     4  u32  bytes of return data, or of the rejection as JSON
 *     8  u64  gas used
 *    16  u32  number n of keys and spaces read
 *    20  u32  number of reads, repeated ones too
 *    24  u32  of them, reads of a key that was read before
 *    28  …    return data or rejection, zero bytes up to a multiple of 4, then n hashes of 4 bytes (encoding/key-hash.ts)
 */
import type { ErrorCode, ErrorFacts } from "../errors.ts";
import { alignUp, type ByteWriter, readU32, readU64 } from "./bytes.ts";
import { HALT_REASONS, type HaltReason } from "./receipt.ts";

/** What an answer depends on besides the request. */
export interface QueryReads {
  /** Hashes of the keys and spaces that were read. */
  keys: readonly number[];
  /** How many reads there were, repeated ones too. */
  count: number;
  /** Of these, how many were of a key that had been read. */
  repeated: number;
  /** Height or time of the block. */
  block: boolean;
  /** The contract looked at its gas, or called another with a part of it. */
  gas: boolean;
}

export interface QueryAnswer {
  status: "success" | "reverted" | "halted";
  haltReason: HaltReason | undefined;
  gasUsed: number;
  returnData: Uint8Array;
  seq: number;
  blockHeight: number;
  /** Set instead of the rest when the query was not run at all. */
  rejection: { code: ErrorCode; message: string; facts: ErrorFacts } | undefined;
  /** Undefined when they were not recorded. */
  reads: QueryReads | undefined;
  /** It came from the result cache. */
  cached: boolean;
  /** How long ago a cached answer was computed. */
  ageMs: number;
}

const HEADER_BYTES = 28;
const STATUSES = ["success", "success", "reverted", "halted"] as const;
const LEFT = 4;
const Flag = { recorded: 1, block: 2, gas: 4 } as const;
const NOT_RECORDED: QueryReads = { keys: [], count: 0, repeated: 0, block: false, gas: false };

export function writeAnswer(
  out: ByteWriter,
  { status, haltReason, gasUsed, returnData }: Pick<QueryAnswer, "status" | "haltReason" | "gasUsed" | "returnData">,
  reads: QueryReads | undefined,
): void {
  const { keys, count, repeated, block, gas } = reads ?? NOT_RECORDED;
  out.ensure(HEADER_BYTES);
  out.u8(STATUSES.indexOf(status, 1));
  out.u8(haltReason === undefined ? 0 : HALT_REASONS.indexOf(haltReason));
  out.u8(reads === undefined ? 0 : Flag.recorded | (block ? Flag.block : 0) | (gas ? Flag.gas : 0));
  out.u8(0);
  out.u32(returnData.length);
  out.u64(gasUsed);
  out.u32(keys.length);
  out.u32(count);
  out.u32(repeated);
  out.copy(returnData, 0, returnData.length);
  out.align();
  for (const key of keys) out.u32(key);
}

export function writeRejection(out: ByteWriter, rejection: NonNullable<QueryAnswer["rejection"]>): void {
  const text = Buffer.from(JSON.stringify(rejection), "utf8");
  out.u32(0);
  out.u32(text.length);
  out.u64(0);
  out.u64(0);
  out.u32(0);
  out.raw(text);
  out.align();
}

/** To a query that whoever runs these leaves to another. */
export function writeLeft(out: ByteWriter): void {
  out.u32(LEFT);
  out.u32(0);
  out.u64(0);
  out.u64(0);
  out.u32(0);
}

export function isLeft(results: Uint8Array, at: number): boolean {
  return results[at] === LEFT;
}

/** Bytes of the answer at `at`. */
export function answerLength(results: Uint8Array, at: number): number {
  return HEADER_BYTES + alignUp(readU32(results, at + 4)) + 4 * readU32(results, at + 16);
}

/** The return data is a view of `results`. */
export function decodeAnswer(results: Uint8Array, at: number, seq: number, blockHeight: number): QueryAnswer {
  const status = results[at]!;
  const flags = results[at + 2]!;
  const start = at + HEADER_BYTES;
  const end = start + readU32(results, at + 4);
  const payload = results.subarray(start, end);
  return {
    status: STATUSES[status]!,
    haltReason: HALT_REASONS[results[at + 1]!] || undefined,
    gasUsed: readU64(results, at + 8),
    returnData: payload,
    seq,
    blockHeight,
    rejection:
      status === 0
        ? (JSON.parse(Buffer.from(payload).toString("utf8")) as NonNullable<QueryAnswer["rejection"]>)
        : undefined,
    reads: (flags & Flag.recorded) === 0 ? undefined : readsAt(results, at, flags, alignUp(end - start) + start),
    cached: false,
    ageMs: 0,
  };
}

function readsAt(results: Uint8Array, at: number, flags: number, keysAt: number): QueryReads {
  const keys: number[] = [];
  const n = readU32(results, at + 16);
  for (let i = 0; i < n; i++) keys.push(readU32(results, keysAt + 4 * i));
  return {
    keys,
    count: readU32(results, at + 20),
    repeated: readU32(results, at + 24),
    block: (flags & Flag.block) !== 0,
    gas: (flags & Flag.gas) !== 0,
  };
}
