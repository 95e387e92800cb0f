/**
 * ResultCache: answers of queries, each with what it read and nothing that was written since.
 *   lookup ── key, gas limit ──▶ Entry: unchanged? young enough? gas within the limit? ──▶ the answer, or undefined
 * Always
 *  - A hit is what running the query now, on the last durable block, would answer.
 *  - Success and reverts are kept; rejections and halts are not.
 *  - Bounded by entries and by bytes; the least recently used goes first.
 */
import { LRUCache } from "lru-cache";
import type { BlockEntry } from "../../encoding/block-entry.ts";
import type { QueryAnswer, QueryReads } from "../../encoding/query-answer.ts";
import type { QueryKey } from "./query-key.ts";
import type { QueryCounts } from "./query-statistics.ts";
import { type Watched, WriteVersions } from "./write-versions.ts";

export interface ResultCacheOptions {
  /** 0 keeps nothing. */
  entriesMax: number;
  bytesMax: number;
  ttlMs: number;
  /** Seq of the last durable entry of the log. */
  seq: number;
  /** Milliseconds of a clock that never goes back. */
  nowMs(): number;
}

/** An answer that is kept. */
export interface CachedAnswer {
  readonly status: "success" | "reverted";
  readonly gasUsed: number;
  readonly returnData: Uint8Array;
  /** What it counts for. */
  readonly counts: QueryCounts;
  readonly storedAtMs: number;
}

interface Entry extends CachedAnswer {
  readonly keys: readonly Watched[];
  /** Nothing that it read was written up to this entry of the log. */
  readonly seq: number;
  readonly readsBlock: boolean;
  /** Set: the answer holds for this gas limit alone. */
  readonly gasLimitOnly: number | undefined;
}

/** Of an entry besides its key and data: the object, its place in the map, and what it watches. Measured with 10,000 entries. */
const ENTRY_BYTES = 320;
const WATCHED_BYTES = 96;

export class ResultCache {
  readonly #entries: LRUCache<string, Entry> | undefined;
  readonly #versions: WriteVersions;
  readonly #bytesMax: number;
  readonly #ttlMs: number;
  readonly #nowMs: () => number;
  readonly entriesMax: number;
  /** Entries that made room for others. */
  evicted = 0;

  constructor(options: ResultCacheOptions) {
    this.entriesMax = options.entriesMax;
    this.#bytesMax = options.bytesMax;
    this.#ttlMs = options.ttlMs;
    this.#nowMs = options.nowMs;
    this.#versions = new WriteVersions(options.seq);
    if (options.entriesMax === 0) return;
    this.#entries = new LRUCache<string, Entry>({
      max: options.entriesMax,
      maxSize: options.bytesMax,
      dispose: ({ keys }, _key, reason) => {
        this.#versions.release(keys);
        if (reason === "evict") this.evicted++;
      },
    });
  }

  get size(): number {
    return this.#entries?.size ?? 0;
  }
  get byteLength(): number {
    return this.#entries?.calculatedSize ?? 0;
  }
  /** Seq of the entry of the log that a hit is as new as. */
  get seq(): number {
    return this.#versions.seq;
  }

  /** The next durable entry of the log. */
  committed(entry: BlockEntry): void {
    this.#versions.committed(entry);
  }

  lookup(key: QueryKey): CachedAnswer | undefined {
    const entry = this.#entries?.get(key.text);
    if (entry === undefined) return undefined;
    this.#versions.catchUp();
    if (this.#isStale(entry)) {
      entry.counts.invalidated++;
      this.#entries!.delete(key.text);
      return undefined;
    }
    if (this.#nowMs() - entry.storedAtMs >= this.#ttlMs) {
      entry.counts.expired++;
      this.#entries!.delete(key.text);
      return undefined;
    }
    if (entry.gasUsed > key.gasLimit) return undefined;
    if (entry.gasLimitOnly !== undefined && entry.gasLimitOnly !== key.gasLimit) return undefined;
    return entry;
  }

  #isStale({ seq, keys, readsBlock }: Entry): boolean {
    if (seq < this.#versions.floor) return true;
    if (readsBlock && seq !== this.#versions.seq) return true;
    for (const watched of keys) if (watched.version > seq) return true;
    return false;
  }

  /** Keeps an answer, unless something that it read was written since. Its bytes are copied. */
  store(key: QueryKey, answer: QueryAnswer, reads: QueryReads, counts: QueryCounts): boolean {
    const entries = this.#entries;
    if (entries === undefined || answer.status === "halted" || answer.rejection !== undefined) return false;
    const versions = this.#versions;
    versions.catchUp();
    const { seq } = versions;
    if (answer.seq > seq || (reads.block && answer.seq !== seq)) return false;
    if (!versions.areUnchangedSince(reads.keys, answer.seq)) return false;
    const { returnData } = answer;
    const size = ENTRY_BYTES + key.text.length + returnData.length + WATCHED_BYTES * reads.keys.length;
    if (size > this.#bytesMax) return false;
    const entry: Entry = {
      status: answer.status,
      gasUsed: answer.gasUsed,
      returnData: returnData.slice(),
      counts,
      storedAtMs: this.#nowMs(),
      keys: versions.watch(reads.keys),
      seq,
      readsBlock: reads.block,
      gasLimitOnly: reads.gas ? key.gasLimit : undefined,
    };
    entries.set(key.text, entry, { size });
    return true;
  }

  /** Drops everything. Answers how many entries there were. */
  clear(): number {
    const { size } = this;
    this.#entries?.clear();
    return size;
  }
}
