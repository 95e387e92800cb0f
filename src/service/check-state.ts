/** Runs the thread that hashes the state store (threads/check-worker.ts). */

import { EngineError } from "../errors.ts";
import { reviveError } from "../sequencer/executor-handle.ts";
import type { DataPaths } from "../storage/data-paths.ts";
import { GatedWorker } from "../thread-gate.ts";

/** Answers as of which entry the store is what its block says. @throws EngineError ROOT_MISMATCH. */
export function checkState(script: URL, { journal, state }: DataPaths, signal: AbortSignal): Promise<number> {
  const worker = new GatedWorker(script, { workerData: { journalDirectory: journal, stateDirectory: state } });
  const stop = () => void worker.terminate();
  signal.addEventListener("abort", stop, { once: true });
  return new Promise<number>((resolve, reject) => {
    const ended = (why: string) => reject(new EngineError("INTERNAL_ERROR", `the state was not checked: ${why}`, {}));
    worker.once("message", (answer: { seq: number } | { error: Parameters<typeof reviveError>[0] }) => {
      if ("error" in answer) reject(reviveError(answer.error));
      else resolve(answer.seq);
    });
    worker.once("error", ({ message }) => ended(message));
    worker.once("exit", () => ended("its thread ended"));
  }).finally(() => signal.removeEventListener("abort", stop));
}
