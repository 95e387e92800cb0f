/** BackupHandle: the thread of scheduled backups, as the daemon sees it. */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { BackupNotice, BackupWorkerData } from "../storage/outbox/backup-protocol.ts";

/** How long a stop waits for what is under way; what waits in the outbox goes on at the next start. */
const STOP_MS = 5_000;

export class BackupHandle {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;

  constructor(
    script: URL,
    options: Omit<BackupWorkerData, "outbox">,
    report: (level: "info" | "warn" | "error", message: string, facts: Record<string, unknown>) => void,
  ) {
    const workerData: BackupWorkerData = { ...options, outbox: join(options.dataDir, "outbox") };
    this.#worker = new Worker(script, { workerData });
    this.#worker.on("message", ({ level, message, facts }: BackupNotice) => report(level, message, facts));
    this.#worker.on("error", (problem) =>
      report("error", "scheduled backups ended: none are taken until the next start", { why: problem.message }),
    );
    this.#ended = new Promise((resolve) => this.#worker.once("exit", () => resolve()));
  }

  async close(): Promise<void> {
    this.#worker.postMessage("stop");
    const timer = setTimeout(() => void this.#worker.terminate(), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}
