/**
 * EvaluationPool: worker threads that evaluate (piscina). A thread starts with the first task and stays while there is work.
 * They need no gate (thread-gate.ts): the only native calls are our own addon's.
 */
import type { Piscina } from "piscina";
import { IMPORT_ONLY } from "../../../thread-gate.ts";
import type { EvaluationTask, TaskResult } from "./evaluation-task.ts";

/** An idle thread keeps nothing that the process does not share; starting one takes some tens of milliseconds. */
const IDLE_MS = 30_000;

export interface EvaluationRequest {
  readonly task: EvaluationTask;
  /** Of the blob store. */
  readonly directory: string;
}

export class EvaluationPool {
  readonly #options: { script: URL; directory: string; workers: number };
  #pool: Promise<Piscina<EvaluationRequest, TaskResult>> | undefined;

  constructor(options: { script: URL; directory: string; workers: number }) {
    this.#options = options;
  }

  /** Rejects when the worker dies. */
  async run(task: EvaluationTask): Promise<TaskResult> {
    this.#pool ??= this.#open();
    return await (await this.#pool).run({ task, directory: this.#options.directory });
  }

  /** Loaded with the first task: a daemon without privacy contracts starts sooner. */
  async #open(): Promise<Piscina<EvaluationRequest, TaskResult>> {
    const { Piscina: Pool } = await import("piscina");
    return new Pool({
      filename: this.#options.script.href,
      execArgv: IMPORT_ONLY,
      minThreads: 0,
      maxThreads: this.#options.workers,
      idleTimeout: IDLE_MS,
      concurrentTasksPerWorker: 1,
    });
  }

  async close(): Promise<void> {
    await (await this.#pool)?.destroy();
  }
}
