/**
 * RedisFollower: keeps a cache in Redis up to the log, for readers outside this daemon.
 *   claimed ─▶ its position is one of this log's ─▶ follow ─▶ written in one script with the position it goes to
 *           └▶ no, or too far behind ─▶ filled from the state store ─▶ follow
 * Always
 *  - It only reads log and store: nobody in the daemon waits for Redis or reads from it.
 *  - The cache is never newer than the log, and says how far it is. What this thread remembers is worth nothing after a failure.
 */
import { randomUUID } from "node:crypto";
import { BlockEntry } from "../encoding/block-entry.ts";
import { StorageError } from "../errors.ts";
import { BacklogMeter } from "./backlog-meter.ts";
import { CacheBatch, fillFeedEntry, positionText } from "./cache-batch.ts";
import { CacheCheck, type RefreshedSnapshot } from "./cache-check.ts";
import { cacheName, cacheValue, keyOfCacheName, tagOf } from "./cache-values.ts";
import type { EntrySource } from "./entry-source.ts";
import { CACHE_CLASSES } from "./redis-options.ts";
import type { RedisLink, RedisReport, RedisRequest, RedisWorkerData } from "./redis-protocol.ts";
import { type CacheChange, NotWritableError, RENEW_MS, RedisSession } from "./redis-session.ts";
import { StatementMeter } from "./statement-meter.ts";

/** Entries of one write, in bytes: about 2,000 transfers. */
const BATCH_BYTES = 1024 * 1024;
/** Once caught up, changes are gathered this long. */
const WINDOW_MS = 20;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;
/** How long a stop goes on following. */
const STOP_MS = 1_000;
/** A cache ahead of this daemon's copy of a shared log is waited for this long, then written anew. */
const AHEAD_MS = 3_000;
/** Values of one write of a filling. */
const FILL_KEYS = 2_000;
const FILL_BYTES = 1024 * 1024;

export class RedisFollower {
  readonly #data: RedisWorkerData;
  readonly #source: EntrySource;
  readonly #snapshot: RefreshedSnapshot;
  readonly #report: (report: RedisReport) => void;
  readonly #batch: CacheBatch;
  readonly #check: CacheCheck;
  readonly #meter: StatementMeter;
  readonly #backlog = new BacklogMeter();
  #durableSeq: number;
  #appliedSeq: number | undefined;
  /** What is there is not to be trusted. */
  #mustFill = false;
  #clears: number[] = [];
  #flushMs = 0;
  readonly #counts = { valuesWritten: 0, valuesRemoved: 0, fills: 0, mismatches: 0 };
  #stopAtMs = Number.POSITIVE_INFINITY;
  /** Ends the wait that is under way. */
  #wake: () => void = () => {};

  constructor(
    data: RedisWorkerData,
    modules: { source: EntrySource; snapshot: RefreshedSnapshot; report(report: RedisReport): void },
  ) {
    this.#data = data;
    this.#source = modules.source;
    this.#snapshot = modules.snapshot;
    this.#report = modules.report;
    this.#batch = new CacheBatch(data.redis, data.instance);
    this.#check = new CacheCheck(data.redis, modules.snapshot);
    this.#meter = new StatementMeter(data.slowMs);
    this.#durableSeq = -1;
    this.#advance(data.durableSeq, data.logBytes);
  }

  receive(request: RedisRequest): void {
    if ("stop" in request) this.#stopAtMs = performance.now() + STOP_MS;
    else if ("clear" in request) this.#clears.push(request.clear);
    else this.#advance(request.durableSeq, request.logBytes);
    this.#wake();
  }

