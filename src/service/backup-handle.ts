/** BackupHandle: the thread of scheduled backups, as the daemon sees it. */
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import type { BackupNotice, BackupState, BackupWorkerData } from "../storage/outbox/backup-protocol.ts";
import { GatedWorker } from "../thread-gate.ts";

/** How long a stop waits for what is under way; what waits in the outbox goes on at the next start. */
const STOP_MS = 5_000;

export interface BackupHealth {
  /** `ended`: none are taken until the next start. */
  readonly status: "ok" | "failing" | "ended";
  readonly [fact: string]: unknown;
}

export class BackupHandle {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  readonly #options: Omit<BackupWorkerData, "outbox">;
  #state: BackupState = { lastSuccessMs: undefined, failures: 0, problem: undefined, waiting: 0 };
  #hasEnded = false;

  constructor(
    script: URL,
    options: Omit<BackupWorkerData, "outbox">,
    report: (level: "info" | "warn" | "error", message: string, facts: Record<string, unknown>) => void,
  ) {
    this.#options = options;
    const workerData: BackupWorkerData = { ...options, outbox: join(options.dataDir, "outbox") };
    this.#worker = new GatedWorker(script, { workerData });
    this.#worker.on("message", (notice: BackupNotice) => {
      if ("state" in notice) this.#state = notice.state;
      else report(notice.level, notice.message, notice.facts);
    });
    this.#worker.on("error", ({ message: problem }) => {
      this.#hasEnded = true;
      this.#state = { ...this.#state, failures: this.#state.failures + 1, problem };
      report("error", "scheduled backups ended: none are taken until the next start", { why: problem });
    });
    this.#ended = new Promise((resolve) => this.#worker.once("exit", () => resolve()));
  }

  /** How it stands, for health and metrics. */
  describe(): BackupHealth {
    const { everyMs, to } = this.#options;
    const { lastSuccessMs, failures, problem, waiting } = this.#state;
    return {
      status: this.#hasEnded ? "ended" : problem === undefined ? "ok" : "failing",
      kind: "backups",
      destination: "s3" in to ? `s3://${to.s3.bucket}/${to.s3.prefix}` : to.directory,
      everyMs,
      lastSuccessMs: lastSuccessMs ?? null,
      lastSuccess: lastSuccessMs === undefined ? null : new Date(lastSuccessMs).toISOString(),
      failures,
      waiting,
      ...(problem === undefined ? {} : { error: problem }),
    };
  }

  async close(): Promise<void> {
    this.#worker.postMessage("stop");
    const timer = setTimeout(() => void this.#worker.terminate(), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}
