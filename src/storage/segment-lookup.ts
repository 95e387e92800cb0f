/**
 * SegmentLookup: finds the postings of any segment for a query: from its index file when it is sealed (made on the spot
 * when it is missing or damaged), from memory while it is still written to, read on from where the last query stopped.
 *   History ─▶ SegmentLookup ─▶ SegmentIndex files, least recently used forgotten first
 *                            └▶ OpenSegment, in memory
 */
import { mkdirSync } from "node:fs";
import { BlockEntry } from "../encoding/block-entry.ts";
import { StorageError } from "../errors.ts";
import type { EntrySource, SegmentInfo } from "./entry-source.ts";
import {
  mergeLists,
  POSTING_KINDS,
  type PostingKind,
  type PostingList,
  type PostingLookup,
  PostingsBuilder,
} from "./postings.ts";
import { postingsOf, SegmentIndex } from "./segment-index.ts";

const READ_STEP_BYTES = 4 * 1024 * 1024;
/** What one look-up counts in a query's budget: a page. */
const LOOKUP_BYTES = 4096;

/** What a query may still read; work stops when it is used up. */
export interface ScanBudget {
  bytes: number;
}

export class SegmentLookup {
  readonly #source: EntrySource;
  readonly #indexDirectory: string;
  readonly #cacheBytesMax: number;
  /** By first seq, least recently used first. */
  readonly #indexes = new Map<number, SegmentIndex>();
  #cachedBytes = 0;
  #open: OpenSegment | undefined;

  constructor(source: EntrySource, indexDirectory: string, cacheBytesMax: number) {
    this.#source = source;
    this.#indexDirectory = indexDirectory;
    this.#cacheBytesMax = cacheBytesMax;
    // A log in memory has no sealed segments, and no directory for their indexes.
    if (indexDirectory !== "") mkdirSync(indexDirectory, { recursive: true, mode: 0o700 });
  }

  /** Ordinals in `segment` that may hold the fingerprint, ascending. `complete`: no entry will be added to it. */
  ordinals(
    segment: SegmentInfo,
    complete: boolean,
    kind: PostingKind,
    fingerprint: number,
    budget: ScanBudget,
  ): number[] {
    budget.bytes -= LOOKUP_BYTES;
    if (!complete) return this.#openSegment(segment, budget).ordinals(kind, fingerprint);
    try {
      return this.#index(segment, budget).ordinals(kind, fingerprint);
    } catch (problem) {
      if (!(problem instanceof StorageError)) throw problem;
      this.#forget(segment.firstSeq);
      return this.#rebuild(segment, budget).ordinals(kind, fingerprint);
    }
  }

  #openSegment(segment: SegmentInfo, budget: ScanBudget): OpenSegment {
    if (this.#open?.firstSeq !== segment.firstSeq) this.#open = new OpenSegment(segment.firstSeq);
    budget.bytes -= this.#open.readOn(this.#source, segment.lastSeq);
    return this.#open;
  }

  #index(segment: SegmentInfo, budget: ScanBudget): SegmentIndex {
    const cached = this.#indexes.get(segment.firstSeq);
    const index = cached ?? SegmentIndex.open(this.#indexDirectory, segment) ?? this.#rebuild(segment, budget);
    this.#remember(segment.firstSeq, index);
    return index;
  }

  #rebuild(segment: SegmentInfo, budget: ScanBudget): SegmentIndex {
    if (this.#open?.firstSeq === segment.firstSeq) {
      budget.bytes -= this.#open.readOn(this.#source, segment.lastSeq);
      SegmentIndex.write(this.#indexDirectory, segment, this.#open.lists());
      this.#open = undefined;
    } else {
      const { lists, bytes } = postingsOf(this.#source, segment);
      budget.bytes -= bytes;
      SegmentIndex.write(this.#indexDirectory, segment, lists);
    }
    const index = SegmentIndex.open(this.#indexDirectory, segment);
    if (index === undefined) {
      throw new StorageError("a segment index is not what was just written", {
        retryable: true,
        firstSeq: segment.firstSeq,
      });
    }
    return index;
  }

  #remember(firstSeq: number, index: SegmentIndex): void {
    this.#forget(firstSeq);
    this.#indexes.set(firstSeq, index);
    this.#cachedBytes += index.byteLength;
    for (const oldest of this.#indexes.keys()) {
      if (this.#cachedBytes <= this.#cacheBytesMax || oldest === firstSeq) break;
      this.#forget(oldest);
    }
  }

  #forget(firstSeq: number): void {
    this.#cachedBytes -= this.#indexes.get(firstSeq)?.byteLength ?? 0;
    this.#indexes.delete(firstSeq);
  }
}

/** The postings of a segment that still grows: sorted runs, each at least twice as long as the next. */
class OpenSegment implements PostingLookup {
  readonly firstSeq: number;
  #nextSeq: number;
  readonly #builder = new PostingsBuilder();
  readonly #runs: PostingList[][] = POSTING_KINDS.map(() => []);

  constructor(firstSeq: number) {
    this.firstSeq = firstSeq;
    this.#nextSeq = firstSeq;
  }

  /** Takes in the entries up to `lastSeq`. @returns the bytes read. */
  readOn(source: EntrySource, lastSeq: number): number {
    let bytes = 0;
    while (this.#nextSeq <= lastSeq) {
      const entries = source.entries(this.#nextSeq, READ_STEP_BYTES);
      if (entries.length === 0) {
        throw new StorageError(`log entry ${this.#nextSeq} can't be read`, { retryable: false, seq: this.#nextSeq });
      }
      for (const entry of entries) {
        if (this.#nextSeq > lastSeq) break;
        this.#builder.add(BlockEntry.parse(entry), this.#nextSeq++ - this.firstSeq);
        bytes += entry.length;
      }
    }
    if (bytes > 0) for (const [kind, list] of this.#builder.take().entries()) this.#addRun(this.#runs[kind]!, list);
    return bytes;
  }

  ordinals(kind: PostingKind, fingerprint: number): number[] {
    const found: number[] = [];
    for (const run of this.#runs[kind]!) run.collect(fingerprint, found);
    return found;
  }

  lists(): PostingList[] {
    return this.#runs.map((runs) => mergeLists(runs));
  }

  #addRun(runs: PostingList[], added: PostingList): void {
    let run = added;
    while (runs.length > 0 && runs.at(-1)!.length < 2 * run.length) run = mergeLists([runs.pop()!, run]);
    runs.push(run);
  }
}
