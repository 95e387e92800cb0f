/**
 * History: finds blocks, transactions, logs and executions in the log itself, through the segments' indexes.
 *   query ─▶ fingerprints ─▶ SegmentLookup ─▶ candidate entries ─▶ verified against their bytes
 * Always
 *  - Answers hold canonical blocks up to the durable seq that was given, nothing else.
 *  - A page of results names where to go on, by seq. Blocks that arrive, or take the place of others, get higher seqs, so
 *    that going on neither repeats nor leaves out what stays canonical.
 *  - A page reads no more than the scan bound, and one entry or one missing index beyond it; it may then be short, or
 *    empty, with a cursor to go on from. Going on from a full page may find nothing.
 *  - `transaction` and `blockByHash` look into every segment, newest first, until they find what they are asked for.
 */
import { BlockEntry } from "../encoding/block-entry.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { StorageError } from "../errors.ts";
import type { ChainIndex, EntryHeader } from "./chain-index.ts";
import type { EntrySource, SegmentInfo } from "./entry-source.ts";
import { ExecutionFilter, type LogCriteria, LogFilter } from "./log-filter.ts";
import { addressFingerprint, hashFingerprint, PostingKind } from "./postings.ts";
import { prunedError } from "./pruned-error.ts";
import { type ScanBudget, SegmentLookup } from "./segment-lookup.ts";

export interface HistoryOptions {
  /** Where the segments' indexes are, and missing ones are put. */
  indexDirectory: string;
  /** Bound on indexes kept open, in bytes: about 12 KiB for a segment of 256 MiB. */
  cacheBytesMax?: number;
  /** Bound on what one page of results reads. */
  scanBytesMax?: number;
}

export interface HistoryModules {
  source: EntrySource;
  /** The chain as of some entry, from the state store; later entries are read from the source, or told by `advance`. */
  chain: ChainIndex;
}

/** What has been answered: for results in order, all up to and including here; for newest first, all from here on. */
export interface HistoryCursor {
  seq: number;
  transactionIndex: number;
  logIndex: number;
}

export interface Page<T> {
  items: T[];
  /** Where to go on; undefined when there is no more. */
  next?: HistoryCursor;
}

export interface LogQuery extends LogCriteria {
  /** Both inclusive. */
  fromHeight: number;
  toHeight: number;
  transactionHash?: Uint8Array | undefined;
  after?: HistoryCursor | undefined;
  limit: number;
  /** Left out: in order. */
  newestFirst?: boolean | undefined;
}

export interface LogItem {
  seq: number;
  height: number;
  transactionIndex: number;
  /** Within the transaction's receipt. */
  logIndex: number;
}

export interface ExecutionQuery {
  contract: Uint8Array;
  after?: HistoryCursor | undefined;
  limit: number;
  newestFirst: boolean;
}

export interface ExecutionItem {
  seq: number;
  height: number;
  transactionIndex: number;
}

/** What a scan visits: canonical blocks from `fromSeq` to `toSeq` that have a fingerprint of every list. */
interface Scan {
  fromSeq: number;
  toSeq: number;
  newestFirst: boolean;
  /** A match is in one of them. */
  kinds: readonly PostingKind[];
  fingerprints: readonly (readonly number[])[];
}

/** 2,700 segments of 256 MiB. */
const CACHE_BYTES_MAX = 32 * 1024 * 1024;
/** A hundred blocks of 545 transfers: what one query may keep its thread busy with. */
const SCAN_BYTES_MAX = 32 * 1024 * 1024;
const READ_STEP_BYTES = 4 * 1024 * 1024;
/** Above every index. */
const ALL = 0xffffffff;

export class History {
  readonly #source: EntrySource;
  readonly #lookup: SegmentLookup;
  readonly #scanBytesMax: number;
  readonly #chain: ChainIndex;
  #durableSeq: number;
  /** As of `#listedSeq`. */
  #segments: readonly SegmentInfo[] = [];
  #listedSeq = -1;
  #beginSeq = 0;

  constructor(options: HistoryOptions, modules: HistoryModules) {
    this.#source = modules.source;
    this.#lookup = new SegmentLookup(modules.source, options.indexDirectory, options.cacheBytesMax ?? CACHE_BYTES_MAX);
    this.#scanBytesMax = options.scanBytesMax ?? SCAN_BYTES_MAX;
    this.#chain = modules.chain.clone();
    this.#durableSeq = this.#chain.lastSeq;
  }

