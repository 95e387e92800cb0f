/**
 * The journal's bytes on disk. Little-endian; every frame starts on a multiple of 8.
 *
 * A segment is a header, then frames. Its name is the seq of its first entry, 16 digits: `0000000000001234.journal`.
 *     0   8  "PTJOURNL"
 *     8  u32 format version: 1, or 2 when it is encrypted     bytes 0..12 and the checksum keep their place in every version
 *    12  u32 tag: random; every frame of this segment starts with it
 *    16  u64 seq of the first entry
 *    24  u64 bytes of the segment before; 0 when this is the first that was ever written
 *    32  u64 bytes of all entries before this segment
 *    40  16  zero; in version 2 random: the salt of the segment's key
 *    56  u32 zero
 *    60  u32 CRC-32 of bytes 0..60
 *
 * A frame is a header, a payload, and zeros up to a multiple of 8.
 *     0  u32 the segment's tag: bytes that a user put into a payload can't pass for a frame
 *     4  u32 CRC-32 of everything after it, padding included
 *     8  u32 bytes of payload
 *    12  u32 kind: 1 entry · 2 mark, which has no payload and only names a durable offset
 *    16  u64 seq (a mark: of the next entry)
 *    24  u32 offset in this segment below which everything was durable when the frame was written
 *    28  u32 offset of this frame
 *
 * In version 2 an entry's payload is nonce (12) ‖ ciphertext ‖ tag (16), AES-256-GCM, with bytes 8..32 of the frame's header as
 * additional data: it decrypts in its own place only. The checksum is over what stands on disk, so that telling a torn write
 * from a whole one takes no key. Headers and marks are not encrypted: they say how many entries there are, and how long.
 */
import { crc32 } from "node:zlib";
import { readU32, readU64, writeU32, writeU64 } from "../encoding/bytes.ts";
import { EngineError } from "../errors.ts";
import { type Cipher, type DataKeys, SEAL_BYTES } from "./encryption/data-keys.ts";
import { keyRefused } from "./encryption/key-file.ts";

export const SEGMENT_HEADER_BYTES = 64;
export const FRAME_HEADER_BYTES = 32;
export const FrameKind = { entry: 1, mark: 2 } as const;

const PLAIN_VERSION = 1;
const ENCRYPTED_VERSION = 2;
const SALT_AT = 40;
export const SALT_BYTES = 16;
const MAGIC = Buffer.from("PTJOURNL", "latin1");
const CHECKSUM_AT = 60;
const NAME = /^(\d{16})\.journal$/;

export interface SegmentHeader {
  firstSeq: number;
  /** Bytes of the segment before; 0 when there never was one. */
  previousBytes: number;
  /** Bytes of all entries before this segment. */
  entryBytesBefore: number;
  tag: number;
  /** Undefined: not encrypted. */
  salt: Uint8Array | undefined;
}

/** What a frame's payload has beyond its entry. */
export function payloadExtraBytes({ salt }: Pick<SegmentHeader, "salt">): number {
  return salt === undefined ? 0 : SEAL_BYTES;
}

/** How the entries of a segment are encrypted. @throws EngineError JOURNAL_DAMAGED when it is not, but must be. */
export function segmentCipher(keys: DataKeys | undefined, { salt }: SegmentHeader, path: string): Cipher | undefined {
  if (salt !== undefined && keys !== undefined) return keys.cipher("journal segment", salt);
  if (salt !== undefined) throw keyRefused(`${path} is encrypted, and its key is not known`, { path });
  if (keys !== undefined)
    throw journalDamaged(path, 8, "a segment without encryption stands in an encrypted directory");
  return undefined;
}

