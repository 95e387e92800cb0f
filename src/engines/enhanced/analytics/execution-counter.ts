/**
 * ExecutionCounter: what analytics leave to native code, on memory that stays their own (native/src/execution_counter.h).
 * There is no portable twin of `countRun`: Analytics without it is the twin.
 */
import type { CallerMemory } from "./callers.ts";

/** Where `numbers` has what. `next` and `lap`, its place in `laps`, move on; `gasUsed` is of what was counted. */
export const CountNumber = { next: 0, lap: 1, lapNumbers: 2, atMs: 3, gasUsed: 4 } as const;
export const COUNT_NUMBERS = 5;

export interface ExecutionCounter {
  /**
   * Counts the transactions of an entry from `next` on, until one is no successful call of `call`, or is by a caller for
   * whom more is to be done than to count.
   * @param call contract and entrypoint, as a call's encoding has them.
   * @param laps the first `lapNumbers` of it. @param track its minute is not over.
   */
  countRun(
    entry: Uint8Array,
    call: Uint8Array,
    laps: Float64Array,
    numbers: Float64Array,
    track: { readonly numbers: Float64Array; readonly bins: Uint32Array },
    callers: CallerMemory,
  ): void;
  /** As `stateGrowth` of state-growth.ts. */
  stateGrowth(delta: Uint8Array, out: Float64Array): number;
}