  /**
   * States that entries up to `durableSeq` are durable. Whoever has their headers hands them in, in order; without them
   * the next query reads the entries, which is slow after a busy time.
   */
  advance(durableSeq: number, headers: Iterable<EntryHeader> = []): void {
    for (const header of headers) if (header.seq === this.#chain.lastSeq + 1) this.#chain.add(header);
    this.#durableSeq = Math.max(this.#durableSeq, durableSeq);
  }

  get headHeight(): number {
    this.#catchUp();
    return this.#chain.headHeight;
  }

  /** The log has lost, or is about to lose, what came before `seq`. */
  beginAt(seq: number): void {
    if (seq <= this.#beginSeq) return;
    this.#beginSeq = seq;
    this.#listedSeq = -1;
  }

  blockByHeight(height: number): BlockEntry | undefined {
    this.#catchUp();
    const seq = this.#chain.seqOfHeight(height);
    return seq === undefined ? undefined : this.#read(seq);
  }

  blockByHash(hash: Uint8Array): BlockEntry | undefined {
    return this.#newestWith(PostingKind.block, hash, (entry) => equalBytes(entry.blockHash, hash));
  }

  /** Which block holds a transaction, and its place in it. */
  transaction(hash: Uint8Array): { seq: number; index: number } | undefined {
    let index = -1;
    const entry = this.#newestWith(PostingKind.transaction, hash, (candidate) => {
      index = indexOfHash(candidate, hash);
      return index >= 0;
    });
    return entry === undefined ? undefined : { seq: entry.seq, index };
  }

