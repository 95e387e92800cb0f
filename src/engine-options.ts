/** What an Engine (engine.ts) is opened with. */
import type { EngineError } from "./errors.ts";
import type { ChainParameters } from "./execution/parameters.ts";
import type { Telemetry } from "./execution/telemetry.ts";
import type { ExecutorThreads } from "./sequencer/executor-threads.ts";
import type { RetentionOptions } from "./sequencer/retained-window.ts";
import type { BackupHealth } from "./service/backup-handle.ts";
import type { HistoryOptions } from "./service/history-pruning.ts";
import type { PostgresStorage } from "./service/postgres-handle.ts";
import type { PrivacyOptions } from "./service/privacy-host.ts";
import type { RedisStorage } from "./service/redis-side.ts";
import type { NamedGenesis } from "./service/same-genesis.ts";

export interface EngineOptions {
  /** Undefined: storage memory. Locked by whoever opens the engine. */
  dataDir: string | undefined;
  mode: "auto" | "driven";
  /** For a new chain; an existing one has its own. */
  parameters: ChainParameters;
  /** What the configuration names of it: an existing chain must have begun so. */
  named?: NamedGenesis;
  balances: readonly { address: Uint8Array; balance: bigint }[];
  segmentBytes: number;
  backlogMaxBytes: number;
  /** Of rewritten WebAssembly modules kept as files; 0: none are. */
  modulesBytesMax: number;
  /** Left out: nothing follows the log but the embedded store. Needs a data directory. */
  postgres?: PostgresStorage | undefined;
  /** How scheduled backups stand, where there are any: part of the health. */
  backups?: (() => BackupHealth | undefined) | undefined;
  /** Left out: there is no cache. Needs a data directory. */
  redis?: RedisStorage | undefined;
  retention: RetentionOptions;
  /** Left out: blocks, receipts and logs are kept for good. */
  history?: HistoryOptions | undefined;
  /** Published in engine_info. */
  limits: Record<string, unknown>;
  /** Bytes of encoded transactions that may wait for the executor; left out: SUBMISSION_BACKLOG_BYTES_MAX. */
  submissionBacklogBytes?: number;
  /** One batch, or one round of queries, may run this long. */
  executionTimeoutMs: number;
  /** Threads that run transactions of a block beside the executor; 0: it runs all. Storage memory has none. */
  parallelThreads: number;
  /** See SpeculationThreadOptions.patienceMs. */
  parallelPatienceMs?: number | undefined;
  /** Of answers to queries; no entries: none is kept. */
  resultCache: { entriesMax: number; bytesMax: number; ttlMs: number };
  /** Executions are counted by contract, entrypoint and caller. */
  analytics: boolean;
  /** Safe optimisations are applied: see EnhancedContractEngine.optimizations and Engine's warming. */
  optimize: boolean;
  /** Is told of every durable block. */
  telemetry?: Telemetry | undefined;
  /** Gas that every query gets, whatever limit it states. */
  queryGasForced?: number | undefined;
  privacy: PrivacyOptions;
  now(): number;
  /** For operators: what happened, with facts. */
  report(level: "info" | "warn" | "error", message: string, facts: Record<string, unknown>): void;
  /** The engine cannot go on: its service refuses everything from here. */
  onFatal(error: EngineError): void;
  /** Queries of WebAssembly contracts, beside the executor; no threads: the executor runs them. Storage memory has none. */
  queries: { threads: number; timeoutMs: number; waitingMax: number };
  /** Where the scripts of the threads stand; left out: beside this one. */
  scripts?: URL;
  /** Of the executor, which may load already; left out: `executor-worker` among the scripts. The engine closes them. */
  executorThreads?: ExecutorThreads | undefined;
}
