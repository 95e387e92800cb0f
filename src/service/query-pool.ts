/**
 * QueryPool: queries of contracts that take long, on threads beside the executor, so that reads scale with the cores and a
 * query that spins hinders no block.
 *   submit ──▶ waiting ── a batch a free thread ──▶ piscina ──▶ query-pool-worker.ts ── answers ──▶ sinks
 * The threads start with the first query.
 * Always
 *  - An answer comes from durable blocks only, and from no state older than the last block that was durable at `submit`.
 *  - A query that runs longer than its limit ends its thread and fails alone: the others of its batch run again.
 *  - Past the bound a query is refused with BUSY.
 */
import { fileURLToPath } from "node:url";
import type { Piscina } from "piscina";
import { answerLength, decodeAnswer } from "../encoding/query-answer.ts";
import { EngineError, toEngineError } from "../errors.ts";
import type { ErrorRecord } from "../execution/error-record.ts";
import { reviveError } from "../sequencer/executor-handle.ts";
import type { CallRunner, QuerySink } from "../sequencer/query-queue.ts";
import { IMPORT_ONLY, ThreadGate } from "../thread-gate.ts";

export interface QueryPoolOptions {
  script: URL;
  /** What every thread gets (a QueryPoolWorkerData), beside `gate`: asked for when the first one starts. */
  workerData(): object;
  threads: number;
  /** One query may run this long. */
  timeoutMs: number;
  waitingMax: number;
  durableSeq(): number;
  /** For operators. */
  report(level: "warn", message: string, facts: Record<string, unknown>): void;
}

/** What a thread is handed. */
export interface QueryBatch {
  calls: Uint8Array;
  count: number;
  /** The answers must be of this entry of the log or a later one. */
  seq: number;
  /** [0]: index of the query that runs; -1 before the first. */
  progress: SharedArrayBuffer;
}

export type QueryBatchAnswer = { results: Uint8Array; seq: number; height: number } | { error: ErrorRecord };

interface Query {
  readonly call: Uint8Array;
  readonly sink: QuerySink;
  /** How often its thread ended before it was its turn. */
  losses: number;
}

/** How the queries of this run of the daemon ended, and how many threads and waiting ones there are now. */
export interface QueryPoolUse {
  readonly threads: number;
  readonly threadsMax: number;
  readonly waiting: number;
  readonly waitingMax: number;
  readonly answered: number;
  /** Stopped with EXECUTION_TIMEOUT. */
  readonly overran: number;
  /** By a fault of ours, or because their thread ended. */
  readonly failed: number;
  /** BUSY: nothing ran. */
  readonly refused: number;
}

/** A batch with a thread. */
interface Running {
  readonly queries: readonly Query[];
  readonly progress: Int32Array;
  readonly kill: AbortController;
  /** The query that it was last seen at, and since when. */
  at: number;
  sinceMs: number;
  isOverdue: boolean;
}

/** A batch is answered as a whole: more would make its first query wait without making its last one cheaper. */
const BATCH_MAX = 64;
/** With each thread: while one batch runs, the next is on its way. */
const BATCHES_A_THREAD = 2;
/** A query that lost its thread this often waits behind something else that ends threads. */
const LOSSES_MAX = 8;
/** A thread starts in 50 ms, and reads at most the journal that LMDB lacks before it runs its first query. */
const START_MAX_MS = 30_000;
const IDLE_THREAD_MS = 60_000;
/** As the executor's: nested calls share the thread's stack. */
const STACK_MB = 16;