  /** Logs in order of height, transaction and place in its receipt, or the other way round. */
  logs(query: LogQuery): Page<LogItem> {
    this.#catchUp();
    const filter = new LogFilter(query);
    const only = query.transactionHash === undefined ? undefined : this.transaction(query.transactionHash);
    if (query.transactionHash !== undefined && only === undefined) return { items: [] };
    const range = this.#seqsOfHeights(query.fromHeight, query.toHeight);
    const { after, newestFirst = false } = query;
    this.#requireKept(newestFirst ? after?.seq : firstSeqAfter(after));
    const scan: Scan = {
      fromSeq: Math.max(range.fromSeq, newestFirst ? 0 : firstSeqAfter(after), only?.seq ?? 0),
      toSeq: Math.min(range.toSeq, newestFirst ? lastSeqBefore(after) : range.toSeq, only?.seq ?? range.toSeq),
      newestFirst,
      kinds: [PostingKind.log],
      fingerprints: filter.fingerprints,
    };
    return this.#page(scan, query.limit, function* (entry) {
      for (let n = 0; n < entry.transactionCount; n++) {
        const i = newestFirst ? entry.transactionCount - 1 - n : n;
        if (only !== undefined && only.index !== i) continue;
        const matches = filter.matches(entry, i);
        for (const logIndex of newestFirst ? [...matches].reverse() : matches) {
          const item = { seq: entry.seq, height: entry.height, transactionIndex: i, logIndex };
          if (after === undefined || (newestFirst ? isAfter(after, item) : isAfter(item, after))) yield item;
        }
      }
    });
  }

  /** Transactions that called a contract, made it, or in which it logged, in order or newest first. */
  executions(query: ExecutionQuery): Page<ExecutionItem> {
    this.#catchUp();
    const { contract, after, newestFirst } = query;
    this.#requireKept(newestFirst ? after?.seq : firstSeqAfter(after));
    const filter = new ExecutionFilter(contract);
    const head = this.#chain.headSeq;
    const scan: Scan = {
      fromSeq: newestFirst ? 0 : firstSeqAfter(after),
      toSeq: newestFirst ? Math.min(head, lastSeqBefore(after)) : head,
      newestFirst,
      kinds: [PostingKind.execution, PostingKind.log],
      fingerprints: [[addressFingerprint(contract, 0)]],
    };
    return this.#page(scan, query.limit, function* (entry) {
      for (let n = 0; n < entry.transactionCount; n++) {
        const i = newestFirst ? entry.transactionCount - 1 - n : n;
        const isAnswered =
          after?.seq === entry.seq && (newestFirst ? i >= after.transactionIndex : i <= after.transactionIndex);
        if (!isAnswered && filter.matches(entry, i)) {
          yield { seq: entry.seq, height: entry.height, transactionIndex: i };
        }
      }
    });
  }

  /** Gathers up to `limit` of what `find` finds in the blocks of a scan, within the scan bound. */
  #page<T extends ExecutionItem & { logIndex?: number }>(
    scan: Scan,
    limit: number,
    find: (entry: BlockEntry) => Iterable<T>,
  ): Page<T> {
    const items: T[] = [];
    const budget: ScanBudget = { bytes: this.#scanBytesMax };
    let hasRead = false;
    for (const segment of this.#segmentsOf(scan)) {
      for (const seq of this.#candidates(segment, scan, budget)) {
        if (!this.#chain.isCanonical(seq)) continue;
        if (hasRead && budget.bytes <= 0) return { items, next: before(seq, scan) };
        const entry = this.#read(seq);
        if (entry === undefined) continue;
        hasRead = true;
        budget.bytes -= entry.bytes.length;
        for (const item of find(entry)) {
          items.push(item);
          if (items.length >= limit) return { items, next: cursorAt(item) };
        }
      }
      if (budget.bytes <= 0) return { items, next: pastEnd(segment, scan) };
    }
    return { items };
  }

  #segmentsOf(scan: Scan): SegmentInfo[] {
    if (scan.fromSeq > scan.toSeq) return [];
    const within = this.#segments.filter(({ firstSeq, lastSeq }) => lastSeq >= scan.fromSeq && firstSeq <= scan.toSeq);
    return scan.newestFirst ? within.reverse() : within;
  }

  /** Seqs of a segment, within the scan and in its order, that may hold a match. */
  #candidates(segment: SegmentInfo, scan: Scan, budget: ScanBudget): Iterable<number> {
    const first = Math.max(segment.firstSeq, scan.fromSeq);
    const last = Math.min(segment.lastSeq, scan.toSeq);
    if (scan.fingerprints.length === 0) return scan.newestFirst ? countDown(last, first) : countFrom(first, last);
    let seqs: number[] | undefined;
    for (const anyOf of scan.fingerprints) {
      const ofList = new Set<number>();
      for (const fingerprint of anyOf) {
        for (const kind of scan.kinds)
          for (const ordinal of this.#ordinals(segment, kind, fingerprint, budget))
            ofList.add(segment.firstSeq + ordinal);
      }
      seqs = (seqs ?? [...ofList].sort((a, b) => a - b)).filter((seq) => ofList.has(seq));
      if (seqs.length === 0) return seqs;
    }
    const within = (seqs ?? []).filter((seq) => seq >= first && seq <= last);
    return scan.newestFirst ? within.reverse() : within;
  }

  #ordinals(segment: SegmentInfo, kind: PostingKind, fingerprint: number, budget: ScanBudget): number[] {
    // The last segment listed may be sealed and yet not readable to its end.
    const isComplete = segment.sealed && segment !== this.#segments.at(-1);
    try {
      return this.#lookup.ordinals(segment, isComplete, kind, fingerprint, budget);
    } catch (problem) {
      const isGone = segment.firstSeq < (this.#source.segments()[0]?.firstSeq ?? 0);
      if (isGone) return [];
      throw problem;
    }
  }

  /** The newest canonical block among those with a hash's fingerprint that `isMatch` holds for. */
  #newestWith(kind: PostingKind, hash: Uint8Array, isMatch: (entry: BlockEntry) => boolean): BlockEntry | undefined {
    this.#catchUp();
    const unbounded = { bytes: Number.POSITIVE_INFINITY };
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      const segment = this.#segments[i]!;
      const ordinals = this.#ordinals(segment, kind, hashFingerprint(hash), unbounded);
      for (const ordinal of ordinals.reverse()) {
        const seq = segment.firstSeq + ordinal;
        const entry = this.#chain.isCanonical(seq) ? this.#read(seq) : undefined;
        if (entry !== undefined && isMatch(entry)) return entry;
      }
    }
    return undefined;
  }

  /** @param seq where a page goes on; undefined or 0: it is the first. @throws EngineError PRUNED when that is gone. */
  #requireKept(seq: number | undefined): void {
    if (seq === undefined || seq === 0 || seq >= this.#chain.lowestSeq) return;
    throw prunedError(`the cursor goes on at entry ${seq}`, this.#chain);
  }

  #read(seq: number): BlockEntry | undefined {
    const bytes = this.#source.read(seq);
    return bytes === undefined ? undefined : BlockEntry.parse(bytes);
  }

  #seqsOfHeights(fromHeight: number, toHeight: number): { fromSeq: number; toSeq: number } {
    const chain = this.#chain;
    const fromSeq = chain.seqOfHeight(Math.max(fromHeight, chain.lowestHeight));
    const toSeq = chain.seqOfHeight(Math.min(toHeight, chain.headHeight));
    return fromSeq === undefined || toSeq === undefined ? { fromSeq: 0, toSeq: -1 } : { fromSeq, toSeq };
  }

  #catchUp(): void {
    if (this.#listedSeq >= this.#durableSeq) return;
    this.#source.advance(this.#durableSeq);
    while (this.#chain.lastSeq < this.#durableSeq) {
      const seq = this.#chain.lastSeq + 1;
      const entries = this.#source.entries(seq, READ_STEP_BYTES);
      if (entries.length === 0) throw new StorageError(`log entry ${seq} can't be read`, { retryable: false, seq });
      for (const bytes of entries) this.#chain.add(BlockEntry.parse(bytes));
    }
    this.#chain.beginAt(this.#beginSeq);
    const { lowestSeq } = this.#chain;
    this.#segments = this.#source.segments().filter(({ lastSeq }) => lastSeq >= lowestSeq);
    this.#listedSeq = this.#durableSeq;
  }
}

