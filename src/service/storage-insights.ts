/**
 * StorageInsights: what `storage_*` answer. Statistics come from what the parts count of themselves; connectivity and sizes are
 * asked of each server on a connection of their own, so that a busy or silent one can't be in the engine's way.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import type {
  BackendJson,
  BlobUseJson,
  RedisUseJson,
  ServerUseJson,
  StorageInfoJson,
  StorageStatsJson,
} from "../client/storage-methods.ts";
import type { EnhancedContractEngine } from "../engines/enhanced/enhanced-engine.ts";
import { StorageError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import type { HealthReport, StorageInsights as StorageFace } from "../rpc/services.ts";
import type { ChainIndex } from "../storage/chain-index.ts";
import type { DataPaths } from "../storage/data-paths.ts";
import type { FollowerProgress } from "../storage/follower-protocol.ts";
import { inspectPostgres, type PostgresInspection } from "../storage/postgres-inspection.ts";
import { describeServer } from "../storage/postgres-options.ts";
import type { ReadReplicaState } from "../storage/read-replica.ts";
import { inspectRedis, type RedisInspection } from "../storage/redis-inspection.ts";
import { describeRedis } from "../storage/redis-options.ts";
import { SLOW_MS, type StatementCounts } from "../storage/statement-meter.ts";
import type { HistoryHandle } from "./history-handle.ts";
import type { HistoryPruning } from "./history-pruning.ts";
import type { AskAnalytics } from "./insights.ts";
import type { PostgresStorage } from "./postgres-handle.ts";
import type { PostgresSide } from "./postgres-side.ts";
import type { RedisSide, RedisStorage } from "./redis-side.ts";

export interface StorageInsightsModules {
  readonly log: BlockLog;
  readonly chain: ChainIndex;
  /** Undefined: nothing is on disk. */
  readonly pruning: HistoryPruning | undefined;
  readonly paths: DataPaths | undefined;
  readonly history: HistoryHandle;
  readonly enhanced: EnhancedContractEngine;
  readonly postgres: { readonly storage: PostgresStorage; readonly side: PostgresSide } | undefined;
  readonly redis: { readonly storage: RedisStorage; readonly side: RedisSide } | undefined;
  follower(): FollowerProgress | undefined;
  /** Undefined: analytics are off. */
  readonly ask: AskAnalytics | undefined;
  health(): HealthReport;
  blobs(): BlobUseJson;
}

/** A server's answer is given again for this long: whoever asks often does not connect as often. */
const ANSWER_MS = 1_000;
/** A server that has not answered by then does not. */
const ANSWER_TIMEOUT_MS = 2_000;
/** To the log, for leadership, to the tables. */
const POSTGRES_CONNECTIONS_MAX = 3;
/** The cache's own, and one that asks for its state. */
const REDIS_CONNECTIONS_MAX = 2;

type Backlog = { entries: number; bytes: number };
/** From a read replica that is near enough, else from the primary. */
type Reading = PostgresInspection & { where: string; tablesSeq: number | null };
type Asked<T> = { readonly answer: T } | { readonly error: string };

export class StorageInsights implements StorageFace {
  readonly #modules: StorageInsightsModules;
  readonly #askPostgres: () => Promise<Asked<PostgresInspection>>;
  readonly #askReader: () => Promise<Asked<Reading>>;
  readonly #askRedis: () => Promise<Asked<RedisInspection>>;

  constructor(modules: StorageInsightsModules) {
    this.#modules = modules;
    const { postgres, redis } = modules;
    const limits = { connectTimeoutMs: ANSWER_TIMEOUT_MS, statementTimeoutMs: ANSWER_TIMEOUT_MS };
    this.#askPostgres = shared(() => inspectPostgres({ ...postgres!.storage.options, ...limits }));
    this.#askReader = shared(async () => {
      const nearest = postgres!.side.replicas?.nearest;
      if (nearest !== undefined) {
        const { state } = nearest;
        const found = await inspectPostgres({ ...nearest.postgres, ...limits }).catch(() => undefined);
        if (found !== undefined) return { ...found, where: state.where, tablesSeq: state.tablesSeq };
      }
      const tablesSeq = postgres!.side.tables?.appliedSeq ?? null;
      return { ...(await this.#inspected()), where: describeServer(postgres!.storage.options), tablesSeq };
    });
    const quick = { connectTimeoutMs: ANSWER_TIMEOUT_MS, commandTimeoutMs: ANSWER_TIMEOUT_MS };
    this.#askRedis = shared(() => inspectRedis({ ...redis!.storage.options, ...quick }));
  }

