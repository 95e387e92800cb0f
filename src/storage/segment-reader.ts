/**
 * SegmentReader: reads the entries of one segment, sealed or still growing.
 * Knows where entries start from the segment's offset table, and learns what the table does not say by scanning.
 * Always
 *  - Every entry handed out matched its frame's checksum; damage throws JOURNAL_DAMAGED with file and offset.
 *  - Nothing above the seq that the caller states as durable is looked at.
 */
import { join } from "node:path";
import type { Cipher, DataKeys } from "./encryption/data-keys.ts";
import type { Files, OpenFile } from "./files.ts";
import { errorCode } from "./files.ts";
import { scanFrames } from "./frame-scan.ts";
import type { SegmentHeader } from "./journal-format.ts";
import {
  claimedFrameBytes,
  decodeSegmentHeader,
  FRAME_HEADER_BYTES,
  FrameKind,
  frameKind,
  framePayload,
  framePlace,
  frameSeq,
  isFrameIntact,
  journalDamaged,
  SEGMENT_HEADER_BYTES,
  segmentCipher,
  segmentName,
} from "./journal-format.ts";
import { OffsetTable, offsetsName } from "./offset-table.ts";

export class SegmentReader {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly table: OffsetTable;
  readonly #file: OpenFile;
  readonly #cipher: Cipher | undefined;

  /** @throws EngineError when the segment is encrypted and `keys` are missing, or the reverse. */
  constructor(path: string, header: SegmentHeader, table: OffsetTable, file: OpenFile, keys: DataKeys | undefined) {
    this.path = path;
    this.header = header;
    this.table = table;
    this.#file = file;
    this.#cipher = segmentCipher(keys, header, path);
  }

  static open(files: Files, directory: string, firstSeq: number, keys: DataKeys | undefined): SegmentReader {
    const path = join(directory, segmentName(firstSeq));
    const file = files.open(path, "read").now();
    try {
      const header = readSegmentHeader(file, path, firstSeq);
      const table = readOffsetTable(files, directory, header) ?? new OffsetTable();
      return new SegmentReader(path, header, table, file, keys);
    } catch (thrown) {
      file.close();
      throw thrown;
    }
  }

  /** The seq after the last entry that the table knows. */
  get knownSeqEnd(): number {
    return this.header.firstSeq + this.table.length;
  }

  /** The entry at `seq`, which is durable and of this segment. */
  read(seq: number): Uint8Array {
    this.#learn(seq);
    const index = seq - this.header.firstSeq;
    const start = this.table.start(index);
    const bytes = Buffer.allocUnsafeSlow(this.table.stop(index) - start);
    const count = this.#file.read(bytes, start);
    const length = this.#intactLength(bytes.subarray(0, count), 0, start);
    if (length === 0 || frameSeq(bytes, 0) !== seq) throw this.#damagedAt(start, seq);
    return this.#entryOf(bytes, 0, start);
  }

