/**
 * Laps: how long the transactions of a block took. By lap, the index after its last transaction, and the microseconds that
 * each of them took: those that ran together share a lap, most blocks have one or two. Beside the block, no part of it.
 */
export type Laps = ArrayLike<number>;

/** Laps of several blocks in one array of numbers: seq, how many numbers its laps are, laps; and so on. */
export function appendLaps(out: number[], seq: number, laps: Laps): void {
  out.push(seq, laps.length);
  for (let i = 0; i < laps.length; i++) out.push(laps[i]!);
}

/** What `appendLaps` wrote. */
export function forEachLaps(numbers: Float64Array, visit: (seq: number, laps: Laps) => void): void {
  for (let at = 0; at < numbers.length; ) {
    const begin = at + 2;
    const end = begin + numbers[at + 1]!;
    visit(numbers[at]!, numbers.subarray(begin, end));
    at = end;
  }
}

/** Of the transaction at `index`. */
export function microsecondsAt(laps: Laps, index: number): number {
  for (let lap = 0; lap < laps.length; lap += 2) if (index < laps[lap]!) return laps[lap + 1]!;
  return 0;
}

/** Of those behind it, added up. */
export function microsecondsAfter(laps: Laps, index: number): number {
  let sum = 0;
  for (let lap = 0, start = 0; lap < laps.length; start = laps[lap]!, lap += 2)
    sum += Math.max(0, laps[lap]! - Math.max(start, index + 1)) * laps[lap + 1]!;
  return sum;
}

/** Of all of them. */
export function microsecondsOf(laps: Laps): number {
  let sum = 0;
  let start = 0;
  for (let lap = 0; lap < laps.length; lap += 2) {
    sum += (laps[lap]! - start) * laps[lap + 1]!;
    start = laps[lap]!;
  }
  return sum;
}
