/** FollowerHandle: the follower's thread as the main thread sees it. */
import { Worker } from "node:worker_threads";
import { EngineError, StorageError } from "../errors.ts";
import type { FollowerProgress, FollowerReport, FollowerWorkerData } from "../storage/follower-protocol.ts";

export interface FollowerEvents {
  onProgress(progress: FollowerProgress): void;
  /** The state store follows no more. */
  onFailed(error: EngineError): void;
}

export class FollowerHandle {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #progress: FollowerProgress | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    this.#ended = new Promise((resolve) => worker.once("exit", () => resolve()));
  }

  /** Starts the thread and resolves when its store is open. */
  static async start(script: URL, workerData: FollowerWorkerData, events: FollowerEvents): Promise<FollowerHandle> {
    const handle = new FollowerHandle(new Worker(script, { workerData }));
    await new Promise<void>((resolve, reject) => {
      const fail = (error: EngineError) => {
        reject(error);
        events.onFailed(error);
      };
      handle.#worker.on("message", (report: FollowerReport) => {
        if ("error" in report) {
          const { code, message, facts } = report.error;
          fail(new EngineError(code, `the state store cannot follow the log: ${message}`, facts));
          return;
        }
        handle.#progress = report;
        events.onProgress(report);
        resolve();
      });
      handle.#worker.on("error", ({ message }) => {
        fail(new StorageError(`the state store's thread failed: ${message}`, { retryable: false }));
      });
    });
    return handle;
  }

  /** What it told last. */
  get progress(): FollowerProgress {
    return this.#progress!;
  }

  durable(seq: number): void {
    this.#worker.postMessage({ durableSeq: seq });
  }

  /** Resolves when it has applied everything that it was told of and closed its store. */
  async stop(): Promise<void> {
    this.#worker.postMessage({ stop: true });
    await this.#ended;
  }

  async kill(): Promise<void> {
    await this.#worker.terminate();
  }
}
