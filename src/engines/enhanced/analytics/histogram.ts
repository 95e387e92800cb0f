/**
 * Counts by size, for percentiles: four steps an octave, so that a percentile is off by an eighth at most. Values are whole
 * numbers from 0 to 2^40: gas, and microseconds.
 */
const STEPS = 4;
const OCTAVES = 40;
export const BINS = (OCTAVES + 1) * STEPS;

export function binOf(value: number): number {
  if (value < STEPS) return Math.max(0, Math.floor(value));
  if (value >= 2 ** 31) {
    const octave = Math.min(OCTAVES, Math.floor(Math.log2(value)));
    return octave * STEPS + Math.min(STEPS - 1, Math.floor((value / 2 ** octave - 1) * STEPS)) - STEPS;
  }
  const whole = value | 0;
  const octave = 31 - Math.clz32(whole);
  return octave * STEPS + ((whole >>> (octave - 2)) & (STEPS - 1)) - STEPS;
}

/** The middle of what falls into a bin. */
export function middleOf(bin: number): number {
  if (bin < STEPS) return bin;
  const octave = Math.floor((bin + STEPS) / STEPS);
  const from = 2 ** octave * (1 + ((bin + STEPS) % STEPS) / STEPS);
  return from + 2 ** octave / STEPS / 2;
}

/** @param counts BINS of them from `at`. Undefined when there are none. */
export function percentile(counts: Uint32Array, at: number, share: number): number | undefined {
  let total = 0;
  for (let bin = 0; bin < BINS; bin++) total += counts[at + bin]!;
  if (total === 0) return undefined;
  let left = Math.ceil(share * total);
  for (let bin = 0; bin < BINS; bin++) {
    left -= counts[at + bin]!;
    if (left <= 0) return middleOf(bin);
  }
  return undefined;
}
