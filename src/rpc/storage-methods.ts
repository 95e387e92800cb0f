/** storage_*: connectivity, statistics and sizes of what the engine stores in, and clearing what is only kept for speed. */
import * as Type from "typebox";
import { EngineError } from "../errors.ts";
import { define, type MethodContext, type MethodTable } from "./method.ts";
import { closed, list, nullable, Text, Truth, Whole, words } from "./schemas.ts";
import type { StorageInsights } from "./services.ts";

const Measure = Type.Number({ description: "a number" });
const Seq = Type.Integer({ minimum: -1, description: "a seq, or -1" });
const Backend = closed(
  {
    name: words("log", "state", "postgres", "postgres-replica", "redis"),
    where: Text,
    status: Text,
    latencyMs: nullable(Measure),
    version: nullable(Text),
    error: nullable(Text),
  },
  { title: "Backend" },
);
const SlowQuery = closed({ statement: Text, ms: Measure, atMs: Whole, failed: Truth }, { title: "SlowQuery" });
const USE = {
  connections: Whole,
  connectionsMax: Whole,
  queries: Whole,
  failed: Whole,
  totalMs: Measure,
  avgMs: nullable(Measure),
  appliedSeq: nullable(Seq),
  backlogEntries: nullable(Whole),
  backlogBytes: nullable(Whole),
  flushMs: nullable(Measure),
  slowCount: Whole,
  slow: list(SlowQuery),
};
const RedisUse = closed(
  {
    ...USE,
    link: Text,
    valuesWritten: Whole,
    valuesRemoved: Whole,
    fills: Whole,
    checked: Whole,
    mismatches: Whole,
  },
  { title: "RedisUse" },
);
const Table = closed({ name: Text, bytes: Whole, rows: Whole });
const PostgresInfo = closed({
  where: Text,
  tablesSeq: nullable(Seq),
  version: Text,
  databaseBytes: Whole,
  connections: Whole,
  connectionsMax: Whole,
  tables: list(Table),
});
const RedisInfo = closed({
  version: Text,
  mode: Text,
  memoryBytes: Whole,
  memoryMaxBytes: Whole,
  memoryPolicy: Text,
  keyspaceHits: Whole,
  keyspaceMisses: Whole,
  evictedKeys: Whole,
  feedLength: Whole,
});
const SLOW = { statement: "write values", ms: 312, atMs: 1_767_225_600_000, failed: false };

