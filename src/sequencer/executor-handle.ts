/**
 * ExecutorHandle: how the main thread talks to the executor, wherever it runs.
 *   sequencer ── execute, queries, ask ──▶ WorkerExecutor ── messages ──▶ executor-worker.ts ── Executor
 *                                     └──▶ InlineExecutor ───────────────────────────────────▶ Executor
 * Always
 *  - Calls take effect in the order made.
 *  - A worker that dies or overruns its time fails every call that waits on it with EXECUTION_TIMEOUT or INTERNAL_ERROR,
 *    and `onLost` is told once: whoever owns the handle starts another from the head of the log.
 */
import type { Worker } from "node:worker_threads";
import { ByteWriter } from "../encoding/bytes.ts";
import { EngineError, type ErrorCode, isErrorCode, StorageError, toEngineError } from "../errors.ts";
import type { ErrorRecord } from "../execution/error-record.ts";
import type { Executor, Head } from "../execution/executor.ts";
import type { Calls } from "../execution/query-runner.ts";
import type { ExecutorThreads } from "./executor-threads.ts";

/** Methods of the executor that may be asked for by name. */
export type ExecutorMethod =
  | "genesis"
  | "saveTree"
  | "execute"
  | "executeOne"
  | "undo"
  | "follow"
  | "applied"
  | "simulate"
  | "estimate"
  | "trace"
  | "contract"
  | "contracts"
  | "contractState"
  | "account"
  | "leaf"
  | "proof"
  | "root";
export type ExecutorFace = Pick<Executor, Exclude<ExecutorMethod, "root">> & { root(): Uint8Array };

/** A state in the past: entries to take back, newest first, and the head that then stands. */
export interface Past {
  entries: readonly Uint8Array[];
  head: Head;
}

export interface QueryResults {
  results: Uint8Array;
  /** Of the state that answered, durable or not. */
  seq: number;
  height: number;
}

export interface ExecutorHandle {
  ask<M extends ExecutorMethod>(
    method: M,
    args: Parameters<ExecutorFace[M]>,
    past?: Past,
  ): Promise<ReturnType<ExecutorFace[M]>>;
  /** Shared memory is read where it is; other bytes are copied. */
  queries(calls: Calls, past?: Past): Promise<QueryResults>;
  close(): Promise<void>;
}

export type ExecutorRequest = { id: number; past: Past | undefined } & (
  | { method: ExecutorMethod; args: unknown[] }
  | { method: "queries"; args: [Calls] }
);
export type ExecutorAnswer =
  | { id: number; value: unknown }
  | { id: number; error: ErrorRecord }
  | { ready: ExecutorStart }
  | { failed: ErrorRecord }
  /** For operators. */
  | { notice: string; facts: Record<string, unknown> };

/** Where a new executor's state stands. */
export interface ExecutorStart {
  /** Every entry of the log above this one has to be followed before it may execute; -1: all of them. */
  baseSeq: number;
  /** How the state tree was had. */
  tree: "kept" | "loaded" | "rebuilt" | "empty";
  /** Why the portable tree and hasher run, if they do. */
  nativeMissing: string | undefined;
}

/** What is answered from the state tree; all else is from the state alone. */
const OF_THE_TREE: ReadonlySet<string> = new Set<ExecutorMethod>(["proof", "root", "saveTree"]);

/** Runs one request on an executor: the worker's message handler, and the whole of the inline handle. */
export function answerRequest(executor: Executor, request: Omit<ExecutorRequest, "id">): unknown {
  const run = () => {
    if (request.method === "queries") {
      const [calls] = request.args as [Calls];
      const out = new ByteWriter(64 + 64 * calls.count);
      executor.queries(calls, out);
      return { results: out.take(), seq: executor.head.seq, height: executor.head.height } satisfies QueryResults;
    }
    if (request.method === "root") return executor.blocks.root();
    const method = executor[request.method] as (...args: unknown[]) => unknown;
    return method.apply(executor, request.args);
  };
  if (request.past === undefined) return run();
  return executor.before(request.past.entries, request.past.head, run, OF_THE_TREE.has(request.method));
}

