/** FollowerHandle: the follower's thread as the main thread sees it. */
import type { Worker } from "node:worker_threads";
import { appendLaps, type Laps } from "../encoding/laps.ts";
import { EngineError, StorageError } from "../errors.ts";
import type {
  FollowerProgress,
  FollowerReport,
  FollowerRequest,
  FollowerWorkerData,
} from "../storage/follower-protocol.ts";
import { GatedWorker } from "../thread-gate.ts";
import type { AnalyticsAnswer, AnalyticsQuestion } from "./analytics-follower.ts";

/** Each is answered in about a millisecond, once analytics are there. */
const QUESTIONS_MAX = 1_024;

/**
 * How long it need not know what became durable: it gathers for longer than that before it reads, and a message costs that
 * thread about 8 us, and this one some too.
 */
const TELL_AFTER_MS = 10;

export interface FollowerEvents {
  onProgress(progress: FollowerProgress): void;
  /** It waits for space on the disk, or no longer does. */
  onWaiting(problem: string | undefined): void;
  /** The state store follows no more. */
  onFailed(error: EngineError): void;
}

export class FollowerHandle {
  readonly #worker: Worker;
  readonly #events: FollowerEvents;
  readonly #ended: Promise<void>;
  #progress: FollowerProgress | undefined;
  readonly #asked = new Map<number, { resolve(answer: never): void; reject(error: EngineError): void }>();
  #nextId = 1;
  #durableSeq = -1;
  /** For the next message, which takes all of them. */
  #times: number[] = [];
  #telling: NodeJS.Timeout | undefined;
  #noting: { readonly seq: number; done(): void; failed(error: EngineError): void } | undefined;
  /** It was told to end, or said why it does. */
  #isEnding = false;
  #hasEnded = false;

  private constructor(worker: Worker, events: FollowerEvents) {
    this.#worker = worker;
    this.#events = events;
    this.#ended = new Promise((resolve) => worker.once("exit", () => resolve()));
    worker.once("exit", () => {
      this.#hasEnded = true;
      for (const { reject } of this.#asked.values()) reject(ended());
      this.#asked.clear();
      this.#noting?.failed(ended());
    });
  }

  /** Starts the thread and resolves when its store is open. @throws EngineError; the thread has ended then. */
  static async start(script: URL, workerData: FollowerWorkerData, events: FollowerEvents): Promise<FollowerHandle> {
    const handle = new FollowerHandle(new GatedWorker(script, { workerData }), events);
    try {
      await new Promise<void>((resolve, reject) => handle.#listen(resolve, reject));
    } catch (problem) {
      await handle.kill();
      throw problem;
    }
    return handle;
  }

  /** @param started the store is open. @param notStarted it can't be opened; after that a failure is an event. */
  #listen(started: () => void, notStarted: (error: EngineError) => void): void {
    const fail = (error: EngineError) => {
      if (this.#isEnding) return;
      this.#isEnding = true;
      if (this.#progress === undefined) notStarted(error);
      else this.#events.onFailed(error);
    };
    this.#worker.on("message", (report: FollowerReport) => {
      if ("error" in report) {
        const { code, message, facts } = report.error;
        fail(new EngineError(code, `the state store cannot follow the log: ${message}`, facts));
      } else if ("answer" in report) {
        this.#asked.get(report.id)?.resolve(report.answer as never);
        this.#asked.delete(report.id);
      } else {
        this.#progressed(report);
        started();
      }
    });
    this.#worker.on("error", ({ message }) => {
      fail(new StorageError(`the state store's thread failed: ${message}`, { retryable: false }));
    });
    void this.#ended.then(() => fail(new StorageError("the state store's thread ended", { retryable: false })));
  }

  #progressed(progress: FollowerProgress): void {
    const before = this.#progress?.problem;
    this.#progress = progress;
    if (progress.problem !== before) this.#events.onWaiting(progress.problem);
    this.#events.onProgress(progress);
    if (this.#noting !== undefined && progress.lowestSeq >= this.#noting.seq) this.#noting.done();
  }

  /** What it told last. */
  get progress(): FollowerProgress {
    return this.#progress!;
  }

  /** The log has entries up to `seq` for it. It is told so within TELL_AFTER_MS, and before it is asked or stopped. */
  durable(seq: number): void {
    this.#durableSeq = seq;
    this.#telling ??= setTimeout(() => this.#tell(), TELL_AFTER_MS);
  }

  /** How long the transactions of an entry took. Before `durable` tells of the entry. */
  timed(seq: number, laps: Laps): void {
    appendLaps(this.#times, seq, laps);
  }

  #tell(): void {
    if (this.#telling === undefined) return;
    clearTimeout(this.#telling);
    this.#telling = undefined;
    this.#post({ durableSeq: this.#durableSeq, times: Float64Array.from(this.#times) });
    this.#times = [];
  }

  #post(request: FollowerRequest): void {
    this.#worker.postMessage(request);
  }

  /** Resolves when the store has noted, durably, that the log begins at `seq`, a block's. One call at a time. */
  async beginAt(seq: number): Promise<void> {
    if (this.#hasEnded) throw ended();
    await new Promise<void>((done, failed) => {
      this.#noting = { seq, done, failed };
      this.#post({ beginSeq: seq });
    }).finally(() => {
      this.#noting = undefined;
    });
  }

  /** Asks analytics, as of entry `durableSeq`. Only where they are kept (`analyticsPath`). */
  async ask<Q extends AnalyticsQuestion>(question: Q, durableSeq: number): Promise<AnalyticsAnswer<Q>> {
    if (this.#hasEnded) throw ended();
    if (this.#asked.size >= QUESTIONS_MAX)
      throw new EngineError("BUSY", `${this.#asked.size} questions to analytics wait`, { retryAfterMs: 100 });
    return await new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#asked.set(id, { resolve, reject });
      this.#tell();
      this.#post({ durableSeq, id, question });
    });
  }

  /** Resolves when it has applied everything that it was told of and closed its store. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    this.#tell();
    this.#post({ stop: true });
    await this.#ended;
  }

  async kill(): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#telling);
    await this.#worker.terminate();
  }
}

function ended(): EngineError {
  return new EngineError("SHUTTING_DOWN", "the state store's thread has ended", {});
}
