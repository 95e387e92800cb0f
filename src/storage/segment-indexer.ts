/**
 * SegmentIndexer: gives every sealed segment its index. It sees each entry as the follower reads it, so that a segment's
 * postings are there when the next segment begins; a segment that it saw only in part (after a restart), or whose index
 * is missing, is read again.
 *   Follower ─ add ─▶ SegmentIndexer ─▶ SegmentIndex files ◀─ advance ─ idle time
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BlockEntry } from "../encoding/block-entry.ts";
import { StorageError } from "../errors.ts";
import { completeSegments, type EntrySource, type SegmentInfo } from "./entry-source.ts";
import { PostingsBuilder } from "./postings.ts";
import { indexedFirstSeq, postingsOf, SegmentIndex, type SeqRange } from "./segment-index.ts";

export class SegmentIndexer {
  readonly #directory: string;
  readonly #source: EntrySource;
  /** First seqs of segments whose index is known to be good. */
  readonly #indexed = new Set<number>();
  #current: SegmentInfo | undefined;
  readonly #builder = new PostingsBuilder();
  /** What the builder holds: entries from `#firstSeq` up to below `#nextSeq`; nothing while `#firstSeq` is -1. */
  #firstSeq = -1;
  #nextSeq = -1;

  constructor(directory: string, source: EntrySource) {
    this.#directory = directory;
    this.#source = source;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory))
      if (name.endsWith(".part")) rmSync(join(directory, name), { force: true });
  }

  /** Takes the next entry that was read; writes the index of the segment before it when it begins a new one. */
  add(entry: BlockEntry): void {
    const { seq } = entry;
    const { firstSeq } = this.#segmentOf(seq);
    if (firstSeq !== this.#firstSeq) {
      if (this.#firstSeq >= 0 && this.#nextSeq === firstSeq)
        this.#write({ firstSeq: this.#firstSeq, lastSeq: firstSeq - 1 });
      this.#builder.clear();
      this.#firstSeq = seq === firstSeq ? firstSeq : -1;
      this.#nextSeq = seq;
    }
    if (this.#firstSeq < 0 || seq !== this.#nextSeq) {
      this.#firstSeq = -1;
      return;
    }
    this.#builder.add(entry, seq - firstSeq);
    this.#nextSeq = seq + 1;
  }

  /**
   * Indexes the newest complete segment that has no index, and drops indexes of segments that are gone.
   * @returns false when there was nothing to do. @throws StorageError.
   */
  advance(): boolean {
    this.#dropBelow(this.#source.segments()[0]?.firstSeq ?? 0);
    const missing = completeSegments(this.#source).findLast((segment) => !this.#isIndexed(segment));
    if (missing === undefined) return false;
    try {
      SegmentIndex.write(this.#directory, missing, postingsOf(this.#source, missing).lists);
      this.#indexed.add(missing.firstSeq);
    } catch (problem) {
      const wasPruned = (this.#source.segments()[0]?.firstSeq ?? 0) > missing.firstSeq;
      if (!wasPruned) throw problem;
    }
    return true;
  }

  /** What can't be written is left to `advance`, which reads the segment again. */
  #write(range: SeqRange): void {
    try {
      SegmentIndex.write(this.#directory, range, this.#builder.take());
    } catch {
      return;
    }
    this.#indexed.add(range.firstSeq);
  }

  /** The segment of an entry that was just read. */
  #segmentOf(seq: number): SegmentInfo {
    const isIn = (segment: SegmentInfo) => segment.firstSeq <= seq && seq <= segment.lastSeq;
    if (this.#current === undefined || !isIn(this.#current)) this.#current = this.#source.segments().findLast(isIn);
    if (this.#current === undefined)
      throw new StorageError(`log entry ${seq} is in no segment`, { retryable: false, seq });
    return this.#current;
  }

  #isIndexed(segment: SeqRange): boolean {
    if (this.#indexed.has(segment.firstSeq)) return true;
    if (SegmentIndex.open(this.#directory, segment) === undefined) return false;
    this.#indexed.add(segment.firstSeq);
    return true;
  }

  #dropBelow(firstSeq: number): void {
    for (const name of readdirSync(this.#directory)) {
      const indexed = indexedFirstSeq(name);
      if (indexed === undefined || indexed >= firstSeq) continue;
      rmSync(join(this.#directory, name), { force: true });
      this.#indexed.delete(indexed);
    }
  }
}
