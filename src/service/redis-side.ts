/**
 * RedisSide: the cache in Redis beside an engine. Its thread follows the log; nothing here depends on it.
 *   engine ── durable ──▶ thread ──▶ Redis ──▶ readers outside
 * Always
 *  - No failure of it is the engine's: it is reported, and the thread started again.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { EngineError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import type { DataPaths } from "../storage/data-paths.ts";
import { instanceId } from "../storage/instance-id.ts";
import { describeRedis, type RedisOptions } from "../storage/redis-options.ts";
import type { CacheCounts, RedisProgress, RedisWorkerData } from "../storage/redis-protocol.ts";
import { addedCounts, type StatementCounts } from "../storage/statement-meter.ts";
import { LogThread } from "./log-thread.ts";

/** A cache beside an engine. */
export interface RedisStorage {
  readonly options: RedisOptions;
  /** What takes as long is listed as slow. */
  readonly slowMs: number;
}

export interface RedisSideOptions {
  readonly storage: RedisStorage;
  readonly dataDir: string;
  readonly paths: DataPaths;
  readonly log: BlockLog;
  /** What a log is known by that several daemons have: any of them may write the cache. Asked when it has its first block. */
  readonly logName: (() => string) | undefined;
  readonly script: URL;
  report(level: "info" | "warn" | "error", message: string, facts: Record<string, unknown>): void;
}

/** A thread that failed is missed for as long; the next failure for twice that. */
const RESTART_MIN_MS = 1_000;
const RESTART_MAX_MS = 60_000;
/** How long a stop waits for a server that may not answer. */
const STOP_MS = 2_000;
const CLEAR_MS = 60_000;

const NO_COUNTS: CacheCounts = { valuesWritten: 0, valuesRemoved: 0, fills: 0, checked: 0, mismatches: 0 };

type RedisThread = LogThread<RedisProgress>;

/** Links that are as they should be. */
export const REDIS_LINKS_AT_EASE: readonly string[] = ["ok", "filling", "standby"];

export class RedisSide {
  readonly #options: RedisSideOptions;
  #thread: RedisThread | undefined;
  #failed: EngineError | undefined;
  /** What threads that ended had counted. */
  #ended: { counts: CacheCounts; statements: StatementCounts } = { counts: NO_COUNTS, statements: addedCounts([]) };
  #restarts = 0;
  /** Whose cache it is. */
  #instance: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();
  #clears = new Map<number, () => void>();
  #nextClear = 1;

  constructor(options: RedisSideOptions) {
    this.#options = options;
  }

  /** In the background: no start waits for a cache. The log has its first block. */
  start(): void {
    this.#start().catch((error: EngineError) => this.#restartLater(error));
  }

  durable(): void {
    const { log } = this.#options;
    this.#thread?.durable(log.durableSeq, log.byteLength);
  }

  /** How it is, for health and statistics. */
  describe() {
    const thread = this.#thread;
    const { options } = this.#options.storage;
    return {
      server: describeRedis(options),
      keyPrefix: options.keyPrefix,
      link: this.#failed !== undefined ? "failed" : (thread?.progress.link ?? "starting"),
      problem: this.#failed?.message ?? thread?.progress.problem,
      restarts: this.#restarts,
      appliedSeq: thread?.progress.appliedSeq,
      flushMs: thread?.progress.flushMs,
      ...this.#totals(),
      backlog: thread?.progress.appliedSeq === undefined ? undefined : thread.backlog,
    };
  }

  #totals(): { counts: CacheCounts; statements: StatementCounts } {
    const { counts, statements } = this.#ended;
    const now = this.#thread?.progress;
    if (now === undefined) return { counts, statements };
    const names = Object.keys(NO_COUNTS) as (keyof CacheCounts)[];
    const sums = names.map((name) => [name, counts[name] + now.counts[name]]);
    return { counts: Object.fromEntries(sums) as CacheCounts, statements: addedCounts([statements, now.statements]) };
  }

  /** Empties the cache, which is then filled again; resolves when it is. @throws EngineError. */
  async clear(): Promise<void> {
    const thread = this.#thread;
    const { link, problem } = this.describe();
    if (thread === undefined || link !== "ok")
      throw new EngineError("STORAGE_ERROR", `the cache in Redis can't be cleared now: ${problem ?? link}`, {
        retryable: true,
        link,
      });
    const id = this.#nextClear++;
    let late: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#clears.set(id, resolve);
        const tooLate = () =>
          reject(new EngineError("STORAGE_ERROR", `Redis is not filled after ${CLEAR_MS} ms`, { retryable: true }));
        late = setTimeout(tooLate, CLEAR_MS);
        thread.post({ clear: id });
      });
    } finally {
      clearTimeout(late);
      this.#clears.delete(id);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    const thread = this.#thread;
    if (thread === undefined) return;
    const late = setTimeout(() => void thread.kill(), STOP_MS);
    await thread.stop();
    clearTimeout(late);
  }

  async #start(): Promise<void> {
    const { storage, dataDir, paths, log, logName, script, report } = this.#options;
    this.#instance ??= logName?.() ?? instanceId(dataDir);
    const workerData: RedisWorkerData = {
      journalDirectory: paths.journal,
      stateDirectory: paths.state,
      durableSeq: log.durableSeq,
      logBytes: log.byteLength,
      redis: storage.options,
      instance: this.#instance,
      holder: `${hostname()} ${process.pid} ${randomUUID()}`,
      slowMs: storage.slowMs,
    };
    const thread = await LogThread.start<RedisProgress, { cleared: number }>(
      "the Redis cache",
      script,
      workerData,
      log.byteLength,
      {
        onLink: ({ link, problem, appliedSeq }) => {
          const isAtEase = REDIS_LINKS_AT_EASE.includes(link);
          const why = problem === undefined ? {} : { why: problem };
          report(isAtEase ? "info" : "warn", `the cache in Redis is ${link}`, { link, ...why, appliedSeq });
        },
        onFailed: (error) => {
          if (this.#thread !== undefined) this.#restartLater(error);
        },
        onMessage: ({ cleared }) => this.#clears.get(cleared)?.(),
      },
      this.#closing.signal,
    );
    this.#failed = undefined;
    this.#thread = thread;
    this.durable();
  }

  #restartLater(error: EngineError): void {
    if (this.#closing.signal.aborted) return;
    const { counts, statements } = this.#totals();
    this.#ended = { counts, statements: { ...statements, connections: 0 } };
    this.#thread = undefined;
    this.#failed = error;
    const delayMs = Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** this.#restarts++);
    this.#options.report("error", "the thread of the Redis cache ended and is started again", {
      code: error.code,
      why: error.message,
      delayMs,
    });
    this.#timer = setTimeout(() => this.start(), delayMs).unref();
  }
}
