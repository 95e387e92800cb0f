/** What the disk itself takes: appends of one small block, each followed by fdatasync, with nothing around them. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { percentileOf } from "./statistics.ts";

/** One block of one transfer in the journal, about. */
const BYTES = 1_024;

/** Blocks this process for `ms`. */
export function measureRawSync(directory: string, ms: number): { p50Ms: number; p99Ms: number } {
  const path = join(directory, "raw-sync");
  const file = openSync(path, "w");
  const bytes = new Uint8Array(BYTES).fill(1);
  const latencies: number[] = [];
  try {
    for (let startedAt = performance.now(), end = startedAt + ms; startedAt < end; startedAt = performance.now()) {
      writeSync(file, bytes);
      fdatasyncSync(file);
      latencies.push(performance.now() - startedAt);
    }
  } finally {
    closeSync(file);
    rmSync(path);
  }
  latencies.sort((a, b) => a - b);
  return { p50Ms: percentileOf(latencies, 0.5), p99Ms: percentileOf(latencies, 0.99) };
}