function* countFrom(first: number, last: number): IterableIterator<number> {
  for (let seq = first; seq <= last; seq++) yield seq;
}

function* countDown(last: number, first: number): IterableIterator<number> {
  for (let seq = last; seq >= first; seq--) yield seq;
}

/** The first seq that may hold something after the cursor. A block that is answered is not read again: work must go on. */
function firstSeqAfter(cursor: HistoryCursor | undefined): number {
  if (cursor === undefined) return 0;
  return cursor.transactionIndex === ALL ? cursor.seq + 1 : cursor.seq;
}

/** The last seq that may hold something before the cursor. */
function lastSeqBefore(cursor: HistoryCursor | undefined): number {
  if (cursor === undefined) return Number.POSITIVE_INFINITY;
  return cursor.transactionIndex === 0 && cursor.logIndex === 0 ? cursor.seq - 1 : cursor.seq;
}

function isAfter(item: HistoryCursor, cursor: HistoryCursor): boolean {
  if (item.seq !== cursor.seq) return item.seq > cursor.seq;
  if (item.transactionIndex !== cursor.transactionIndex) return item.transactionIndex > cursor.transactionIndex;
  return item.logIndex > cursor.logIndex;
}

function cursorAt(item: ExecutionItem & { logIndex?: number }): HistoryCursor {
  return { seq: item.seq, transactionIndex: item.transactionIndex, logIndex: item.logIndex ?? 0 };
}

/** All that a scan visits before `seq` is answered. */
function before(seq: number, scan: Scan): HistoryCursor {
  return scan.newestFirst
    ? { seq: seq + 1, transactionIndex: 0, logIndex: 0 }
    : { seq: seq - 1, transactionIndex: ALL, logIndex: ALL };
}

/** All that a scan visits in a segment is answered. */
function pastEnd(segment: SegmentInfo, scan: Scan): HistoryCursor {
  return scan.newestFirst
    ? { seq: segment.firstSeq, transactionIndex: 0, logIndex: 0 }
    : { seq: Math.min(segment.lastSeq, scan.toSeq), transactionIndex: ALL, logIndex: ALL };
}

function indexOfHash(entry: BlockEntry, hash: Uint8Array): number {
  const hashes = entry.transactionHashes;
  for (let i = 0; i < entry.transactionCount; i++) {
    if (hashes[32 * i] === hash[0] && equalBytes(entry.transactionHash(i), hash)) return i;
  }
  return -1;
}
