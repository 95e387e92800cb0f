/**
 * JournalReader: reads a journal's directory beside the journal that appends to it, from any thread or process.
 * It shares nothing with the writer but the files: `advance` tells it how far the log is durable, and it never looks further.
 *   Journal ── files ──▶ JournalReader ──▶ follower, export
 */
import { EngineError, StorageError } from "../errors.ts";
import type { DataKeys } from "./encryption/data-keys.ts";
import { keysOf } from "./encryption/unlocked.ts";
import type { EntrySource, SegmentInfo } from "./entry-source.ts";
import { type Files, systemFiles } from "./files.ts";
import type { SegmentReader } from "./segment-reader.ts";
import { SegmentSet } from "./segment-set.ts";

export class JournalReader implements EntrySource {
  readonly #directory: string;
  readonly #segments: SegmentSet;
  #durableSeq = -1;
  /** The seqs below it are in segments that were listed. */
  #knownSeqEnd = 0;

  private constructor(files: Files, directory: string, keys: DataKeys | undefined) {
    this.#directory = directory;
    this.#segments = new SegmentSet(files, directory, [], keys);
    this.#guarded(() => this.#segments.refresh());
  }

  /** @throws StorageError when the directory can't be read. */
  static open(directory: string, files: Files = systemFiles, keys = keysOf(directory)): JournalReader {
    return new JournalReader(files, directory, keys);
  }

  /** Seq of the last entry that may be read; -1 until `advance` was called. */
  get durableSeq(): number {
    return this.#durableSeq;
  }

  /** States that every entry up to `durableSeq` is durable. Durability is never taken back: a lower seq is ignored. */
  advance(durableSeq: number): void {
    this.#durableSeq = Math.max(this.#durableSeq, durableSeq);
  }

  /**
   * The entry at `seq`, or undefined when it is above the durable seq, or older than the oldest segment.
   * @throws EngineError JOURNAL_DAMAGED with file and offset.
   */
  read(seq: number): Uint8Array | undefined {
    if (!(Number.isSafeInteger(seq) && seq >= 0 && seq <= this.#durableSeq)) return undefined;
    return this.#guarded(() => this.#readerFor(seq)?.read(seq));
  }

  /**
   * Consecutive entries from `fromSeq` on, about `bytesMax` bytes of them with their frames, at least one, and none above
   * the durable seq; empty when `fromSeq` is above it. They end at a segment's end. Together they are one buffer,
   * which belongs to the caller: `room`, if they fit in it.
   * @throws StorageError when the entries were dropped. @throws EngineError JOURNAL_DAMAGED with file and offset.
   */
  entries(fromSeq: number, bytesMax: number, room?: Uint8Array): Uint8Array[] {
    if (fromSeq > this.#durableSeq) return [];
    return this.#guarded(() => {
      const reader = this.#readerFor(fromSeq);
      if (reader === undefined) {
        const facts = { retryable: false, fromSeq, firstSeq: this.#segments.firstSeq ?? null };
        throw new StorageError(`entry ${fromSeq} is older than the journal in ${this.#directory}`, facts);
      }
      const nextFirstSeq = this.#segments.nextFirstSeq(reader.header.firstSeq) ?? Infinity;
      return reader.entries(fromSeq, Math.min(this.#durableSeq, nextFirstSeq - 1), bytesMax, room);
    });
  }

  /** The segments up to the durable seq, oldest first. */
  segments(): SegmentInfo[] {
    this.#guarded(() => this.#segments.refresh());
    return this.#segments.describe(this.#durableSeq).filter(({ firstSeq }) => firstSeq <= this.#durableSeq);
  }

  close(): void {
    this.#segments.close();
  }

  /** The segment that holds `seq`, which is durable; undefined when it was dropped. */
  #readerFor(seq: number): SegmentReader | undefined {
    // Past what the last segment is known to hold, a later segment may have been started.
    if (seq >= this.#knownSeqEnd) this.#segments.refresh();
    const firstSeq = this.#segments.firstSeqFor(seq);
    if (firstSeq === undefined) return undefined;
    const reader = this.#segments.reader(firstSeq);
    this.#knownSeqEnd = Math.max(this.#knownSeqEnd, reader.knownSeqEnd);
    return reader;
  }

  #guarded<T>(read: () => T): T {
    try {
      return read();
    } catch (thrown) {
      if (thrown instanceof EngineError) throw thrown;
      const facts = { retryable: false, directory: this.#directory };
      throw new StorageError(`cannot read the journal in ${this.#directory}: ${String(thrown)}`, facts, {
        cause: thrown,
      });
    }
  }
}
