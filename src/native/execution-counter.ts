/** Counting of executions (engines/enhanced/analytics/execution-counter.ts) on the addon: native/src/execution_counter.h. */
import type { Addon } from "./addon.ts";

interface Track {
  readonly numbers: Float64Array;
  readonly bins: Uint32Array;
}

interface Callers {
  readonly numbers: Float64Array;
  readonly words: Uint32Array;
}

export function nativeExecutionCounter(addon: Addon) {
  return {
    countRun(
      entry: Uint8Array,
      call: Uint8Array,
      laps: Float64Array,
      numbers: Float64Array,
      track: Track,
      callers: Callers,
    ): void {
      addon.executionsCount(entry, call, laps, numbers, track.numbers, track.bins, callers.numbers, callers.words);
    },
    stateGrowth(delta: Uint8Array, out: Float64Array): number {
      return addon.stateGrowth(delta, out);
    },
  };
}
