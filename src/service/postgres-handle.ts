/** Starts the thread that keeps PostgreSQL's tables. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { EngineError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import { instanceId } from "../storage/instance-id.ts";
import { migrationsDirectory } from "../storage/migration-files.ts";
import type { PostgresOptions } from "../storage/postgres-options.ts";
import type { PostgresProgress, PostgresWorkerData } from "../storage/postgres-protocol.ts";
import { SLOW_MS } from "../storage/statement-meter.ts";
import { LogThread } from "./log-thread.ts";

/** The database of an engine, and what it is for: its tables (journal), or its log too (strict). */
export interface PostgresStorage {
  readonly options: PostgresOptions;
  readonly durability: "journal" | "strict";
  /** How clients reach this daemon. */
  readonly address: string;
  /** In strict, how long a leader that is gone is waited for; left out: 3 s. */
  readonly leaseMs?: number;
  /** In strict, when a submitter is told that the outcome is not known; left out: it waits until it is. */
  readonly commitTimeoutMs?: number;
  /** Servers that PostgreSQL replicates to, and how far behind they may be read; left out: there are none. */
  readonly readReplicas?: { readonly servers: readonly PostgresOptions[]; readonly entriesBehindMax: number };
  /** In strict, false: the log alone. */
  readonly hasTables?: boolean;
  /** A statement that takes as long is listed as slow; left out: SLOW_MS. */
  readonly slowMs?: number;
}

/** Of log that the tables let a burst put before them. */
const GATHER_BYTES_MAX = 128 * 1024 * 1024;
/** And no more than this part of what makes writers wait. */
const GATHER_SHARE = 8;
/** How long a daemon that died keeps its successor on the same data directory waiting for the tables. */
const LEASE_MS = 10_000;

export interface TablesModules {
  dataDir: string;
  log: BlockLog;
  /** Of log that the tables are behind: beyond it, writers are refused. */
  backlogMaxBytes: number;
  report(level: "info" | "warn" | "error", message: string, facts: Record<string, unknown>): void;
  onFailed(error: EngineError): void;
  /** Of the daemon that leads; left out: the tables are claimed by their thread. */
  lease?: { token: bigint } | undefined;
}

export type TablesThread = LogThread<PostgresProgress>;

/** The thread that keeps the tables of a log that lies in a data directory. */
export function startTables(script: URL, storage: PostgresStorage, modules: TablesModules): Promise<TablesThread> {
  const { dataDir, log, report, onFailed } = modules;
  const workerData: PostgresWorkerData = {
    journalDirectory: join(dataDir, "journal"),
    durableSeq: log.durableSeq,
    migrationsDirectory: migrationsDirectory(),
    postgres: storage.options,
    slowMs: storage.slowMs ?? SLOW_MS,
    gatherBytesMax: Math.min(GATHER_BYTES_MAX, modules.backlogMaxBytes / GATHER_SHARE),
    lease: modules.lease ?? {
      durability: storage.durability,
      instance: instanceId(dataDir),
      holder: `${hostname()} ${process.pid} ${randomUUID()}`,
      address: storage.address,
      leaseMs: LEASE_MS,
    },
  };
  return LogThread.start<PostgresProgress>("PostgreSQL's tables", script, workerData, log.byteLength, {
    onLink: ({ link, problem, appliedSeq }) =>
      report(
        link === "ok" ? "info" : "warn",
        link === "ok" ? "PostgreSQL follows the log" : "PostgreSQL does not follow",
        {
          link,
          ...(problem === undefined ? {} : { why: problem }),
          appliedSeq,
        },
      ),
    onFailed,
  });
}
