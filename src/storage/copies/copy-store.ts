/** Takes everything from a source to a target, part by part. */
import type { CopyRun, StorePart, StoreSource } from "./store-source.ts";

export interface StoreTarget<Result> {
  take(part: StorePart): Promise<void>;
  finish(run: CopyRun): Promise<Result>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

const PHASES = { rows: "state", entries: "log", blobs: "ciphertexts" } as const;

/** Closes neither; discards the target when anything fails, or the user wants it no more. */
export async function copyStore<Result>(
  source: StoreSource,
  target: StoreTarget<Result>,
  run: CopyRun,
): Promise<Result> {
  const { signal, onProgress } = run;
  const done = { rows: 0, entries: 0, blobs: 0 };
  const totals = { rows: source.rowCount, entries: source.head.seq - source.firstSeq + 1, blobs: 0 };
  try {
    for await (const part of source.parts()) {
      signal.throwIfAborted();
      await target.take(part);
      done[part.kind] += part.kind === "entries" ? part.entries.length : part.rows.length;
      const total = Math.max(totals[part.kind], done[part.kind]);
      onProgress({ phase: PHASES[part.kind], done: done[part.kind], total });
      await new Promise((resolve) => setImmediate(resolve));
    }
    signal.throwIfAborted();
    return await target.finish(run);
  } catch (problem) {
    await target.discard();
    throw problem;
  }
}
