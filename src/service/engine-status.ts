/** What `engine_info` and the health endpoints answer, from the facts of the moment. */
import { toHex } from "../encoding/hex.ts";
import type { EngineError } from "../errors.ts";
import type { Head, StateMemory } from "../execution/executor.ts";
import type { ChainParameters } from "../execution/parameters.ts";
import type { BlockLog } from "../execution/ports.ts";
import type { HealthReport } from "../rpc/services.ts";
import type { ExecutorStart } from "../sequencer/executor-handle.ts";
import { IDS_KEPT_MIN, IDS_KEPT_MS } from "../sequencer/id-index.ts";
import type { FollowerProgress } from "../storage/follower-protocol.ts";
import type { PostgresProgress } from "../storage/postgres-protocol.ts";
import type { ReadReplicaState } from "../storage/read-replica.ts";
import { VERSION } from "../version.ts";
import type { BackupHealth } from "./backup-handle.ts";
import type { HistoryPruning } from "./history-pruning.ts";
import type { QueryPoolUse } from "./query-pool.ts";
import { REDIS_LINKS_AT_EASE, type RedisSide } from "./redis-side.ts";

export interface EngineFacts {
  state: "starting" | "ready" | "stopping";
  /** Why it cannot go on. */
  fatal: EngineError | undefined;
  mode: "auto" | "driven";
  /** On disk, rather than in memory. */
  isStored: boolean;
  head: Head;
  log: BlockLog;
  follower: FollowerProgress | undefined;
  /** PostgreSQL's tables, where there are any. */
  tables: (PostgresProgress & { backlog: { entries: number; bytes: number } }) | undefined;
  readReplicas: readonly ReadReplicaState[];
  /** The cache in Redis, where there is one. */
  redis: ReturnType<RedisSide["describe"]> | undefined;
  /** With a shared log: who leads, and whether it can be reached. */
  leadership:
    | { role: string; leader: string | null; entriesBehind: number; status: string; error?: string }
    | undefined;
  /** Scheduled ones, where there are any. */
  backups: BackupHealth | undefined;
  /** Queries of WebAssembly contracts, where they have threads. */
  queries: QueryPoolUse | undefined;
  backlogMaxBytes: number;
  /** Undefined while it is being started again. */
  executor: ExecutorStart | undefined;
  /** Undefined before the state store's first write, and without one. */
  stateMemory: StateMemory | undefined;
  nativeMissing: string | undefined;
  parameters: ChainParameters;
  limits: Record<string, unknown>;
  lowestRetainedHeight: number;
  /** Of the oldest block that can be asked for; -1 before the first. */
  lowestHeight: number;
  pruning: ReturnType<HistoryPruning["describe"]> | undefined;
}

export function describeEngine(facts: EngineFacts): Record<string, unknown> {
  const { head, parameters, isStored } = facts;
  return {
    version: VERSION,
    chainId: parameters.chainId,
    height: head.height,
    stateRoot: toHex(head.stateRoot),
    blockMode: facts.mode,
    storage: {
      kind:
        facts.tables !== undefined || facts.leadership !== undefined ? "postgres" : isStored ? "embedded" : "memory",
      durability: facts.leadership !== undefined ? "strict" : isStored ? "journal" : "memory",
      state: healthOf(facts).status,
    },
    contractKinds: ["builtin", "wasm", "privacy"],
    limits: {
      ...facts.limits,
      transactionGasMax: String(parameters.transactionGasMax),
      blockGasMax: String(parameters.blockGasMax),
      codeBytesMax: parameters.codeBytesMax,
      callDepthMax: parameters.callDepthMax,
      stateKeyBytesMax: parameters.stateKeyBytesMax,
      stateValueBytesMax: parameters.stateValueBytesMax,
      idsKept: IDS_KEPT_MIN,
      idsKeptMs: IDS_KEPT_MS,
      lowestRetainedHeight: facts.lowestRetainedHeight,
      lowestHeight: Math.max(0, facts.lowestHeight),
    },
    nativeAddon: facts.nativeMissing === undefined,
  };
}

