/**
 * The bytes of a backup. Little-endian.
 *     0   8  "PTBACKUP"
 *     8  u32 format version: 1, or 2 when it is encrypted
 *    12   4  zero
 *    16      records, each:  u32 bytes of payload · u8 kind · 3 zero · payload · digest (32)
 *
 *   kind 1 head      JSON, first: what the backup is of and as of
 *        2 rows      of the state, in key order: (u32 length, key, u32 length, value)*
 *        3 entries   of the log, consecutive:    (u32 length, entry)*       encoding/block-entry.ts
 *        4 blobs     rows of the blob store, as of rows
 *        5 end       JSON, last: how many of each there are
 *        6 envelope  JSON, before the head of an encrypted backup: that of the data directory, and a salt
 *
 * In an encrypted backup every payload but the envelope's is a message (encryption/data-keys.ts) under the directory's data key
 * and the salt, bound to the kind and number of its record.
 *
 * digest = SHA-256(digest of the record before, or 32 zero bytes ‖ the record up to here): a changed, missing, doubled or
 * moved byte is found at its record, and the last digest stands for the whole file.
 */
import { createHash } from "node:crypto";
import { readU32, writeU32 } from "../../encoding/bytes.ts";
import type { Cipher, DataKeys } from "../encryption/data-keys.ts";
import type { Envelope } from "../encryption/envelope.ts";

export const BACKUP_MAGIC = Buffer.from("PTBACKUP", "latin1");
const PLAIN_VERSION = 1;
const ENCRYPTED_VERSION = 2;
export const BACKUP_VERSIONS = [PLAIN_VERSION, ENCRYPTED_VERSION];
export const FILE_HEADER_BYTES = 16;
export const RECORD_HEADER_BYTES = 8;
export const DIGEST_BYTES = 32;
/** A part, or one row that is longer: the blob store holds values up to 1 GiB. */
export const PAYLOAD_BYTES_MAX = 1024 ** 3 + 16 * 1024 ** 2;

export const RecordKind = { head: 1, rows: 2, entries: 3, blobs: 4, end: 5, envelope: 6 } as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** What a backup says first. Bytes as 0x hex. */
export interface BackupHead {
  readonly chainId: number;
  readonly firstSeq: number;
  readonly seq: number;
  readonly height: number;
  readonly blockHash: string;
  readonly stateRoot: string;
  /** The chain index that the rows belong to; null: there are no rows, the log begins at genesis. */
  readonly chain: string | null;
  readonly rowCount: number;
  readonly createdAt: string;
  readonly version: string;
}

export interface BackupEnd {
  readonly rows: number;
  readonly entries: number;
  readonly blobs: number;
}

/** The envelope record. */
export interface BackupEnvelope {
  readonly envelope: Envelope;
  /** Hex. */
  readonly salt: string;
}

export function backupCipher(keys: DataKeys, salt: string): Cipher {
  return keys.cipher("backup", Buffer.from(salt, "hex"));
}

/** What an encrypted payload belongs to. @param index of its record in the file. */
export function placeOfRecord(kind: number, index: number): Uint8Array {
  const place = new Uint8Array(8);
  writeU32(place, 0, kind);
  writeU32(place, 4, index);
  return place;
}

export function fileHeader(isEncrypted: boolean): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER_BYTES);
  bytes.set(BACKUP_MAGIC);
  writeU32(bytes, 8, isEncrypted ? ENCRYPTED_VERSION : PLAIN_VERSION);
  return bytes;
}

/** A record but for its digest. */
export function recordOf(kind: RecordKind, fields: readonly Uint8Array[]): Buffer {
  let length = RECORD_HEADER_BYTES;
  for (const field of fields) length += field.length;
  const record = Buffer.allocUnsafe(length);
  writeU32(record, 0, length - RECORD_HEADER_BYTES);
  writeU32(record, 4, kind);
  let at = RECORD_HEADER_BYTES;
  for (const field of fields) {
    record.set(field, at);
    at += field.length;
  }
  return record;
}

export function digestOf(before: Uint8Array, record: Uint8Array): Buffer {
  return createHash("sha256").update(before).update(record).digest();
}

/** Each with its length before it. */
export function withLengths(fields: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const field of fields) length += 4 + field.length;
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const field of fields) {
    writeU32(bytes, at, field.length);
    bytes.set(field, at + 4);
    at += 4 + field.length;
  }
  return bytes;
}

/** What `withLengths` put together; undefined when the lengths do not add up. */
export function withoutLengths(bytes: Uint8Array): Uint8Array[] | undefined {
  const fields: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) return undefined;
    const end = at + 4 + readU32(bytes, at);
    if (end > bytes.length) return undefined;
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
