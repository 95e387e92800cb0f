/**
 * The canonical encoding of a receipt: what `receiptsRoot` commits and the log keeps. Little-endian.
 *
 *     0  u8   status: 1 success · 2 reverted · 3 halted
 *     1  u8   halt reason, 0 unless halted (HALT_REASONS)
 *     2  u8   flags: 1 a contract address follows the header
 *     3  u8   0
 *     4  u32  number of logs
 *     8  u64  gas used
 *    16  …    contract address (20) if flagged, return data (packed), then each log:
 *             address (20), u8 number of topics, topics (packed words), data (packed)
 *
 * packed: u8 n. 0..32: a 32-byte word of which the first 32-n bytes are zero, and the other n follow.
 *         254: empty. 255: u32 length, bytes. The shortest form is the only valid one.
 * Decoded names and arguments are no part of it: they depend on an ABI, the root must not.
 */
import { MalformedBytesError } from "../errors.ts";
import { type ByteWriter, readU32, readU64 } from "./bytes.ts";

export const ReceiptStatus = { success: 1, reverted: 2, halted: 3 } as const;
export type ReceiptStatusName = keyof typeof ReceiptStatus;
const STATUS_NAMES: (ReceiptStatusName | undefined)[] = [undefined, "success", "reverted", "halted"];

/** Index is the byte in the encoding: append only. */
export const HALT_REASONS = [
  "",
  "OutOfGas",
  "CallDepth",
  "Unreachable",
  "StackOverflow",
  "MemoryLimit",
  "StateLimit",
  "InvalidOutput",
  "LogLimit",
  "StaticWrite",
] as const;
export type HaltReason = Exclude<(typeof HALT_REASONS)[number], "">;

export const RECEIPT_HEADER_BYTES = 16;
const PACKED_EMPTY = 254;
const PACKED_LONG = 255;
const WORD_BYTES = 32;
const ADDRESS_BYTES = 20;
const TOPICS_MAX = 255;

export interface Log {
  address: Uint8Array;
  topics: Uint8Array[];
  data: Uint8Array;
}

export interface Receipt {
  status: ReceiptStatusName;
  haltReason: HaltReason | undefined;
  gasUsed: number;
  contractAddress: Uint8Array | undefined;
  returnData: Uint8Array;
  logs: Log[];
}

/** Starts a receipt; its return data and logs follow. Answers where it starts, for `finishReceipt`. */
export function beginReceipt(out: ByteWriter): number {
  const start = out.length;
  out.ensure(RECEIPT_HEADER_BYTES);
  out.length += RECEIPT_HEADER_BYTES;
  return start;
}

export function writeReceiptHeader(
  out: ByteWriter,
  start: number,
  status: number,
  haltReason: number,
  flags: number,
  logCount: number,
  gasUsed: number,
): void {
  const end = out.length;
  out.length = start;
  out.u8(status);
  out.u8(haltReason);
  out.u8(flags);
  out.u8(0);
  out.u32(logCount);
  out.u64(gasUsed);
  out.length = end;
}

export function writePacked(out: ByteWriter, source: Uint8Array, start: number, end: number): void {
  const length = end - start;
  if (length === 0) {
    out.u8(PACKED_EMPTY);
  } else if (length === WORD_BYTES) {
    while (start < end && source[start] === 0) start++;
    out.u8(end - start);
    out.copy(source, start, end);
  } else {
    out.u8(PACKED_LONG);
    out.u32(length);
    out.copy(source, start, end);
  }
}

export function writeLog(out: ByteWriter, log: Log): void {
  if (log.topics.length > TOPICS_MAX) throw new RangeError(`a log has at most ${TOPICS_MAX} topics`);
  out.raw(log.address);
  out.u8(log.topics.length);
  for (const topic of log.topics) writePacked(out, topic, 0, topic.length);
  writePacked(out, log.data, 0, log.data.length);
}

export function encodeReceipt(receipt: Receipt, out: ByteWriter): void {
  const start = beginReceipt(out);
  if (receipt.contractAddress !== undefined) out.raw(receipt.contractAddress);
  writePacked(out, receipt.returnData, 0, receipt.returnData.length);
  for (const log of receipt.logs) writeLog(out, log);
  const halt = receipt.haltReason === undefined ? 0 : HALT_REASONS.indexOf(receipt.haltReason);
  writeReceiptHeader(
    out,
    start,
    ReceiptStatus[receipt.status],
    halt,
    receipt.contractAddress === undefined ? 0 : 1,
    receipt.logs.length,
    receipt.gasUsed,
  );
}

/** What stands before its return data and logs. */
export function readReceiptHeader(bytes: Uint8Array, at: number): Omit<Receipt, "returnData" | "logs"> {
  const status = STATUS_NAMES[bytes[at]!];
  if (status === undefined) throw new MalformedBytesError("receipt", at, `status ${bytes[at]}`);
  const reason = HALT_REASONS[bytes[at + 1]!];
  if (reason === undefined) throw new MalformedBytesError("receipt", at + 1, `halt reason ${bytes[at + 1]}`);
  const hasAddress = (bytes[at + 2]! & 1) !== 0;
  return {
    status,
    haltReason: reason === "" ? undefined : reason,
    gasUsed: readU64(bytes, at + 8),
    contractAddress: hasAddress ? readRaw({ bytes, next: at + RECEIPT_HEADER_BYTES }, ADDRESS_BYTES) : undefined,
  };
}

export function decodeReceipt(bytes: Uint8Array, at: number): Receipt {
  const header = readReceiptHeader(bytes, at);
  const addressBytes = header.contractAddress?.length ?? 0;
  const cursor: Cursor = { bytes, next: at + RECEIPT_HEADER_BYTES + addressBytes };
  const returnData = readPacked(cursor);
  const logs: Log[] = [];
  for (let count = readU32(bytes, at + 4); count > 0; count--) {
    const address = readRaw(cursor, ADDRESS_BYTES);
    const topics: Uint8Array[] = [];
    for (let n = bytes[cursor.next++]!; n > 0; n--) topics.push(readPacked(cursor));
    logs.push({ address, topics, data: readPacked(cursor) });
  }
  const { status, haltReason, gasUsed, contractAddress } = header;
  return { status, haltReason, gasUsed, contractAddress, returnData, logs };
}

interface Cursor {
  bytes: Uint8Array;
  next: number;
}

function readRaw(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.next + length;
  if (end > cursor.bytes.length) throw new MalformedBytesError("receipt", cursor.next, "ends too early");
  const raw = cursor.bytes.slice(cursor.next, end);
  cursor.next = end;
  return raw;
}

function readPacked(cursor: Cursor): Uint8Array {
  const n = cursor.bytes[cursor.next++]!;
  if (n === PACKED_EMPTY) return new Uint8Array(0);
  if (n === PACKED_LONG) {
    const length = readU32(cursor.bytes, cursor.next);
    cursor.next += 4;
    return readRaw(cursor, length);
  }
  if (!(n <= WORD_BYTES)) throw new MalformedBytesError("receipt", cursor.next - 1, `packed length ${n}`);
  const word = new Uint8Array(WORD_BYTES);
  word.set(readRaw(cursor, n), WORD_BYTES - n);
  return word;
}