/** The executor on this thread: for tests, and as a library. */
export class InlineExecutor implements ExecutorHandle {
  readonly #executor: Executor;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  async ask<M extends ExecutorMethod>(
    method: M,
    args: Parameters<ExecutorFace[M]>,
    past?: Past,
  ): Promise<ReturnType<ExecutorFace[M]>> {
    return answerRequest(this.#executor, { method, args, past }) as ReturnType<ExecutorFace[M]>;
  }

  async queries(calls: Calls, past?: Past): Promise<QueryResults> {
    return answerRequest(this.#executor, { method: "queries", args: [calls], past }) as QueryResults;
  }

  async close(): Promise<void> {}
}

export interface WorkerExecutorOptions {
  threads: ExecutorThreads;
  workerData: unknown;
  /** One request may run this long. */
  executionTimeoutMs: number;
  onLost(problem: EngineError): void;
  /** Something that operators should know, and that hinders nothing. */
  onNotice?(message: string, facts: Record<string, unknown>): void;
}

interface Waiting {
  resolve(value: never): void;
  reject(problem: EngineError): void;
}

export class WorkerExecutor implements ExecutorHandle {
  readonly #worker: Worker;
  readonly #options: WorkerExecutorOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready: Promise<ExecutorStart>;
  #nextId = 1;
  /** The oldest request that waits, since when it is the oldest. */
  #oldest = 0;
  #oldestSince = 0;
  #watchdog: NodeJS.Timeout | undefined;
  #lost: EngineError | undefined;
  #closing = false;

  constructor(options: WorkerExecutorOptions) {
    this.#options = options;
    this.#worker = options.threads.start(options.workerData);
    this.#ready = new Promise((resolve, reject) => {
      this.#waiting.set(0, { resolve, reject });
    });
    this.#ready.catch(() => {});
    this.#worker.on("message", (answer: ExecutorAnswer) => this.#settle(answer));
    this.#worker.on("error", (problem) => this.#lose(toEngineError(problem)));
    this.#worker.on("exit", (code) =>
      this.#lose(new EngineError("INTERNAL_ERROR", `the executor thread ended with code ${code}`, {})),
    );
    this.#watchdog = setInterval(() => this.#watch(), Math.max(20, options.executionTimeoutMs / 8));
    this.#watchdog.unref();
  }

  /** Resolves when the worker has opened its state. */
  ready(): Promise<ExecutorStart> {
    return this.#ready;
  }

  ask<M extends ExecutorMethod>(
    method: M,
    args: Parameters<ExecutorFace[M]>,
    past?: Past,
  ): Promise<ReturnType<ExecutorFace[M]>> {
    return this.#post({ method, args, past });
  }

  queries(calls: Calls, past?: Past): Promise<QueryResults> {
    return this.#post({ method: "queries", args: [calls], past });
  }

  #post<T>(request: { method: string; args: unknown; past: Past | undefined }): Promise<T> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...request });
    });
  }

  #settle(answer: ExecutorAnswer): void {
    if ("notice" in answer) {
      this.#options.onNotice?.(answer.notice, answer.facts);
      return;
    }
    if ("failed" in answer) {
      this.#lose(reviveError(answer.failed));
      return;
    }
    const id = "ready" in answer ? 0 : answer.id;
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if ("error" in answer) waiting.reject(reviveError(answer.error));
    else waiting.resolve(("ready" in answer ? answer.ready : answer.value) as never);
  }

  #watch(): void {
    const { value: oldest } = this.#waiting.keys().next();
    if (oldest === undefined || oldest === 0) {
      this.#oldest = 0;
      return;
    }
    const now = performance.now();
    const limitMs = this.#options.executionTimeoutMs;
    if (oldest !== this.#oldest) {
      this.#oldest = oldest;
      this.#oldestSince = now;
      return;
    }
    if (now - this.#oldestSince > limitMs / 2) this.#options.threads.prepare();
    if (now - this.#oldestSince > limitMs)
      this.#lose(
        new EngineError("EXECUTION_TIMEOUT", `execution did not finish within ${limitMs} ms and was stopped`, {
          limitMs,
        }),
      );
  }

  #lose(problem: EngineError): void {
    if (this.#lost !== undefined) return;
    this.#lost = problem;
    clearInterval(this.#watchdog);
    void this.#worker.terminate();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    if (!this.#closing) this.#options.onLost(problem);
    for (const { reject } of waiting) reject(problem);
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#watchdog);
    await this.#worker.terminate();
  }
}

export function reviveError(record: { code: string; message: string; facts: Record<string, unknown> }): EngineError {
  const code: ErrorCode = isErrorCode(record.code) ? record.code : "INTERNAL_ERROR";
  if (code === "STORAGE_ERROR") return new StorageError(record.message, { retryable: false, ...record.facts });
  return new EngineError(code, record.message, record.facts);
}
