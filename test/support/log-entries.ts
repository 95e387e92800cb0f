/** Entries for tests of the log: a valid header with its seq, and a delta of any bytes. */
import { ENTRY_HEADER_BYTES, ENTRY_VERSION, EntryKind } from "../../src/encoding/block-entry.ts";
import { writeU32, writeU64 } from "../../src/encoding/bytes.ts";

/** An entry of `payloadBytes` more than its header; the same arguments give the same bytes. */
export function logEntry(seq: number, payloadBytes = 20, salt = 0): Uint8Array {
  const entry = new Uint8Array(ENTRY_HEADER_BYTES + payloadBytes);
  entry[0] = EntryKind.block;
  entry[1] = ENTRY_VERSION;
  writeU64(entry, 8, seq);
  writeU32(entry, 48, payloadBytes);
  for (let i = 0; i < payloadBytes; i++) entry[ENTRY_HEADER_BYTES + i] = seq * 31 + i * 7 + salt + 1;
  return entry;
}

/** Entries `from` to `to`, both included. */
export function logEntries(from: number, to: number, payloadBytes = 20): Uint8Array[] {
  return Array.from({ length: to - from + 1 }, (_, index) => logEntry(from + index, payloadBytes));
}