export class QueryPool implements CallRunner {
  readonly #options: QueryPoolOptions;
  readonly #waiting: Query[] = [];
  readonly #running = new Set<Running>();
  readonly #ended = { answered: 0, overran: 0, failed: 0, refused: 0 };
  /** All threads pass the same one: ending one of them keeps the others out of their native calls for some milliseconds. */
  readonly #gate = new ThreadGate();
  #ending: Promise<void> = Promise.resolve();
  #pool: Promise<Piscina> | undefined;
  #opened: Piscina | undefined;
  #isScheduled = false;
  #watchdog: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: QueryPoolOptions) {
    this.#options = options;
  }

  /** @param call one encoded call, which is kept. @throws EngineError BUSY; nothing was queued then. */
  submit(call: Uint8Array, sink: QuerySink): void {
    if (this.#isClosed) throw shuttingDown();
    const { waitingMax } = this.#options;
    if (this.#waiting.length >= waitingMax) {
      this.#ended.refused++;
      throw new EngineError("BUSY", `${this.#waiting.length} queries wait for a thread, the bound is ${waitingMax}`, {
        retryAfterMs: 50,
        waitingMax,
      });
    }
    this.#waiting.push({ call, sink, losses: 0 });
    this.#schedule();
  }

  use(): QueryPoolUse {
    const { threads: threadsMax, waitingMax } = this.#options;
    const threads = this.#opened?.threads.length ?? 0;
    return { threads, threadsMax, waiting: this.#waiting.length, waitingMax, ...this.#ended };
  }

  /** Queries of one turn of the loop go together. */
  #schedule(): void {
    if (this.#isScheduled || this.#free === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  get #free(): number {
    return this.#options.threads * BATCHES_A_THREAD - this.#running.size;
  }

  #pump(): void {
    for (let free = this.#free; free > 0 && this.#waiting.length > 0; free--) {
      const count = Math.min(BATCH_MAX, Math.ceil(this.#waiting.length / free));
      void this.#run(this.#waiting.splice(0, count));
    }
  }

  async #run(queries: Query[]): Promise<void> {
    const progress = new Int32Array(new SharedArrayBuffer(4)).fill(-1);
    const kill = new AbortController();
    const running = { queries, progress, kill, at: -1, sinceMs: performance.now(), isOverdue: false };
    this.#running.add(running);
    this.#watchdog ??= setInterval(() => this.#watch(), Math.max(5, this.#options.timeoutMs / 8)).unref();
    const calls = Buffer.concat(queries.map(({ call }) => call));
    const seq = this.#options.durableSeq();
    const batch: QueryBatch = { calls, count: queries.length, seq, progress: progress.buffer as SharedArrayBuffer };
    try {
      this.#pool ??= this.#open();
      const pool = await this.#pool;
      const answer = (await pool.run(batch, { signal: kill.signal })) as QueryBatchAnswer;
      if ("error" in answer) this.#fail(queries, reviveError(answer.error));
      else {
        this.#ended.answered += queries.length;
        settleAll(queries, answer);
      }
    } catch (problem) {
      this.#threadLost(running, problem);
    }
    this.#running.delete(running);
    if (this.#running.size === 0) {
      clearInterval(this.#watchdog);
      this.#watchdog = undefined;
    }
    if (this.#waiting.length > 0) this.#schedule();
  }

  async #open(): Promise<Piscina> {
    const { Piscina: Pool } = await import("piscina");
    const pool = new Pool({
      filename: fileURLToPath(this.#options.script),
      workerData: { ...this.#options.workerData(), gate: this.#gate.word },
      execArgv: IMPORT_ONLY,
      minThreads: 1,
      maxThreads: this.#options.threads,
      concurrentTasksPerWorker: BATCHES_A_THREAD,
      idleTimeout: IDLE_THREAD_MS,
      // A thread that waits for work in its event loop can let go of LMDB's pages.
      atomics: "disabled",
      recordTiming: false,
      resourceLimits: { stackSizeMb: STACK_MB },
    });
    pool.on("error", (problem: Error) =>
      this.#options.report("warn", "a query thread failed while it had no work", { why: problem.message }),
    );
    this.#opened = pool;
    return pool;
  }

  #watch(): void {
    const nowMs = performance.now();
    for (const running of this.#running) {
      const at = Atomics.load(running.progress, 0);
      if (at !== running.at) {
        running.at = at;
        running.sinceMs = nowMs;
      } else if (!running.isOverdue && nowMs - running.sinceMs > (at < 0 ? START_MAX_MS : this.#options.timeoutMs)) {
        running.isOverdue = true;
        this.#ending = this.#ending.then(() => this.#endThread(running));
      }
    }
  }

  /** Ends the thread that has this batch, if one still has. */
  async #endThread({ kill }: Running): Promise<void> {
    const pool = await this.#pool!;
    await this.#gate.shut(() => {
      const before = pool.threads;
      kill.abort();
      const after = new Set(pool.threads);
      const ended = before.filter((thread) => !after.has(thread));
      return Promise.all(ended.map((thread) => new Promise((resolve) => thread.once("exit", resolve))));
    });
    this.#gate.reopen();
  }

  /**
   * The thread was ended, for this batch or another that it had: whose query it was at fails, the rest runs again.
   */
  #threadLost({ queries, progress, at: overdueAt, isOverdue }: Running, problem: unknown): void {
    if (this.#isClosed) {
      failAll(queries, shuttingDown());
      return;
    }
    const at = Atomics.load(progress, 0);
    const { message } = toEngineError(problem);
    if (at < 0) {
      this.#runAgain(queries, message);
      return;
    }
    this.#options.report("warn", "a query thread was ended", { why: isOverdue ? "a query overran its time" : message });
    // Where it went on after it was found overdue, the query that is at fault has ended by itself.
    const isInnocent = isOverdue && at !== overdueAt;
    if (!isInnocent && isOverdue) {
      this.#ended.overran++;
      queries[at]!.sink.fail(this.#overdue());
    } else if (!isInnocent) this.#fail([queries[at]!], threadEnded(message));
    this.#waiting.unshift(...queries.filter((_, i) => isInnocent || i !== at));
  }

  /** What had not begun when its thread ended. */
  #runAgain(queries: readonly Query[], why: string): void {
    const [lost, again] = [[], []] as [Query[], Query[]];
    for (const query of queries) (++query.losses > LOSSES_MAX ? lost : again).push(query);
    this.#fail(lost, new EngineError("INTERNAL_ERROR", `the threads for queries do not start: ${why}`, {}));
    this.#waiting.unshift(...again);
  }

  #fail(queries: readonly Query[], error: EngineError): void {
    this.#ended.failed += queries.length;
    failAll(queries, error);
  }

  #overdue(): EngineError {
    const limitMs = this.#options.timeoutMs;
    const message = `the query did not finish within ${limitMs} ms and was stopped`;
    return new EngineError("EXECUTION_TIMEOUT", message, { limitMs });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    failAll(this.#waiting.splice(0), shuttingDown());
    await this.#ending;
    const pool = await this.#pool;
    if (pool !== undefined) await this.#gate.shut(() => pool.destroy());
  }
}

function settleAll(queries: readonly Query[], answer: { results: Uint8Array; seq: number; height: number }): void {
  let at = 0;
  for (const { sink } of queries) {
    sink.settle(decodeAnswer(answer.results, at, answer.seq, answer.height));
    at += answerLength(answer.results, at);
  }
}

function failAll(queries: readonly Query[], error: EngineError): void {
  for (const { sink } of queries) sink.fail(error);
}

function threadEnded(why: string): EngineError {
  return new EngineError("INTERNAL_ERROR", `the thread that ran the query ended: ${why}`, {});
}

function shuttingDown(): EngineError {
  return new EngineError("SHUTTING_DOWN", "the engine is closed", {});
}