export function healthOf(facts: EngineFacts): HealthReport {
  const { fatal, follower, tables, isStored, log } = facts;
  const backlogBytes = Math.max(follower?.backlogBytes ?? 0, tables?.backlog.bytes ?? 0);
  const isBehind = backlogBytes >= facts.backlogMaxBytes;
  const isCutOff = facts.leadership !== undefined && facts.leadership.status !== "ok";
  const isReplica = facts.leadership?.role === "replica";
  const hasTables = tables === undefined || tables.link === "ok";
  const hasCache = facts.redis === undefined || [...REDIS_LINKS_AT_EASE, "starting"].includes(facts.redis.link);
  const isWaiting = follower?.problem !== undefined;
  const hasBackups = facts.backups === undefined || facts.backups.status === "ok";
  const hasReplicas = facts.readReplicas.every(({ status }) => status === "ok" || status === "starting");
  const hasOthers = hasTables && hasCache && hasBackups && hasReplicas;
  const isDegraded = fatal !== undefined || isBehind || isWaiting || isCutOff || !hasOthers;
  // A schema of another version is for an operator to see to: nobody is sent here meanwhile.
  const isRed = fatal !== undefined || isBehind || tables?.link === "migrations" || isCutOff || isReplica;
  const status = facts.state !== "ready" ? facts.state : isDegraded ? "degraded" : isReplica ? "replica" : "ready";
  return {
    status,
    live: fatal === undefined,
    canWrite: facts.state === "ready" && !isRed,
    canRead: facts.state === "ready" && fatal === undefined,
    backends: {
      log: {
        status: fatal === undefined ? "ok" : "failed",
        kind: facts.leadership !== undefined ? "postgres" : isStored ? "journal" : "memory",
        durableSeq: log.durableSeq,
        bytes: log.byteLength,
        lowestHeight: facts.lowestHeight,
        ...(facts.pruning?.problem === undefined ? {} : { notPruned: facts.pruning.problem }),
        ...(fatal !== undefined ? { error: fatal.message } : (facts.leadership ?? {})),
      },
      state: isStored
        ? { ...follower, status: isBehind ? "behind" : isWaiting ? "waiting" : "ok", kind: "lmdb" }
        : { status: "ok", kind: "memory" },
      ...(tables === undefined ? {} : { postgres: tablesHealth(tables, facts.backlogMaxBytes) }),
      ...Object.fromEntries(
        facts.readReplicas.map((replica, i) => [`postgres-replica-${i + 1}`, { kind: "read replica", ...replica }]),
      ),
      ...(facts.redis === undefined ? {} : { redis: cacheHealth(facts.redis) }),
      ...(facts.backups === undefined ? {} : { backups: facts.backups }),
      ...(facts.queries === undefined ? {} : { queries: { status: "ok", kind: "threads", ...facts.queries } }),
      executor: {
        status: facts.executor === undefined ? "restarting" : "ok",
        tree: facts.executor?.tree ?? "none",
        native: facts.nativeMissing === undefined,
        ...facts.stateMemory,
      },
    },
  };
}

function tablesHealth(
  tables: NonNullable<EngineFacts["tables"]>,
  backlogMaxBytes: number,
): { status: string; [fact: string]: unknown } {
  const { link, problem, backlog, statements: _statements, ...facts } = tables;
  return {
    ...facts,
    status: link !== "ok" ? link : backlog.bytes >= backlogMaxBytes ? "behind" : "ok",
    kind: "tables",
    backlogEntries: backlog.entries,
    backlogBytes: backlog.bytes,
    backlogMaxBytes,
    ...(problem === undefined ? {} : { error: problem }),
  };
}

function cacheHealth(redis: NonNullable<EngineFacts["redis"]>): { status: string; [fact: string]: unknown } {
  const { link, problem, backlog, counts } = redis;
  return {
    status: REDIS_LINKS_AT_EASE.includes(link) && link !== "filling" ? "ok" : link,
    kind: "cache",
    link,
    server: redis.server,
    restarts: redis.restarts,
    appliedSeq: redis.appliedSeq ?? null,
    fills: counts.fills,
    mismatches: counts.mismatches,
    ...(backlog === undefined ? {} : { backlogEntries: backlog.entries, backlogBytes: backlog.bytes }),
    ...(problem === undefined ? {} : { error: problem }),
  };
}
