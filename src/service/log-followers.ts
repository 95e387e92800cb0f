/**
 * LogFollowers: what follows the log beside the executor, and how far each has come.
 *   durable entries ── tellSoon ──▶ state store with analytics (its own thread) · PostgreSQL's tables · the cache in Redis
 * Always
 *  - The state store is told of nothing that the executor has not taken in, nor of what power loss could take from this disk.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import type { EngineError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import type { ChainIndex } from "../storage/chain-index.ts";
import type { DataPaths } from "../storage/data-paths.ts";
import type { FollowerProgress } from "../storage/follower-protocol.ts";
import { followerNeed, type LogNeed } from "../storage/prune-plan.ts";
import { AnalyticsHandle } from "./analytics-handle.ts";
import { FollowerHandle } from "./follower-handle.ts";
import type { PostgresSide } from "./postgres-side.ts";
import type { RedisSide } from "./redis-side.ts";

export interface LogFollowersModules {
  readonly log: BlockLog;
  readonly chain: ChainIndex;
  /** Undefined: storage memory. Nothing follows it then. */
  readonly paths: DataPaths | undefined;
  readonly postgres: PostgresSide | undefined;
  readonly redis: RedisSide | undefined;
  /** Whether analytics are kept. */
  readonly analytics: boolean;
  /** Of the follower's thread. */
  readonly script: URL;
  /** The last entry that the executor has taken in, durably. */
  headSeq(): number;
  /** The state store has applied the log up to `seq`. */
  onApplied(seq: number): void;
  onFatal(error: EngineError): void;
  report(level: "info" | "warn", message: string, facts: Record<string, unknown>): void;
}

export class LogFollowers {
  readonly analytics = new AnalyticsHandle();
  readonly #modules: LogFollowersModules;
  #store: FollowerHandle | undefined;
  #isToldSoon = false;

  constructor(modules: LogFollowersModules) {
    this.#modules = modules;
  }

  /** Starts the state store's thread. It follows from the first `tell` on. @throws EngineError; no thread is left then. */
  async start(): Promise<void> {
    const { log, paths, analytics, script, report, onApplied, onFatal } = this.#modules;
    if (paths === undefined) {
      if (analytics) await this.analytics.openHere(log);
      return;
    }
    const { journal: journalDirectory, state: stateDirectory, index: indexDirectory } = paths;
    const analyticsPath = analytics ? paths.analytics : undefined;
    const workerData = { journalDirectory, stateDirectory, indexDirectory, analyticsPath };
    this.#store = await FollowerHandle.start(script, workerData, {
      onProgress: ({ appliedSeq }) => onApplied(appliedSeq),
      onWaiting: (problem) =>
        problem === undefined
          ? report("info", "the state store follows the log again", {})
          : report("warn", "the state store waits, and the log grows meanwhile", { why: problem }),
      onFailed: onFatal,
    });
    this.analytics.follower = this.#store;
  }

  /** The next durable entry. */
  committed(entry: BlockEntry): void {
    this.analytics.committed(entry);
    this.tellSoon();
  }

  /** Once a turn of the loop, however many blocks became durable in it. */
  tellSoon(): void {
    if (this.#isToldSoon || this.#store === undefined) return;
    this.#isToldSoon = true;
    setImmediate(() => {
      this.#isToldSoon = false;
      this.tell();
      this.#modules.postgres?.durable();
      this.#modules.redis?.durable();
    });
  }

  /** Tells the state store how far it may follow. */
  tell(): void {
    const { log, headSeq } = this.#modules;
    this.#store?.durable(Math.min(log.localSeq, headSeq()));
  }

  /** Of the state store; undefined while there is none. */
  get progress(): FollowerProgress | undefined {
    return this.#store?.progress;
  }

  /** Of the log, what the slowest of those that writers wait for has yet to apply. */
  get backlogBytes(): number {
    return Math.max(this.progress?.backlogBytes ?? 0, this.#modules.postgres?.backlogBytes ?? 0);
  }

  /** Resolves when the state store has noted, durably, that the log begins at `seq`. */
  async beginAt(seq: number): Promise<void> {
    await this.#store!.beginAt(seq);
  }

  /** What each of them still needs of the log. @throws StorageError when PostgreSQL can't be asked. */
  async needs(): Promise<LogNeed[]> {
    const { chain, postgres, redis } = this.#modules;
    const tablesSeq = await postgres?.tablesSeq();
    const { progress } = this;
    if (progress === undefined) return [{ seq: 0, of: "the state store" }];
    const followers: [number | undefined, string][] = [
      [progress.appliedSeq, "the state store"],
      [progress.countedSeq, "analytics"],
      [tablesSeq, "the tables in PostgreSQL"],
      [redis?.describe().appliedSeq, "the cache in Redis"],
    ];
    return followers.flatMap(([seq, of]) => (seq === undefined ? [] : [followerNeed(chain, seq, of)]));
  }

  /** @param isOrderly they apply what there is; otherwise they end where they are. */
  async close(isOrderly: boolean): Promise<void> {
    const { postgres, redis } = this.#modules;
    this.tell();
    await Promise.all([
      isOrderly ? this.#store?.stop() : this.#store?.kill(),
      postgres?.close(isOrderly),
      redis?.close(),
    ]);
  }
}
