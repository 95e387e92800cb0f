/** LogThread: a thread that follows the journal into a server which may be away, as the main thread sees it. */
import type { Worker } from "node:worker_threads";
import { EngineError, type ErrorCode, type ErrorFacts, StorageError } from "../errors.ts";
import { BacklogMeter } from "../storage/backlog-meter.ts";
import { GatedWorker } from "../thread-gate.ts";

/** What such a thread tells of itself, again and again. */
export interface LogThreadProgress {
  /** Whether it follows, or why it does not. */
  readonly link: string;
  readonly problem?: string;
  /** Where the server is, as last known. */
  readonly appliedSeq: number | undefined;
}

type Failure = { error: { code: ErrorCode; message: string; facts: ErrorFacts } };

export interface LogThreadEvents<P, M> {
  /** The link came to be another: for operators. */
  onLink(progress: P): void;
  /** It ended with an error, and follows no more. */
  onFailed(error: EngineError): void;
  /** Whatever else it tells. */
  onMessage?(message: M): void;
}

export class LogThread<P extends LogThreadProgress> {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  readonly #meter = new BacklogMeter();
  #progress: P | undefined;
  /** It was told to end, or said why it does. */
  #isEnding = false;

  private constructor(worker: Worker) {
    this.#worker = worker;
    this.#ended = new Promise((resolve) => worker.once("exit", () => resolve()));
  }

  /**
   * Starts the thread and resolves after its first attempt to connect, whatever came of it.
   * @param name what it keeps, for people. @param signal ends it before that. @throws EngineError when it ends before.
   */
  static async start<P extends LogThreadProgress, M = never>(
    name: string,
    script: URL,
    workerData: { durableSeq: number },
    logBytes: number,
    events: LogThreadEvents<P, M>,
    signal?: AbortSignal,
  ): Promise<LogThread<P>> {
    const thread = new LogThread<P>(new GatedWorker(script, { workerData }));
    thread.#meter.grew(workerData.durableSeq, logBytes);
    await new Promise<void>((resolve, reject) => {
      const ended = () => new StorageError(`the thread of ${name} ended`, { retryable: true });
      const fail = (error: EngineError) => {
        const isExpected = thread.#isEnding;
        thread.#isEnding = true;
        reject(error);
        if (!isExpected) events.onFailed(error);
      };
      const kill = () => void thread.kill();
      signal?.addEventListener("abort", kill);
      void thread.#ended.then(() => {
        signal?.removeEventListener("abort", kill);
        fail(ended());
      });
      thread.#worker.on("message", (report: P | M | Failure) => {
        if (isFailure(report)) {
          const { code, message, facts } = report.error;
          fail(new EngineError(code, message, facts));
        } else if (isProgress<P, M>(report)) {
          const before = thread.#progress?.link;
          thread.#progress = report;
          if (report.link !== before) events.onLink(report);
          resolve();
        } else events.onMessage?.(report);
      });
      thread.#worker.on("error", ({ message }) => {
        fail(new StorageError(`the thread of ${name} failed: ${message}`, { retryable: false }));
      });
    });
    return thread;
  }

  /** What it told last. */
  get progress(): P {
    return this.#progress!;
  }

  /** What of the log is not there. */
  get backlog(): { entries: number; bytes: number } {
    return this.#meter.backlog(this.progress.appliedSeq);
  }

  /** The log is durable up to `seq`, which are `logBytes` in all. */
  durable(seq: number, logBytes: number): void {
    this.#meter.grew(seq, logBytes);
    this.post({ durableSeq: seq, logBytes, backlogBytes: this.backlog.bytes });
  }

  post(request: object): void {
    this.#worker.postMessage(request);
  }

  /** Resolves when it has followed for a while longer, if it could, and ended. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    this.post({ stop: true });
    await this.#ended;
  }

  async kill(): Promise<void> {
    this.#isEnding = true;
    await this.#worker.terminate();
  }
}

function isFailure(report: unknown): report is Failure {
  return typeof report === "object" && report !== null && "error" in report;
}

function isProgress<P extends LogThreadProgress, M>(report: P | M): report is P {
  return typeof report === "object" && report !== null && "link" in report;
}