  async #inspected(): Promise<PostgresInspection> {
    const asked = await this.#askPostgres();
    if ("answer" in asked) return asked.answer;
    throw new StorageError(asked.error, { retryable: true });
  }

  async connectivity(): ReturnType<StorageFace["connectivity"]> {
    const { postgres, redis, paths } = this.#modules;
    const [ofPostgres, ofRedis] = await Promise.all([
      postgres === undefined ? undefined : this.#askPostgres(),
      redis === undefined ? undefined : this.#askRedis(),
    ]);
    const { backends } = this.#modules.health();
    const local = { latencyMs: null, version: null, error: null };
    const where = paths === undefined ? "memory" : undefined;
    return {
      postgresConnected: ofPostgres === undefined ? null : "answer" in ofPostgres,
      redisConnected: ofRedis === undefined ? null : "answer" in ofRedis,
      fallbackAvailable: postgres?.storage.durability === "journal",
      backends: [
        { name: "log", where: where ?? paths!.journal, status: backends["log"]!.status, ...local },
        { name: "state", where: where ?? paths!.state, status: backends["state"]!.status, ...local },
        ...(ofPostgres === undefined
          ? []
          : [
              serverJson(
                "postgres",
                describeServer(postgres!.storage.options),
                ofPostgres,
                backends["postgres"]?.status,
              ),
            ]),
        ...(postgres?.side.replicas?.describe() ?? []).map(replicaJson),
        ...(ofRedis === undefined
          ? []
          : [serverJson("redis", describeRedis(redis!.storage.options), ofRedis, backends["redis"]?.status)]),
      ],
    };
  }

  stats(): StorageStatsJson {
    const { postgres, redis, log, enhanced, chain, pruning } = this.#modules;
    const pruned = pruning?.describe() ?? { segments: 0, bytes: 0, problem: undefined };
    const follower = this.#modules.follower();
    const queries = enhanced.statistics.totals();
    const ofPostgres = postgres === undefined ? null : postgresUse(postgres.side);
    const ofRedis = redis === undefined ? null : redisUse(redis.side);
    return {
      postgresConnections: ofPostgres?.connections ?? null,
      redisConnections: ofRedis?.connections ?? null,
      totalQueries: (ofPostgres?.queries ?? 0) + (ofRedis?.queries ?? 0),
      failedQueries: (ofPostgres?.failed ?? 0) + (ofRedis?.failed ?? 0),
      cacheHits: queries.hits,
      cacheMisses: queries.misses,
      slowQueryMs: postgres?.storage.slowMs ?? redis?.storage.slowMs ?? SLOW_MS,
      postgres: ofPostgres,
      redis: ofRedis,
      state: {
        appliedSeq: follower?.appliedSeq ?? null,
        backlogBytes: follower?.backlogBytes ?? null,
        flushMs: follower?.flushMs ?? null,
      },
      log: {
        durableSeq: log.durableSeq,
        bytes: log.byteLength,
        lowestHeight: Math.max(0, chain.lowestHeight),
        prunedSegments: pruned.segments,
        prunedBytes: pruned.bytes,
        notPruned: pruned.problem ?? null,
      },
      blobs: this.#modules.blobs(),
    };
  }

  async info(): Promise<StorageInfoJson> {
    const { postgres, redis, paths, history, ask, log } = this.#modules;
    const [ofPostgres, ofRedis, counts, chain] = await Promise.all([
      postgres === undefined ? undefined : this.#askReader(),
      redis === undefined ? undefined : this.#askRedis(),
      history.ask("stateCounts"),
      ask?.({ about: "chain" }),
    ]);
    const pg = ofPostgres !== undefined && "answer" in ofPostgres ? ofPostgres.answer : undefined;
    const cache = ofRedis !== undefined && "answer" in ofRedis ? ofRedis.answer : undefined;
    return {
      postgresSizeBytes: pg?.tables.reduce((sum, { bytes }) => sum + bytes, 0) ?? null,
      redisMemoryUsageBytes: cache?.memoryBytes ?? null,
      memoryFallbackEntries: 0,
      totalContracts: counts?.contracts ?? null,
      totalStateEntries: counts?.stateEntries ?? null,
      asOfSeq: counts?.asOfSeq ?? null,
      totalExecutions: chain?.total.executions ?? null,
      logBytes: log.byteLength,
      stateStoreBytes: paths === undefined ? null : statSync(join(paths.state, "state.mdb")).size,
      postgres:
        pg === undefined
          ? null
          : {
              where: pg.where,
              tablesSeq: pg.tablesSeq,
              version: pg.version,
              databaseBytes: pg.databaseBytes,
              connections: pg.connections,
              connectionsMax: pg.connectionsMax,
              tables: [...pg.tables],
            },
      redis:
        cache === undefined
          ? null
          : {
              version: cache.version,
              mode: cache.mode,
              memoryBytes: cache.memoryBytes,
              memoryMaxBytes: cache.memoryMaxBytes,
              memoryPolicy: cache.memoryPolicy,
              keyspaceHits: cache.keyspaceHits,
              keyspaceMisses: cache.keyspaceMisses,
              evictedKeys: cache.evictedKeys,
              feedLength: cache.feedLength,
            },
    };
  }

  async clearCache(): Promise<{ queryAnswers: number; redisCleared: boolean | null }> {
    const { enhanced, redis } = this.#modules;
    const queryAnswers = enhanced.cache.clear();
    if (redis === undefined) return { queryAnswers, redisCleared: null };
    await redis.side.clear();
    return { queryAnswers, redisCleared: true };
  }
}

