/** A read mix by Zipf's law with writes among it, and what the best caches of a size could make of it. */
import type { Random } from "./random.ts";

export interface Access {
  key: number;
  isWrite: boolean;
}

/** Keys 0 to n-1; the k-th is asked for in proportion to 1/(k+1). Writes go by the same law. */
export function zipfAccesses(random: Random, keys: number, count: number, writeShare: number): Access[] {
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let key = 0; key < keys; key++) {
    sum += 1 / (key + 1);
    sums[key] = sum;
  }
  return Array.from({ length: count }, () => {
    const at = random.fraction() * sum;
    let low = 0;
    let high = keys - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! <= at) low = middle + 1;
      else high = middle;
    }
    return { key: low, isWrite: random.fraction() < writeShare };
  });
}

/** Share of reads that a least-recently-used cache answers which forgets what was written at once. */
export function idealLruHitRate(accesses: readonly Access[], entries: number): number {
  const kept = new Set<number>();
  let hits = 0;
  let reads = 0;
  for (const { key, isWrite } of accesses) {
    if (isWrite) {
      kept.delete(key);
      continue;
    }
    reads++;
    if (kept.delete(key)) hits++;
    else if (kept.size >= entries) kept.delete(kept.keys().next().value!);
    kept.add(key);
  }
  return hits / reads;
}

/**
 * The best that any cache could do that knew the future: Belady's algorithm ("A study of replacement algorithms for a
 * virtual-storage computer", IBM Systems Journal 1966), where an answer that is written before it is read again is worth
 * nothing, and an answer need not be kept at all.
 */
export function offlineOptimumHitRate(accesses: readonly Access[], entries: number): number {
  const next = new Float64Array(accesses.length).fill(Number.POSITIVE_INFINITY);
  const upcoming = new Map<number, number>();
  for (let i = accesses.length - 1; i >= 0; i--) {
    const { key, isWrite } = accesses[i]!;
    next[i] = upcoming.get(key) ?? Number.POSITIVE_INFINITY;
    upcoming.set(key, isWrite ? Number.POSITIVE_INFINITY : i);
  }
  const kept = new Map<number, number>();
  const farthest = new LazyHeap();
  let hits = 0;
  let reads = 0;
  accesses.forEach(({ key, isWrite }, i) => {
    if (isWrite) {
      kept.delete(key);
      return;
    }
    reads++;
    if (kept.delete(key)) hits++;
    if (next[i] === Number.POSITIVE_INFINITY) return;
    kept.set(key, next[i]!);
    farthest.push(key, next[i]!);
    while (kept.size > entries) {
      const candidate = farthest.pop();
      if (kept.get(candidate.key) === candidate.at) kept.delete(candidate.key);
    }
  });
  return hits / reads;
}

/** The largest first; what has become stale is skipped by whoever pops. */
class LazyHeap {
  readonly #items: { key: number; at: number }[] = [];

  push(key: number, at: number): void {
    const items = this.#items;
    items.push({ key, at });
    for (let i = items.length - 1; i > 0; ) {
      const parent = (i - 1) >>> 1;
      if (items[parent]!.at >= items[i]!.at) break;
      [items[parent], items[i]] = [items[i]!, items[parent]!];
      i = parent;
    }
  }

  pop(): { key: number; at: number } {
    const items = this.#items;
    const top = items[0]!;
    const last = items.pop()!;
    if (items.length === 0) return top;
    items[0] = last;
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      const largest = left + 1 < items.length && items[left + 1]!.at > items[left]!.at ? left + 1 : left;
      if (left >= items.length || items[largest]!.at <= items[i]!.at) return top;
      [items[i], items[largest]] = [items[largest]!, items[i]!];
      i = largest;
    }
  }
}
