/** FollowerHandle: the follower's thread as the main thread sees it. */
import type { Worker } from "node:worker_threads";
import { EngineError, StorageError } from "../errors.ts";
import type { EntryTimes, FollowerProgress, FollowerReport, FollowerWorkerData } from "../storage/follower-protocol.ts";
import { GatedWorker } from "../thread-gate.ts";
import type { AnalyticsAnswer, AnalyticsQuestion } from "./analytics-follower.ts";

/** Each is answered in about a millisecond, once analytics are there. */
const QUESTIONS_MAX = 1_024;

export interface FollowerEvents {
  onProgress(progress: FollowerProgress): void;
  /** It waits for space on the disk, or no longer does. */
  onWaiting(problem: string | undefined): void;
  /** The state store follows no more. */
  onFailed(error: EngineError): void;
}

export class FollowerHandle {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #progress: FollowerProgress | undefined;
  readonly #asked = new Map<number, { resolve(answer: never): void; reject(error: EngineError): void }>();
  #nextId = 1;
  #noting: { readonly seq: number; done(): void; failed(error: EngineError): void } | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    this.#ended = new Promise((resolve) => worker.once("exit", () => resolve()));
    worker.once("exit", () => {
      for (const { reject } of this.#asked.values())
        reject(new EngineError("SHUTTING_DOWN", "the state store's thread has ended", {}));
      this.#noting?.failed(new EngineError("SHUTTING_DOWN", "the state store's thread has ended", {}));
    });
  }

  /** Starts the thread and resolves when its store is open. */
  static async start(script: URL, workerData: FollowerWorkerData, events: FollowerEvents): Promise<FollowerHandle> {
    const handle = new FollowerHandle(new GatedWorker(script, { workerData }));
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
        if ("answer" in report) {
          handle.#asked.get(report.id)?.resolve(report.answer as never);
          handle.#asked.delete(report.id);
          return;
        }
        const before = handle.#progress?.problem;
        handle.#progress = report;
        if (report.problem !== before) events.onWaiting(report.problem);
        events.onProgress(report);
        if (handle.#noting !== undefined && report.lowestSeq >= handle.#noting.seq) handle.#noting.done();
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

  durable(seq: number, times: readonly EntryTimes[] = []): void {
    this.#worker.postMessage({ durableSeq: seq, times });
  }

  /** Resolves when the store has noted, durably, that the log begins at `seq`, a block's. One call at a time. */
  beginAt(seq: number): Promise<void> {
    return new Promise<void>((done, failed) => {
      this.#noting = { seq, done, failed };
      this.#worker.postMessage({ beginSeq: seq });
    }).finally(() => {
      this.#noting = undefined;
    });
  }

  /** Asks analytics, as of entry `durableSeq`. Only where they are kept (`analyticsPath`). */
  ask<Q extends AnalyticsQuestion>(question: Q, durableSeq: number): Promise<AnalyticsAnswer<Q>> {
    if (this.#asked.size >= QUESTIONS_MAX)
      return Promise.reject(
        new EngineError("BUSY", `${this.#asked.size} questions to analytics wait`, { retryAfterMs: 100 }),
      );
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#asked.set(id, { resolve, reject });
      this.#worker.postMessage({ durableSeq, id, question });
    });
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