/** One question at a time, its answer given to all who ask within a while. A failure is an answer. */
function shared<T>(ask: () => Promise<T>): () => Promise<Asked<T>> {
  let asked: Promise<Asked<T>> | undefined;
  let untilMs = 0;
  return () => {
    if (asked !== undefined && performance.now() < untilMs) return asked;
    untilMs = Number.POSITIVE_INFINITY;
    asked = ask()
      .then(
        (answer) => ({ answer }),
        (problem: Error) => ({ error: problem.message }),
      )
      .finally(() => {
        untilMs = performance.now() + ANSWER_MS;
      });
    return asked;
  };
}

function serverJson(
  name: "postgres" | "redis",
  where: string,
  asked: Asked<{ latencyMs: number; version: string }>,
  status: string | undefined,
): BackendJson {
  const isThere = "answer" in asked;
  return {
    name,
    where,
    status: status ?? (isThere ? "ok" : "unreachable"),
    latencyMs: isThere ? Math.round(asked.answer.latencyMs * 1000) / 1000 : null,
    version: isThere ? asked.answer.version : null,
    error: isThere ? null : asked.error,
  };
}

function replicaJson({ where, status, latencyMs, error }: ReadReplicaState): BackendJson {
  return { name: "postgres-replica", where, status, latencyMs, version: null, error: error ?? null };
}

/** @param at where the server is, as far as that is known. */
function use(
  counts: StatementCounts,
  connectionsMax: number,
  at: { appliedSeq?: number | undefined; flushMs?: number | undefined; backlog?: Backlog | undefined },
): ServerUseJson {
  const { statements, totalMs, slow, connections, failed, slowCount } = counts;
  return {
    connections,
    connectionsMax,
    queries: statements,
    failed,
    totalMs: Math.round(totalMs),
    avgMs: statements === 0 ? null : Math.round((totalMs / statements) * 1000) / 1000,
    appliedSeq: at.appliedSeq ?? null,
    backlogEntries: at.backlog?.entries ?? null,
    backlogBytes: at.backlog?.bytes ?? null,
    flushMs: at.flushMs ?? null,
    slowCount,
    slow: [...slow],
  };
}

function postgresUse(side: PostgresSide): ServerUseJson {
  return use(side.statements, POSTGRES_CONNECTIONS_MAX, side.tables ?? {});
}

function redisUse(side: RedisSide): RedisUseJson {
  const facts = side.describe();
  return { ...use(facts.statements, REDIS_CONNECTIONS_MAX, facts), link: facts.link, ...facts.counts };
}
