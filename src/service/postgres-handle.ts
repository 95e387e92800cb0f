/** PostgresHandle: the thread that keeps PostgreSQL's tables, as the main thread sees it. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { EngineError, StorageError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import { BacklogMeter } from "../storage/backlog-meter.ts";
import { instanceId } from "../storage/instance-id.ts";
import { migrationsDirectory } from "../storage/migration-files.ts";
import type { PostgresOptions } from "../storage/postgres-options.ts";
import type { PostgresProgress, PostgresReport, PostgresWorkerData } from "../storage/postgres-protocol.ts";

/** The database of an engine, and what it is for: its tables (journal), or its log too (strict). */
export interface PostgresStorage {
  readonly options: PostgresOptions;
  readonly durability: "journal" | "strict";
  /** How clients reach this daemon. */
  readonly address: string;
  /** In strict, how long a leader that is gone is waited for; left out: 3 s. */
  readonly leaseMs?: number;
  /** In strict, false: the log alone. */
  readonly hasTables?: boolean;
}

export interface PostgresEvents {
  /** The link came to be another: for operators. */
  onLink(progress: PostgresProgress): void;
  /** These tables are not this log's. */
  onFailed(error: EngineError): void;
}

export class PostgresHandle {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  readonly #meter = new BacklogMeter();
  #progress: PostgresProgress | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    this.#ended = new Promise((resolve) => worker.once("exit", () => resolve()));
  }

  /** Starts the thread and resolves after its first attempt to connect, whatever came of it. */
  static async start(
    script: URL,
    workerData: PostgresWorkerData,
    logBytes: number,
    events: PostgresEvents,
  ): Promise<PostgresHandle> {
    const handle = new PostgresHandle(new Worker(script, { workerData }));
    handle.#meter.grew(workerData.durableSeq, logBytes);
    await new Promise<void>((resolve, reject) => {
      const fail = (error: EngineError) => {
        reject(error);
        events.onFailed(error);
      };
      handle.#worker.on("message", (report: PostgresReport) => {
        if ("error" in report) {
          const { code, message, facts } = report.error;
          fail(new EngineError(code, message, facts));
          return;
        }
        const before = handle.#progress?.link;
        handle.#progress = report;
        if (report.link !== before) events.onLink(report);
        resolve();
      });
      handle.#worker.on("error", ({ message }) => {
        fail(new StorageError(`the thread of PostgreSQL's tables failed: ${message}`, { retryable: false }));
      });
    });
    return handle;
  }

  /** What it told last. */
  get progress(): PostgresProgress {
    return this.#progress!;
  }

  /** What of the log is not in the tables. */
  get backlog(): { entries: number; bytes: number } {
    return this.#meter.backlog(this.progress.appliedSeq);
  }

  /** The log is durable up to `seq`, which are `logBytes` in all. */
  durable(seq: number, logBytes: number): void {
    this.#meter.grew(seq, logBytes);
    this.#worker.postMessage({ durableSeq: seq });
  }

  /** Resolves when it has followed for a while longer, if it could, and ended. */
  async stop(): Promise<void> {
    this.#worker.postMessage({ stop: true });
    await this.#ended;
  }

  async kill(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** How long a daemon that died keeps its successor on the same data directory waiting for the tables. */
const LEASE_MS = 10_000;

export interface TablesModules {
  dataDir: string;
  log: BlockLog;
  report(level: "info" | "warn" | "error", message: string, facts: Record<string, unknown>): void;
  onFailed(error: EngineError): void;
  /** Of the daemon that leads; left out: the tables are claimed by their thread. */
  lease?: { token: bigint } | undefined;
}

/** The thread that keeps the tables of a log that lies in a data directory. */
export function startTables(script: URL, storage: PostgresStorage, modules: TablesModules): Promise<PostgresHandle> {
  const { dataDir, log, report, onFailed } = modules;
  const workerData: PostgresWorkerData = {
    journalDirectory: join(dataDir, "journal"),
    durableSeq: log.durableSeq,
    migrationsDirectory: migrationsDirectory(),
    postgres: storage.options,
    lease: modules.lease ?? {
      durability: storage.durability,
      instance: instanceId(dataDir),
      holder: `${hostname()} ${process.pid} ${randomUUID()}`,
      address: storage.address,
      leaseMs: LEASE_MS,
    },
  };
  return PostgresHandle.start(script, workerData, log.byteLength, {
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
