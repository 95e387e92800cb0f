/**
 * SegmentWriter: the end of the journal. Writes groups into the open segment and starts the next one.
 * Each method is a sequence of operations, so that the same code runs blocking or on the thread pool.
 * Always
 *  - `durableEnd` ≤ `end`; between them stands what no sync has covered yet: a mark, and groups that were written unsynced.
 *  - A segment has its final name only once its header is durable, and is written to only once its name is.
 *  - After anything thrown but a StorageError with `retryable: true`, the writer must not be used again.
 */
import { randomBytes, randomInt } from "node:crypto";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { StorageError } from "../errors.ts";
import type { Cipher, DataKeys } from "./encryption/data-keys.ts";
import { type Files, isFull, type OpenFile } from "./files.ts";
import { encodeMark, FrameEncoder, groupFrameBytes } from "./frame-encoder.ts";
import {
  encodeSegmentHeader,
  payloadExtraBytes,
  SALT_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentCipher,
  segmentName,
} from "./journal-format.ts";
import { OffsetTable } from "./offset-table.ts";
import { type Steps, step } from "./operation.ts";
import { SegmentReader } from "./segment-reader.ts";

export const TEMPORARY_SUFFIX = ".tmp";

export interface OpenSegment {
  header: SegmentHeader;
  file: OpenFile;
  /** What stands in it, all of it durable. */
  table: OffsetTable;
  /** Offset of the byte after the last entry. */
  entriesEnd: number;
  /** Highest durable offset that a frame in it names. */
  namedOffset: number;
  /** Bytes of the entries in it. */
  entryBytes: number;
}

export interface GroupWritten {
  bytes: number;
  writeMs: number;
  syncMs: number;
}

export class SegmentWriter {
  readonly #files: Files;
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #keys: DataKeys | undefined;
  readonly #encoder = new FrameEncoder();
  #segment: OpenSegment;
  #cipher: Cipher | undefined;
  #reader: SegmentReader;
  #end: number;
  #durableEnd: number;

  constructor(files: Files, directory: string, segmentBytes: number, segment: OpenSegment, keys: DataKeys | undefined) {
    this.#files = files;
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
    this.#keys = keys;
    this.#segment = segment;
    this.#cipher = this.#cipherOf(segment);
    this.#reader = this.#readerOf(segment);
    this.#end = segment.table.end;
    this.#durableEnd = segment.table.end;
  }

  /** Reads the open segment through the writer's own table. */
  get reader(): SegmentReader {
    return this.#reader;
  }

  get firstSeq(): number {
    return this.#segment.header.firstSeq;
  }

  /** Bytes of all entries that were written. */
  get entryBytes(): number {
    return this.#segment.header.entryBytesBefore + this.#segment.entryBytes;
  }

  /** Whether the open segment would grow past its size by `entries`. One group may be larger than a segment. */
  isFullFor(entries: readonly Uint8Array[]): boolean {
    return this.#segment.table.length > 0 && this.#end + this.#bytesOf(entries) > this.#segmentBytes;
  }

