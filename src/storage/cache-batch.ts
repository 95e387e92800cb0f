/**
 * CacheBatch: consecutive entries of the log as one write to the cache: each value that they touched once, an entry of the
 * change feed for each block and rollback, and the position after them.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { DeltaCursor } from "../encoding/delta.ts";
import { toHex } from "../encoding/hex.ts";
import { cacheClassOf, cacheName, cacheValue } from "./cache-values.ts";
import { ChangeTable } from "./change-table.ts";
import type { EntrySource } from "./entry-source.ts";
import type { RedisOptions } from "./redis-options.ts";
import type { CacheChange, CacheWrite, FeedEntry } from "./redis-session.ts";
import { undoneBlocks } from "./undone-blocks.ts";

/** Memory of an emptied change table that is kept for the next batch. */
const KEPT_BYTES = 16 * 1024 * 1024;
/** Names of one feed entry; how many more there were is counted. */
const NAMES_MAX = 200;

/** Where the cache stands, as the JSON that its readers see. Two positions are the same when their texts are. */
export function positionText(entry: BlockEntry | undefined, instance: string, options: RedisOptions): string {
  return JSON.stringify({
    seq: entry?.seq ?? -1,
    ...(entry === undefined
      ? {}
      : {
          height: entry.height,
          blockHash: toHex(entry.blockHash),
          stateRoot: toHex(entry.stateRoot),
          chainId: entry.chainId,
        }),
    instance,
    ttlSecs: options.ttlSecs,
  });
}

export class CacheBatch {
  readonly #options: RedisOptions;
  readonly #instance: string;
  readonly #changes = new ChangeTable();
  #feed: FeedEntry[] = [];
  #last: BlockEntry | undefined;

  constructor(options: RedisOptions, instance: string) {
    this.#options = options;
    this.#instance = instance;
  }

  /** Entries that follow each other. @throws StorageError when the log no longer has what a rollback takes back. */
  build(entries: readonly BlockEntry[], source: EntrySource): CacheWrite {
    this.#changes.clear(KEPT_BYTES);
    this.#feed = [];
    for (const entry of entries) this.#add(entry, source);
    const last = this.#last!;
    return {
      changes: this.#values(last.seq),
      feed: this.#feed,
      position: positionText(last, this.#instance, this.#options),
    };
  }

  #add(entry: BlockEntry, source: EntrySource): void {
    const undone = entry.isRollback ? undoneBlocks(source, entry) : [];
    for (const block of undone) this.#changes.applyDelta(block.delta, "backward");
    if (!entry.isRollback) this.#changes.applyDelta(entry.delta, "forward");
    this.#last = entry;
    if (this.#options.feedLength > 0) this.#feed.push(feedEntry(entry, entry.isRollback ? undone : [entry]));
  }

  #values(seq: number): CacheChange[] {
    const values: CacheChange[] = [];
    for (const record of this.#changes.ordered()) {
      const key = this.#changes.key(record);
      const kind = cacheClassOf(key);
      if (kind === undefined) continue;
      const value = this.#changes.value(record);
      values.push({
        name: cacheName(key)!,
        value: value === undefined ? undefined : cacheValue(key, value, seq),
        ttlSecs: this.#options.ttlSecs[kind],
      });
    }
    return values;
  }
}

function feedEntry(entry: BlockEntry, touched: readonly BlockEntry[]): FeedEntry {
  const names = new Set<string>();
  let more = 0;
  for (const { delta } of touched)
    for (const cursor = new DeltaCursor(delta); cursor.next(); ) {
      if (names.size >= NAMES_MAX) {
        more++;
        continue;
      }
      const { prefixAt, prefixLength, suffixAt, suffixLength } = cursor;
      const key = new Uint8Array(prefixLength + suffixLength);
      key.set(delta.subarray(prefixAt, prefixAt + prefixLength));
      key.set(delta.subarray(suffixAt, suffixAt + suffixLength), prefixLength);
      const name = cacheName(key);
      if (name !== undefined) names.add(name);
    }
  const facts = {
    type: entry.isRollback ? "rollback" : "block",
    height: entry.height,
    blockHash: toHex(entry.blockHash),
    stateRoot: toHex(entry.stateRoot),
    transactions: entry.transactionCount,
    keys: JSON.stringify([...names]),
    ...(more === 0 ? {} : { moreKeys: more }),
  };
  return { id: `${entry.seq}-1`, fields: Object.entries(facts).flatMap(([name, fact]) => [name, String(fact)]) };
}

/** Its place in the feed: after the entry that the cache was filled up to, and after every filling before it. */
export function fillFeedEntry(filledTo: BlockEntry, nowMs: number): FeedEntry {
  const { seq, height, stateRoot } = filledTo;
  return { id: `${seq}-${nowMs}`, fields: ["type", "fill", "height", String(height), "stateRoot", toHex(stateRoot)] };
}
