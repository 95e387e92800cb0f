/** EvaluationPool: worker threads that evaluate (piscina). A thread starts with the first task and stays while there is work. */
import { Piscina } from "piscina";
import type { EvaluationTask, TaskResult } from "./evaluation-task.ts";

/** An idle thread keeps nothing that the process does not share; starting one takes some tens of milliseconds. */
const IDLE_MS = 30_000;

export interface EvaluationRequest {
  readonly task: EvaluationTask;
  /** Of the blob store. */
  readonly directory: string;
}

export class EvaluationPool {
  readonly #pool: Piscina<EvaluationRequest, TaskResult>;
  readonly #directory: string;

  constructor(options: { script: URL; directory: string; workers: number }) {
    this.#directory = options.directory;
    this.#pool = new Piscina({
      filename: options.script.href,
      minThreads: 0,
      maxThreads: options.workers,
      idleTimeout: IDLE_MS,
      concurrentTasksPerWorker: 1,
    });
  }

  /** Rejects when the worker dies. */
  run(task: EvaluationTask): Promise<TaskResult> {
    return this.#pool.run({ task, directory: this.#directory });
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