  /**
   * Seals the open segment and starts the next; answers the sealed one, which the caller closes.
   * @throws StorageError `retryable: true` when the disk is full; the open segment is then the one it was.
   */
  *startSegment(): Steps<SegmentReader> {
    const { header, table, entryBytes } = this.#segment;
    // The next header states this segment's length, so a mark at its end must be durable too.
    yield* this.sync();
    const sealed = this.#reader;
    table.end = this.#end;
    this.#segment = yield* createSegment(this.#files, this.#directory, {
      firstSeq: header.firstSeq + table.length,
      previousBytes: this.#end,
      entryBytesBefore: header.entryBytesBefore + entryBytes,
      isEncrypted: this.#keys !== undefined,
    });
    this.#cipher = this.#cipherOf(this.#segment);
    this.#reader = this.#readerOf(this.#segment);
    this.#end = SEGMENT_HEADER_BYTES;
    this.#durableEnd = SEGMENT_HEADER_BYTES;
    return sealed;
  }

  /**
   * Writes `entries` and makes them durable, or leaves that to `sync`.
   * @throws StorageError `retryable: true` when the disk is full and the segment was cut back to what it was, durably.
   */
  *writeGroup(entries: readonly Uint8Array[], isSynced = true): Steps<GroupWritten> {
    const bytes = this.#bytesOf(entries);
    const { file } = this.#segment;
    const starts: number[] = [];
    const place = this.#placeOfNext();
    const buffers = this.#encoder.encode(entries, place, (start) => starts.push(start));
    const started = performance.now();
    try {
      yield file.write(buffers, this.#end);
    } catch (thrown) {
      if (!isFull(thrown)) throw thrown;
      throw yield* this.#cutBack(thrown);
    }
    const written = performance.now();
    if (isSynced) yield file.sync();
    const syncMs = isSynced ? performance.now() - written : 0;
    if (!file.isLinked()) throw new Error(`${this.#reader.path} was removed while the journal wrote to it`);
    this.#enter(entries, starts, place.durableOffset, bytes);
    if (isSynced) this.#durableEnd = this.#end;
    return { bytes, writeMs: written - started, syncMs };
  }

  /**
   * Names what is durable behind the last entry, where no frame does yet: without it, damage to the last group
   * would look like a write that power loss interrupted, and be cut. Not synced: it is advice.
   */
  *writeMark(): Steps<void> {
    if (this.#segment.namedOffset >= this.#segment.entriesEnd) return;
    const mark = encodeMark(this.#placeOfNext());
    yield this.#segment.file.write([mark], this.#end);
    this.#segment.namedOffset = this.#durableEnd;
    this.#end += mark.length;
  }

  /** Makes durable what was written so far. More may be written meanwhile, but no segment may be started. */
  *sync(): Steps<void> {
    const end = this.#end;
    if (end === this.#durableEnd) return;
    yield this.#segment.file.sync();
    this.#durableEnd = Math.max(this.#durableEnd, end);
  }

  close(): void {
    this.#reader.close();
  }

  #placeOfNext() {
    const { header, table } = this.#segment;
    const seq = header.firstSeq + table.length;
    return { tag: header.tag, seq, offset: this.#end, durableOffset: this.#durableEnd, cipher: this.#cipher };
  }

  #bytesOf(entries: readonly Uint8Array[]): number {
    return groupFrameBytes(entries, payloadExtraBytes(this.#segment.header));
  }

  #cipherOf({ header }: OpenSegment): Cipher | undefined {
    return segmentCipher(this.#keys, header, join(this.#directory, segmentName(header.firstSeq)));
  }

  #enter(entries: readonly Uint8Array[], starts: readonly number[], namedOffset: number, bytes: number): void {
    const segment = this.#segment;
    for (const start of starts) segment.table.push(start);
    for (const entry of entries) segment.entryBytes += entry.length;
    this.#end += bytes;
    segment.table.end = this.#end;
    segment.entriesEnd = this.#end;
    segment.namedOffset = namedOffset;
  }

  /**
   * Takes back a group that did not fit. Nothing may be left of it, even after power loss: the caller will hear that
   * nothing was written. So the cut is synced, and if either fails the outcome is unknown and the writer ends.
   */
  *#cutBack(cause: unknown): Steps<StorageError> {
    const { file } = this.#segment;
    yield file.truncate(this.#end);
    yield file.sync();
    this.#durableEnd = this.#end;
    return diskFull(this.#reader.path, cause);
  }

  #readerOf({ header, table, file }: OpenSegment): SegmentReader {
    return new SegmentReader(join(this.#directory, segmentName(header.firstSeq)), header, table, file, this.#keys);
  }
}

/** Makes an empty segment under its final name, all of it durable. */
export function* createSegment(
  files: Files,
  directory: string,
  { isEncrypted, ...place }: Omit<SegmentHeader, "tag" | "salt"> & { isEncrypted: boolean },
): Steps<OpenSegment> {
  const header = { ...place, tag: randomInt(1, 2 ** 32), salt: isEncrypted ? randomBytes(SALT_BYTES) : undefined };
  const path = join(directory, segmentName(place.firstSeq));
  const temporary = path + TEMPORARY_SUFFIX;
  let file: OpenFile | undefined;
  try {
    file = yield* step(files.open(temporary, "create"));
    yield file.write([encodeSegmentHeader(header)], 0);
    yield file.sync();
  } catch (thrown) {
    file?.close();
    // What stands under the temporary name is no part of the journal, so a full disk has changed nothing.
    throw isFull(thrown) ? diskFull(path, thrown) : thrown;
  }
  yield files.rename(temporary, path);
  yield files.syncDirectory(directory);
  const empty = SEGMENT_HEADER_BYTES;
  return { header, file, table: new OffsetTable(), entriesEnd: empty, namedOffset: empty, entryBytes: 0 };
}

function diskFull(file: string, cause: unknown): StorageError {
  return new StorageError(`no space left for ${file}; nothing was written`, { retryable: true, file }, { cause });
}