  /** Until it is stopped. @throws EngineError when the log or the store can't be read. */
  async run(): Promise<void> {
    for (let failures = 0; !this.#isStopping; ) {
      let session: RedisSession | undefined;
      try {
        session = await RedisSession.open(this.#data, this.#meter, () => this.#wake());
        await this.#follow(session, () => {
          failures = 0;
        });
        await session.release();
      } catch (problem) {
        const link = linkOf(problem);
        if (link === undefined) throw problem;
        this.#appliedSeq = undefined;
        this.#tell(link, (problem as Error).message);
        const backoffMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** failures++);
        await this.#sleep(backoffMs * (0.5 + Math.random()), false);
      } finally {
        session?.close();
      }
    }
  }

  async #follow(session: RedisSession, onFollowing: () => void): Promise<void> {
    let isSure = !this.#mustFill && (await this.#resumes(session));
    let renewAtMs = 0;
    while (performance.now() < this.#stopAtMs) {
      if (session.isLost) throw new StorageError("the connection to Redis was lost", { retryable: true });
      if (!isSure || this.#clears.length > 0 || this.#isTooFarBehind()) {
        const clears = this.#clears.splice(0);
        await this.#fill(session);
        isSure = true;
        for (const cleared of clears) this.#report({ cleared });
      }
      if (performance.now() >= renewAtMs) {
        await session.renew();
        await this.#look(session);
        renewAtMs = performance.now() + RENEW_MS;
        onFollowing();
        this.#tell("ok");
      }
      if (this.#appliedSeq! < this.#durableSeq) {
        await this.#write(session);
        if (this.#appliedSeq === this.#durableSeq) await this.#sleep(WINDOW_MS, false);
      } else if (this.#isStopping) return;
      else await this.#sleep(Math.max(0, renewAtMs - performance.now()), true);
    }
  }

  async #write(session: RedisSession): Promise<void> {
    const entries = this.#entries(this.#appliedSeq! + 1);
    const write = this.#batch.build(entries, this.#source);
    const startMs = performance.now();
    await session.write(write);
    this.#flushMs = performance.now() - startMs;
    this.#count(write.changes);
    this.#appliedSeq = entries.at(-1)!.seq;
    this.#tell("ok");
  }

  /** Everything of ours goes; classes without a time to live come back as the state store has them. */
  async #fill(session: RedisSession): Promise<void> {
    const { instance, redis } = this.#data;
    this.#appliedSeq = undefined;
    this.#counts.fills++;
    this.#tell("filling");
    await session.write({ changes: [], feed: [], position: JSON.stringify({ filling: randomUUID(), instance }) });
    for (let cursor: string | undefined; cursor !== "0"; ) {
      const found = await session.scan(cursor ?? "0");
      // Among many keys that are not ours nothing else says that this writer is there.
      await session.renew();
      cursor = found.cursor;
      const names = found.names.filter((name) => keyOfCacheName(name) !== undefined);
      await this.#put(
        session,
        names.map((name) => ({ name, value: undefined, ttlSecs: 0 })),
      );
    }
    const seq = this.#snapshot.refresh();
    try {
      for (const kind of CACHE_CLASSES)
        if (redis.ttlSecs[kind] === 0)
          for (const values of this.#values(tagOf(kind), seq)) await this.#put(session, values);
    } finally {
      this.#snapshot.release();
    }
    this.#durableSeq = Math.max(this.#durableSeq, seq);
    this.#source.advance(seq);
    const entry = this.#entryAt(seq);
    const position = positionText(entry, instance, redis);
    const feed = entry === undefined ? [] : [fillFeedEntry(entry, Date.now())];
    await session.write({ changes: [], feed, position });
    this.#appliedSeq = seq;
    this.#mustFill = false;
  }

  /** The state store's leaves with a tag, some at a time. */
  *#values(tag: number, seq: number): Generator<CacheChange[]> {
    let values: CacheChange[] = [];
    let bytes = 0;
    for (const { key, value } of this.#snapshot.range(Uint8Array.of(tag), Uint8Array.of(tag + 1))) {
      values.push({ name: cacheName(key)!, value: cacheValue(key, value, seq), ttlSecs: 0 });
      bytes += value.length;
      if (values.length < FILL_KEYS && bytes < FILL_BYTES) continue;
      yield values;
      values = [];
      bytes = 0;
    }
    yield values;
  }

  async #put(session: RedisSession, changes: readonly CacheChange[]): Promise<void> {
    if (this.#isStopping) throw new NotWritableError("filling", "the daemon stops");
    if (changes.length === 0) return;
    await session.write({ changes, feed: [], position: undefined });
    this.#count(changes);
  }

  async #look(session: RedisSession): Promise<void> {
    const wrong = await this.#check.step(session, this.#appliedSeq!);
    if (wrong === undefined) return;
    this.#counts.mismatches++;
    this.#mustFill = true;
    throw new NotWritableError("filling", `the cache is not as this daemon left it: ${wrong}`);
  }

  /** The cache stands at an entry of this log and was written with these options. */
  async #resumes(session: RedisSession): Promise<boolean> {
    const text = session.position;
    const seq = Number(/^\{"seq":(-?\d{1,16}),/.exec(text)?.[1] ?? Number.NaN);
    if (!Number.isSafeInteger(seq)) return false;
    for (const giveUpAtMs = performance.now() + AHEAD_MS; seq > this.#durableSeq; ) {
      if (performance.now() >= giveUpAtMs || this.#isStopping || session.isLost) return false;
      await this.#sleep(RETRY_MIN_MS, false);
    }
    const entry = this.#entryAt(seq);
    if (seq >= 0 && entry === undefined) return false;
    if (text !== positionText(entry, this.#data.instance, this.#data.redis)) return false;
    // The log may have been cut behind the cache.
    if (seq < this.#durableSeq && this.#source.read(seq + 1) === undefined) return false;
    this.#appliedSeq = seq;
    return true;
  }

  #entryAt(seq: number): BlockEntry | undefined {
    const bytes = seq < 0 ? undefined : this.#source.read(seq);
    return bytes === undefined ? undefined : new BlockEntry(bytes);
  }

  #entries(fromSeq: number): BlockEntry[] {
    const entries = this.#source.entries(fromSeq, BATCH_BYTES);
    if (entries.length > 0) return entries.map((bytes) => BlockEntry.parse(bytes));
    throw new StorageError(`log entry ${fromSeq} is durable but can't be read`, { retryable: false, fromSeq });
  }

  /** Filling would skip a good part of what it is behind: the store may be behind too. */
  #isTooFarBehind(): boolean {
    const { backlogMaxBytes } = this.#data.redis;
    const { bytes } = this.#backlog.backlog(this.#appliedSeq);
    if (bytes <= backlogMaxBytes) return false;
    const storeSeq = this.#snapshot.refresh();
    this.#snapshot.release();
    return bytes - this.#backlog.backlog(storeSeq).bytes > backlogMaxBytes / 2;
  }

  #advance(durableSeq: number, logBytes: number): void {
    this.#durableSeq = Math.max(this.#durableSeq, durableSeq);
    this.#source.advance(this.#durableSeq);
    this.#backlog.grew(durableSeq, logBytes);
  }

  #count(changes: readonly CacheChange[]): void {
    const removed = changes.reduce((sum, { value }) => sum + (value === undefined ? 1 : 0), 0);
    this.#counts.valuesRemoved += removed;
    this.#counts.valuesWritten += changes.length - removed;
  }

  #tell(link: RedisLink, problem?: string): void {
    this.#report({
      link,
      ...(problem === undefined ? {} : { problem }),
      appliedSeq: this.#appliedSeq,
      flushMs: this.#flushMs,
      counts: { ...this.#counts, checked: this.#check.checked },
      statements: this.#meter.counts,
    });
  }

  get #isStopping(): boolean {
    return this.#stopAtMs !== Number.POSITIVE_INFINITY;
  }

  /** @param endsWithNews of the log too, not only with a stop. */
  #sleep(ms: number, endsWithNews: boolean): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (!endsWithNews && !this.#isStopping) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** What a failure says about the link; undefined when trying again can't help. */
function linkOf(problem: unknown): RedisLink | undefined {
  if (problem instanceof NotWritableError) return problem.link;
  if (!(problem instanceof StorageError && problem.retryable)) return undefined;
  return (problem.facts["reason"] as RedisLink | undefined) ?? "unreachable";
}
