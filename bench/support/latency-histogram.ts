/**
 * Latencies in buckets of equal relative width (1/64), so that recording costs a few instructions and no memory.
 * A percentile is off by at most 1 %.
 */
const SUB_BITS = 6;
const SUB_BUCKETS = 1 << SUB_BITS;
/** Up to 2^31 us, half an hour. */
const BUCKETS = (32 - SUB_BITS) * SUB_BUCKETS;

export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #maxUs = 0;

  get count(): number {
    return this.#total;
  }

  record(latencyMs: number): void {
    const us = Math.max(0, Math.round(latencyMs * 1000)) | 0;
    this.#counts[bucketOf(us)]!++;
    this.#total++;
    if (us > this.#maxUs) this.#maxUs = us;
  }

  /** In ms; NaN when nothing was recorded. */
  percentile(share: number): number {
    const rank = share * this.#total;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank && seen > 0) return Math.min(middleOf(bucket), this.#maxUs) / 1000;
    }
    return Number.NaN;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#maxUs = 0;
  }
}

function bucketOf(us: number): number {
  if (us < SUB_BUCKETS) return us;
  const shift = 31 - Math.clz32(us) - SUB_BITS;
  return (shift + 1) * SUB_BUCKETS + (us >>> shift) - SUB_BUCKETS;
}

function middleOf(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  return (SUB_BUCKETS + (bucket % SUB_BUCKETS) + 0.5) * 2 ** shift;
}