export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(16, "0")}.journal`;
}

/** The first seq that a file name states, or undefined when it is no segment's name. */
export function firstSeqOf(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  bytes.set(MAGIC);
  writeU32(bytes, 8, header.salt === undefined ? PLAIN_VERSION : ENCRYPTED_VERSION);
  writeU32(bytes, 12, header.tag);
  writeU64(bytes, 16, header.firstSeq);
  writeU64(bytes, 24, header.previousBytes);
  writeU64(bytes, 32, header.entryBytesBefore);
  if (header.salt !== undefined) bytes.set(header.salt, SALT_AT);
  writeU32(bytes, CHECKSUM_AT, crc32(bytes.subarray(0, CHECKSUM_AT)));
  return bytes;
}

/**
 * @throws EngineError JOURNAL_DAMAGED, or FORMAT_UNSUPPORTED for a file that is no segment or of a newer version.
 */
export function decodeSegmentHeader(bytes: Uint8Array, path: string, firstSeq: number): SegmentHeader {
  if (bytes.length < SEGMENT_HEADER_BYTES) throw journalDamaged(path, bytes.length, "the segment's header is cut off");
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) {
    throw new EngineError("FORMAT_UNSUPPORTED", `${path} is not a journal segment`, { file: path, offset: 0 });
  }
  if (readU32(bytes, CHECKSUM_AT) !== crc32(bytes.subarray(0, CHECKSUM_AT))) {
    throw journalDamaged(path, 0, "the segment header's checksum does not match");
  }
  const found = readU32(bytes, 8);
  if (found !== PLAIN_VERSION && found !== ENCRYPTED_VERSION) {
    const facts = { file: path, offset: 8, found, supported: ENCRYPTED_VERSION };
    throw new EngineError(
      "FORMAT_UNSUPPORTED",
      `${path} has format ${found}; this version reads ${ENCRYPTED_VERSION}`,
      facts,
    );
  }
  const header = {
    firstSeq: readU64(bytes, 16),
    previousBytes: readU64(bytes, 24),
    entryBytesBefore: readU64(bytes, 32),
    tag: readU32(bytes, 12),
    salt: found === ENCRYPTED_VERSION ? bytes.slice(SALT_AT, SALT_AT + SALT_BYTES) : undefined,
  };
  if (header.firstSeq !== firstSeq) {
    throw journalDamaged(path, 16, `the segment starts at seq ${header.firstSeq}, its name says ${firstSeq}`);
  }
  return header;
}

/** Bytes of a frame with its header and padding. */
export function frameBytes(payloadBytes: number): number {
  return Math.ceil((FRAME_HEADER_BYTES + payloadBytes) / 8) * 8;
}

export interface FrameHeader {
  tag: number;
  kind: number;
  seq: number;
  /** Offset in the segment below which everything is durable. */
  durableOffset: number;
  /** Offset of the frame in the segment. */
  offset: number;
  payloadBytes: number;
}

/** Writes a frame's header but for its checksum, which `sealFrame` computes once the payload is known. */
export function writeFrameHeader(bytes: Uint8Array, at: number, header: FrameHeader): void {
  writeU32(bytes, at, header.tag);
  writeU32(bytes, at + 8, header.payloadBytes);
  writeU32(bytes, at + 12, header.kind);
  writeU64(bytes, at + 16, header.seq);
  writeU32(bytes, at + 24, header.durableOffset);
  writeU32(bytes, at + 28, header.offset);
}

/** Writes the checksum over `parts`: together, all that follows it in the frame. */
export function sealFrame(bytes: Uint8Array, at: number, parts: readonly Uint8Array[]): void {
  let checksum = 0;
  for (const part of parts) if (part.length > 0) checksum = crc32(part, checksum);
  writeU32(bytes, at + 4, checksum);
}

/**
 * The length in bytes that the frame at `at` claims, or 0 when no frame of this segment starts there.
 * `at + FRAME_HEADER_BYTES` lies within `bytes`; `offset` is the place of `at` in the segment.
 */
export function claimedFrameBytes(bytes: Uint8Array, at: number, offset: number, tag: number): number {
  if (readU32(bytes, at) !== tag || readU32(bytes, at + 28) !== offset) return 0;
  const kind = readU32(bytes, at + 12);
  if (kind !== FrameKind.entry && kind !== FrameKind.mark) return 0;
  return frameBytes(readU32(bytes, at + 8));
}

/** Whether the whole frame of `length` bytes at `at` matches its checksum. */
export function isFrameIntact(bytes: Uint8Array, at: number, length: number): boolean {
  return readU32(bytes, at + 4) === crc32(bytes.subarray(at + 8, at + length));
}

export function framePayload(bytes: Uint8Array, at: number): Uint8Array {
  const start = at + FRAME_HEADER_BYTES;
  return bytes.subarray(start, start + readU32(bytes, at + 8));
}

/** What an encrypted payload belongs to: its frame's header behind the checksum. */
export function framePlace(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.subarray(at + 8, at + FRAME_HEADER_BYTES);
}

export function frameKind(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 12);
}

export function frameSeq(bytes: Uint8Array, at: number): number {
  return readU64(bytes, at + 16);
}

export function frameDurableOffset(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 24);
}

export function journalDamaged(file: string, offset: number, problem: string): EngineError {
  const facts = { file, offset, retryable: false };
  return new EngineError("JOURNAL_DAMAGED", `${file} at byte ${offset}: ${problem}`, facts);
}
