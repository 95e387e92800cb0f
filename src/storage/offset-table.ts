/**
 * OffsetTable: where each entry of one segment starts, so that reading an entry is one pread.
 * The open segment's table is in memory only; a sealed segment's stands beside it as `<first seq>.offsets`, and is rebuilt
 * from the segment when it is missing or does not match.
 *     0   8  "PTOFFSET"
 *     8  u32 format version, 1
 *    12  u32 number of entries n
 *    16  u64 seq of the first entry
 *    24  u32 bytes of the segment
 *    28  u32 tag of the segment
 *    32  u32 CRC-32 of bytes 0..32 and the table
 *    36  4·n offsets of the entries' frames
 */
import { crc32 } from "node:zlib";
import { readU32, readU64, writeU32, writeU64 } from "../encoding/bytes.ts";
import type { SegmentHeader } from "./journal-format.ts";
import { SEGMENT_HEADER_BYTES } from "./journal-format.ts";

const MAGIC = Buffer.from("PTOFFSET", "latin1");
const FORMAT_VERSION = 1;
const HEADER_BYTES = 36;
const NAME = /^(\d{16})\.offsets$/;

export class OffsetTable {
  #starts = new Uint32Array(64);
  /** Entries in the table. */
  length = 0;
  /** Offset of the byte after the last frame that the table has seen, marks included. */
  end = SEGMENT_HEADER_BYTES;

  push(start: number): void {
    if (this.length === this.#starts.length) {
      const grown = new Uint32Array(this.length * 2);
      grown.set(this.#starts);
      this.#starts = grown;
    }
    this.#starts[this.length++] = start;
  }

  /** Offset of the frame of entry `index`. */
  start(index: number): number {
    return this.#starts[index]!;
  }

  /** Offset of a byte after the frame of entry `index`; only marks may stand between. */
  stop(index: number): number {
    return index + 1 < this.length ? this.#starts[index + 1]! : this.end;
  }

  encode(segment: SegmentHeader): Uint8Array {
    const bytes = new Uint8Array(HEADER_BYTES + 4 * this.length);
    bytes.set(MAGIC);
    writeU32(bytes, 8, FORMAT_VERSION);
    writeU32(bytes, 12, this.length);
    writeU64(bytes, 16, segment.firstSeq);
    writeU32(bytes, 24, this.end);
    writeU32(bytes, 28, segment.tag);
    for (let i = 0; i < this.length; i++) writeU32(bytes, HEADER_BYTES + 4 * i, this.#starts[i]!);
    writeU32(bytes, 32, checksum(bytes));
    return bytes;
  }

  /** The table of this segment, or undefined when the bytes are damaged or another segment's. */
  static decode(bytes: Uint8Array, segment: SegmentHeader): OffsetTable | undefined {
    if (bytes.length < HEADER_BYTES || !MAGIC.equals(bytes.subarray(0, MAGIC.length))) return undefined;
    if (readU32(bytes, 32) !== checksum(bytes) || readU32(bytes, 8) !== FORMAT_VERSION) return undefined;
    if (readU64(bytes, 16) !== segment.firstSeq || readU32(bytes, 28) !== segment.tag) return undefined;
    const table = new OffsetTable();
    table.length = readU32(bytes, 12);
    table.end = readU32(bytes, 24);
    table.#starts = new Uint32Array(Math.max(table.length, 1));
    for (let i = 0; i < table.length; i++) table.#starts[i] = readU32(bytes, HEADER_BYTES + 4 * i);
    return table;
  }
}

export function offsetsName(firstSeq: number): string {
  return `${String(firstSeq).padStart(16, "0")}.offsets`;
}

/** The first seq that a file name states, or undefined when it is no table's name. */
export function firstSeqOfOffsets(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function checksum(bytes: Uint8Array): number {
  return crc32(bytes.subarray(HEADER_BYTES), crc32(bytes.subarray(0, 32)));
}
