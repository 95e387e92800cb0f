/** HistoryHandle: how the main thread asks about the past, wherever History runs. */
import type { Worker } from "node:worker_threads";
import { EngineError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import { reviveError } from "../sequencer/executor-handle.ts";
import type { ChainIndex } from "../storage/chain-index.ts";
import type { DataPaths } from "../storage/data-paths.ts";
import { History } from "../storage/history.ts";
import { LogSource } from "../storage/log-source.ts";
import type { StateCounts } from "../storage/state-counts.ts";
import { GatedWorker } from "../thread-gate.ts";

type LogMethod = "transaction" | "logs" | "executions" | "blockByHash";
export type HistoryMethod = LogMethod | "stateCounts";

export interface HistoryFace extends Pick<History, LogMethod> {
  /** Undefined with storage in memory. */
  stateCounts(): StateCounts | undefined;
}

/** History, and beside it what is asked of the state store itself. */
export function historyFace(history: History, stateCounts: HistoryFace["stateCounts"]): HistoryFace {
  return {
    transaction: (...args) => history.transaction(...args),
    logs: (...args) => history.logs(...args),
    executions: (...args) => history.executions(...args),
    blockByHash: (...args) => history.blockByHash(...args),
    stateCounts,
  };
}

export interface HistoryHandle {
  ask<M extends HistoryMethod>(method: M, ...args: Parameters<HistoryFace[M]>): Promise<ReturnType<HistoryFace[M]>>;
  /** Resolves when every question that was asked before is answered. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** On this thread, over a log in memory. */
class InlineHistory implements HistoryHandle {
  readonly #history: History;
  readonly #advance: (history: History) => void;

  static over(log: BlockLog, chain: ChainIndex): InlineHistory {
    const source = new LogSource(log);
    return new InlineHistory(new History({ indexDirectory: "" }, { source, chain }), (history) => {
      source.advance(log.durableSeq);
      history.advance(log.durableSeq);
    });
  }

  private constructor(history: History, advance: (history: History) => void) {
    this.#history = history;
    this.#advance = advance;
  }

  async ask<M extends HistoryMethod>(
    method: M,
    ...args: Parameters<HistoryFace[M]>
  ): Promise<ReturnType<HistoryFace[M]>> {
    this.#advance(this.#history);
    const ask = historyFace(this.#history, () => undefined)[method] as (...args: unknown[]) => unknown;
    return ask(...args) as ReturnType<HistoryFace[M]>;
  }

  async settled(): Promise<void> {}

  async close(): Promise<void> {}
}

/** Questions that may wait; each is answered in bounded time. */
const QUESTIONS_MAX = 1_024;
const POLL_MS = 10;

/** Starts its thread at the first question, and another at the next one after it was lost. */
class WorkerHistory implements HistoryHandle {
  readonly #script: URL;
  readonly #workerData: unknown;
  readonly #log: BlockLog;
  readonly #chain: ChainIndex;
  readonly #waiting = new Map<number, { resolve(value: never): void; reject(problem: EngineError): void }>();
  #worker: Worker | undefined;
  #nextId = 1;
  #isClosed = false;

  constructor(script: URL, workerData: unknown, { log, chain }: { log: BlockLog; chain: ChainIndex }) {
    this.#script = script;
    this.#workerData = workerData;
    this.#log = log;
    this.#chain = chain;
  }

  ask<M extends HistoryMethod>(method: M, ...args: Parameters<HistoryFace[M]>): Promise<ReturnType<HistoryFace[M]>> {
    if (this.#isClosed) return Promise.reject(new EngineError("SHUTTING_DOWN", "the engine is closed", {}));
    if (this.#waiting.size >= QUESTIONS_MAX)
      return Promise.reject(
        new EngineError("BUSY", `${this.#waiting.size} questions about the past wait`, { retryAfterMs: 100 }),
      );
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker ??= this.#start();
      const [{ durableSeq }, { lowestSeq }] = [this.#log, this.#chain];
      this.#worker.postMessage({ id, durableSeq, lowestSeq, method, args });
    });
  }

  async settled(): Promise<void> {
    const next = this.#nextId;
    while ([...this.#waiting.keys()].some((id) => id < next))
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }

  #start(): Worker {
    const worker = new GatedWorker(this.#script, { workerData: this.#workerData });
    worker.unref();
    worker.on("message", (answer: { id: number; value?: unknown; error?: Parameters<typeof reviveError>[0] }) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.error !== undefined) waiting?.reject(reviveError(answer.error));
      else waiting?.resolve(answer.value as never);
    });
    worker.on("error", (problem) => this.#lost(worker, problem.message));
    worker.on("exit", (code) => this.#lost(worker, `it ended with code ${code}`));
    return worker;
  }

  #lost(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const problem = new EngineError("INTERNAL_ERROR", `the thread that searches the journal is gone: ${why}`, {});
    for (const { reject } of this.#waiting.values()) reject(problem);
    this.#waiting.clear();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
  }
}

/** History of a log that lies in a data directory, on a thread of its own; of one in memory, right here. */
export function openHistory(
  storage: { log: BlockLog; chain: ChainIndex; paths: DataPaths | undefined },
  script: URL,
): HistoryHandle {
  const { log, chain, paths } = storage;
  if (paths === undefined) return InlineHistory.over(log, chain);
  const directories = { journalDirectory: paths.journal, stateDirectory: paths.state, indexDirectory: paths.index };
  return new WorkerHistory(script, directories, { log, chain });
}
