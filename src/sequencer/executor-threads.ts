/**
 * ExecutorThreads: starts the thread of an executor; and, when one has been slow, a spare that has loaded everything and waits
 * for its data, to take the place of the slow one as soon as that is killed. Loading takes 100 ms of processor time and more,
 * all of which everybody would wait for.
 *   watchdog ── half of the time is over ──▶ prepare … killed ──▶ start
 * Always
 *  - There is no spare before an executor has been slow: it takes as much memory as an idle thread does.
 */
import type { Worker } from "node:worker_threads";
import { GatedWorker } from "../thread-gate.ts";

/** Nested contract calls and native frames share the worker's stack (facts: the default 4 MB is not enough for depth 64). */
const STACK_MB = 16;

export class ExecutorThreads {
  readonly #script: URL;
  #spare: Worker | undefined;

  /** @param script takes its data as `workerData`, or, where that is null, as the first message. */
  constructor(script: URL) {
    this.#script = script;
  }

  /** The caller owns the thread. */
  start(data: unknown): Worker {
    const spare = this.#spare;
    if (spare === undefined) return this.#thread(data);
    this.#spare = undefined;
    spare.removeAllListeners();
    spare.ref();
    spare.postMessage(data);
    return spare;
  }

  /** Starts a spare, unless one waits. */
  prepare(): void {
    if (this.#spare !== undefined) return;
    const spare = this.#thread(null);
    const forget = () => {
      if (this.#spare === spare) this.#spare = undefined;
    };
    spare.on("error", forget).on("exit", forget).unref();
    this.#spare = spare;
  }

  async close(): Promise<void> {
    const spare = this.#spare;
    this.#spare = undefined;
    await spare?.terminate();
  }

  #thread(workerData: unknown): Worker {
    return new GatedWorker(this.#script, { workerData, resourceLimits: { stackSizeMb: STACK_MB } });
  }
}