export const STORAGE_METHODS = {
  storage_connectivity: define("storage_connectivity", {
    description:
      "Which parts of the storage answer, asked now: latency of a round trip, version, and what is wrong where one does not.",
    role: "reader",
    params: closed({}),
    result: closed({
      postgresConnected: nullable(Truth),
      redisConnected: nullable(Truth),
      fallbackAvailable: Truth,
      backends: list(Backend),
    }),
    example: {
      params: {},
      result: {
        postgresConnected: null,
        redisConnected: true,
        fallbackAvailable: false,
        backends: [
          {
            name: "redis",
            where: "redis://127.0.0.1:6379/0",
            status: "ok",
            latencyMs: 0.21,
            version: "7.0.15",
            error: null,
          },
        ],
      },
    },
    handle: (_params, context) => storageOf(context).connectivity(),
  }),

  storage_stats: define("storage_stats", {
    description:
      "How PostgreSQL and Redis are used by this daemon: connections, queries, failures, backlog, and those that were slow; with the hits of the cache of answers, and what privacy contracts store.",
    role: "reader",
    params: closed({}),
    result: closed({
      postgresConnections: nullable(Whole),
      redisConnections: nullable(Whole),
      totalQueries: Whole,
      failedQueries: Whole,
      cacheHits: Whole,
      cacheMisses: Whole,
      slowQueryMs: Whole,
      postgres: nullable(closed(USE, { title: "ServerUse" })),
      redis: nullable(RedisUse),
      state: closed({ appliedSeq: nullable(Seq), backlogBytes: nullable(Whole), flushMs: nullable(Measure) }),
      log: closed({
        durableSeq: Seq,
        bytes: Whole,
        lowestHeight: Whole,
        prunedSegments: Whole,
        prunedBytes: Whole,
        notPruned: nullable(Text),
      }),
      blobs: closed({
        bytes: Whole,
        bytesMax: Whole,
        keys: Whole,
        values: Whole,
        uploads: Whole,
        uploadBytes: Whole,
        collected: closed({ keys: Whole, values: Whole, uploads: Whole, atMs: nullable(Whole) }),
      }),
    }),
    example: {
      params: {},
      result: {
        postgresConnections: null,
        redisConnections: 1,
        totalQueries: 84,
        failedQueries: 0,
        cacheHits: 12,
        cacheMisses: 3,
        slowQueryMs: 250,
        postgres: null,
        redis: {
          connections: 1,
          connectionsMax: 2,
          queries: 84,
          failed: 0,
          totalMs: 34,
          avgMs: 0.4,
          appliedSeq: 7,
          backlogEntries: 0,
          backlogBytes: 0,
          flushMs: 0.6,
          slowCount: 1,
          slow: [SLOW],
          link: "ok",
          valuesWritten: 24,
          valuesRemoved: 0,
          fills: 1,
          checked: 120,
          mismatches: 0,
        },
        state: { appliedSeq: 7, backlogBytes: 0, flushMs: 2.1 },
        log: { durableSeq: 7, bytes: 9_412, lowestHeight: 0, prunedSegments: 0, prunedBytes: 0, notPruned: null },
        blobs: {
          bytes: 13_700_000,
          bytesMax: 17_179_869_184,
          keys: 1,
          values: 40,
          uploads: 0,
          uploadBytes: 0,
          collected: { keys: 0, values: 12, uploads: 0, atMs: 1_767_225_600_000 },
        },
      },
    },
    handle: (_params, context) => storageOf(context).stats(),
  }),

  storage_info: define("storage_info", {
    description:
      "What the storage holds: contracts, entries of state, executions, and bytes by store and table. Counts the state store's keys.",
    role: "reader",
    params: closed({}),
    result: closed({
      postgresSizeBytes: nullable(Whole),
      redisMemoryUsageBytes: nullable(Whole),
      memoryFallbackEntries: Whole,
      totalContracts: nullable(Whole),
      totalStateEntries: nullable(Whole),
      asOfSeq: nullable(Seq),
      totalExecutions: nullable(Whole),
      logBytes: Whole,
      stateStoreBytes: nullable(Whole),
      postgres: nullable(PostgresInfo),
      redis: nullable(RedisInfo),
    }),
    example: {
      params: {},
      result: {
        postgresSizeBytes: null,
        redisMemoryUsageBytes: null,
        memoryFallbackEntries: 0,
        totalContracts: 1,
        totalStateEntries: 9,
        asOfSeq: 7,
        totalExecutions: 7,
        logBytes: 9_412,
        stateStoreBytes: 40_960,
        postgres: null,
        redis: null,
      },
    },
    handle: (_params, context) => storageOf(context).info(),
  }),

  storage_clearCache: define("storage_clearCache", {
    description:
      "Drops every cached answer to a query, and empties the cache in Redis, which is then filled again; nothing else under its prefix, and nothing of the state.",
    role: "admin",
    isAudited: true,
    params: closed({}),
    result: closed({ queryAnswers: Whole, redisCleared: nullable(Truth) }),
    example: { params: {}, result: { queryAnswers: 3, redisCleared: true } },
    handle: (_params, context) => storageOf(context).clearCache(),
  }),
} satisfies Partial<MethodTable>;

function storageOf({ service }: MethodContext): StorageInsights {
  if (service.storage !== undefined) return service.storage;
  throw new EngineError("METHOD_NOT_FOUND", "this engine says nothing of its storage", {});
}
