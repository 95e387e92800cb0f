/**
 * EntryEvents: what one entry of the log tells streams; and EventCache, which keeps that of the newest entries for all who
 * follow the head, within a bound. Whoever is further behind reads the log.
 */
import type { BlockEntry } from "../../encoding/block-entry.ts";
import type { ContractAbis } from "../contract-abis.ts";
import type { EventLog } from "../services.ts";
import { BlockEvents } from "./block-events.ts";
import { cursorHash, endCursor, refusePruned } from "./event-cursor.ts";

/** Entries and texts kept: a fraction of a second of the highest rate. */
const CACHE_BYTES_MAX = 16 * 1024 * 1024;
const CACHE_ENTRIES_MAX = 256;
/** Texts grow as they are asked for: they are counted again after so many slices of some tens of kilobytes. */
const TRIM_EVERY = 64;

export interface EventSources {
  readonly log: EventLog;
  readonly abis: ContractAbis;
}

export class EntryEvents {
  readonly entry: BlockEntry;
  /** Behind all of its events. */
  readonly endCursor: string;
  readonly #sources: EventSources;
  readonly #hash: string;
  readonly hasBody: boolean;
  #undone: readonly number[] | undefined;
  /** The last part that was asked for: a rollback may take back more than memory holds. */
  #part: { index: number; events: BlockEvents } | undefined;

  constructor(entry: BlockEntry, hasBody: boolean, sources: EventSources) {
    this.entry = entry;
    this.endCursor = endCursor(entry);
    this.#hash = cursorHash(entry);
    this.hasBody = hasBody;
    this.#sources = sources;
  }

  /** Before the first of its events. */
  get startCursor(): string {
    return `${this.entry.seq}.0.0.${this.#hash}`;
  }

  get bytes(): number {
    return this.entry.bytes.length + (this.#part?.events.madeBytes ?? 0);
  }

  /** Undefined behind the last part. @throws EngineError PRUNED when the log no longer has the block. */
  part(index: number): BlockEvents | undefined {
    if (this.#part?.index === index) return this.#part.events;
    const block = this.entry.isRollback ? this.#undoneBlock(index) : index === 0 ? this.entry : undefined;
    if (block === undefined) return undefined;
    const place = { seq: this.entry.seq, part: index, hash: this.#hash };
    const events = new BlockEvents(block, place, this.entry.isRollback, this.#sources.abis);
    this.#part = { index, events };
    return events;
  }

  #undoneBlock(index: number): BlockEntry | undefined {
    const { log } = this.#sources;
    this.#undone ??= log.undone(this.entry);
    const seq = this.#undone[index];
    if (seq === undefined) return undefined;
    return (this.hasBody ? log.entry(seq) : log.header(seq)) ?? refusePruned(seq, log);
  }
}

export class EventCache {
  readonly #sources: EventSources;
  readonly #entries = new Map<number, EntryEvents>();
  /** For whoever is further behind: an entry is told in many slices. */
  #lastRead: EntryEvents | undefined;
  #asked = 0;

  constructor(sources: EventSources) {
    this.#sources = sources;
  }

  get log(): EventLog {
    return this.#sources.log;
  }

  /** An entry that just became durable. */
  add(entry: BlockEntry): void {
    this.#keep(new EntryEvents(entry, true, this.#sources));
  }

  /** @throws EngineError PRUNED when the log no longer has the entry. */
  get(seq: number, needsBody: boolean): EntryEvents {
    if (++this.#asked % TRIM_EVERY === 0) this.#trim();
    const kept = this.#entries.get(seq) ?? this.#lastRead;
    if (kept?.entry.seq === seq && (kept.hasBody || !needsBody)) return kept;
    const { log } = this.#sources;
    const entry = (needsBody ? log.entry(seq) : log.header(seq)) ?? refusePruned(seq, log);
    const events = new EntryEvents(entry, needsBody, this.#sources);
    // Many come back at once after a restart, a little behind the head.
    if (needsBody && seq > log.durableSeq - CACHE_ENTRIES_MAX) this.#keep(events);
    this.#lastRead = events;
    return events;
  }

  clear(): void {
    this.#entries.clear();
    this.#lastRead = undefined;
  }

  #keep(events: EntryEvents): void {
    this.#entries.set(events.entry.seq, events);
    this.#trim();
  }

  /** Lets go of the oldest until the rest is within the bound. */
  #trim(): void {
    let bytes = 0;
    for (const { bytes: each } of this.#entries.values()) bytes += each;
    for (const [seq, entry] of this.#entries) {
      if (bytes <= CACHE_BYTES_MAX && this.#entries.size <= CACHE_ENTRIES_MAX) return;
      bytes -= entry.bytes;
      this.#entries.delete(seq);
    }
  }
}