  /**
   * The first `length` bytes of the entry at `seq`, or all of a shorter one. The checksum is not looked at; an encrypted entry is
   * read whole, since only a whole one can be told from one that was changed.
   */
  readStart(seq: number, length: number): Uint8Array {
    if (this.#cipher !== undefined) return this.read(seq).slice(0, length);
    this.#learn(seq);
    const start = this.table.start(seq - this.header.firstSeq);
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, this.#file.read(bytes, start + FRAME_HEADER_BYTES));
  }

  /**
   * The entries from `fromSeq` to `toSeq` at most, as many as fit in about `bytesMax` with their frames, at least one.
   * They share one buffer, which belongs to the caller: `room`, if they fit in it. Both seqs are durable and of this segment.
   */
  entries(fromSeq: number, toSeq: number, bytesMax: number, room?: Uint8Array): Uint8Array[] {
    if (fromSeq > this.knownSeqEnd) this.#learn(fromSeq - 1);
    const index = fromSeq - this.header.firstSeq;
    const start = index < this.table.length ? this.table.start(index) : this.table.end;
    const entries: Uint8Array[] = [];
    let wanted = Math.max(bytesMax, FRAME_HEADER_BYTES);
    while (entries.length === 0) {
      const length = Math.min(wanted, Math.max(this.#file.size() - start, 0));
      const bytes =
        room !== undefined && room.length >= length ? room.subarray(0, length) : Buffer.allocUnsafeSlow(length);
      const count = this.#file.read(bytes, start);
      const needed = this.#collect(bytes.subarray(0, count), start, fromSeq, toSeq, entries);
      if (entries.length > 0) break;
      if (needed <= wanted || needed > this.#file.size() - start) throw this.#damagedAt(start, fromSeq);
      wanted = needed;
    }
    return entries;
  }

  close(): void {
    this.#file.close();
  }

  /**
   * Collects the entries of `bytes`, which start at `offset` of the segment, and enters unknown ones in the table.
   * Answers how many bytes it would have taken to collect one more.
   */
  #collect(bytes: Uint8Array, offset: number, fromSeq: number, toSeq: number, entries: Uint8Array[]): number {
    let seq = fromSeq;
    let at = 0;
    while (seq <= toSeq) {
      if (at + FRAME_HEADER_BYTES > bytes.length) return at + FRAME_HEADER_BYTES;
      const claimed = claimedFrameBytes(bytes, at, offset + at, this.header.tag);
      if (claimed === 0) throw this.#damagedAt(offset + at, seq);
      if (at + claimed > bytes.length) return at + claimed;
      if (!isFrameIntact(bytes, at, claimed) || frameSeq(bytes, at) !== seq) throw this.#damagedAt(offset + at, seq);
      if (frameKind(bytes, at) === FrameKind.entry) {
        entries.push(this.#entryOf(bytes, at, offset + at));
        this.#enter(seq, offset + at, claimed);
        seq++;
      }
      at += claimed;
    }
    return 0;
  }

  #enter(seq: number, start: number, length: number): void {
    if (seq !== this.knownSeqEnd) return;
    this.table.push(start);
    this.table.end = start + length;
  }

  /** Extends the table by scanning until it knows `seq`. */
  #learn(seq: number): void {
    if (seq < this.knownSeqEnd) return;
    const { table } = this;
    const scanned = { file: this.#file, tag: this.header.tag, size: this.#file.size() };
    scanFrames(scanned, table.end, (frame) => {
      if (frame.seq !== this.knownSeqEnd) return false;
      if (frame.isEntry) table.push(frame.start);
      table.end = frame.end;
      return this.knownSeqEnd <= seq;
    });
    if (this.knownSeqEnd <= seq) throw this.#damagedAt(table.end, this.knownSeqEnd);
  }

  #intactLength(bytes: Uint8Array, at: number, offset: number): number {
    if (at + FRAME_HEADER_BYTES > bytes.length) return 0;
    const length = claimedFrameBytes(bytes, at, offset, this.header.tag);
    return length > 0 && at + length <= bytes.length && isFrameIntact(bytes, at, length) ? length : 0;
  }

  /** An encrypted entry is put in the place of its ciphertext: `bytes` are this reader's. */
  #entryOf(bytes: Uint8Array, at: number, offset: number): Uint8Array {
    const payload = framePayload(bytes, at);
    if (this.#cipher === undefined) return payload;
    const entry = this.#cipher.open(payload, framePlace(bytes, at));
    if (entry === undefined) throw journalDamaged(this.path, offset, "the entry does not decrypt: it was changed");
    payload.set(entry);
    return payload.subarray(0, entry.length);
  }

  #damagedAt(offset: number, seq: number): Error {
    return journalDamaged(this.path, offset, `entry ${seq} is durable, but its frame is not intact`);
  }
}

export function readSegmentHeader(file: OpenFile, path: string, firstSeq: number): SegmentHeader {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const count = file.read(bytes, 0);
  return decodeSegmentHeader(bytes.subarray(0, count), path, firstSeq);
}

/** The table that stands beside the segment, or undefined when there is none that matches it. */
export function readOffsetTable(files: Files, directory: string, segment: SegmentHeader): OffsetTable | undefined {
  try {
    const file = files.open(join(directory, offsetsName(segment.firstSeq)), "read").now();
    try {
      const bytes = new Uint8Array(file.size());
      return OffsetTable.decode(bytes.subarray(0, file.read(bytes, 0)), segment);
    } finally {
      file.close();
    }
  } catch (thrown) {
    if (errorCode(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}
