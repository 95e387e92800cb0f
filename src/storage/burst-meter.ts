/**
 * BurstMeter: whether the log is growing fast, and since when, from what its writer tells as it grows.
 * What follows the log at a cost of its own lets the beginning of a burst pass: then the processors are the log's.
 */

/** Growth is judged over so long: a writer that is held up for some milliseconds is still fast. */
const WINDOW_MS = 100;
/** About 6,000 transfers a second. */
const FAST_BYTES = 256 * 1024;
/** A burst is over after so many slow windows. */
const SLOW_WINDOWS_MAX = 3;
/** How long a burst is young. */
const YOUNG_MS = 5_000;

export class BurstMeter {
  #bytes = 0;
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #windowStartBytes = 0;
  #slowWindows = 0;
  #sinceMs: number | undefined;

  /** @param bytes of the whole log. */
  grew(bytes: number, nowMs: number): void {
    if (this.#windowStartMs === Number.NEGATIVE_INFINITY) {
      this.#windowStartMs = nowMs;
      this.#windowStartBytes = bytes;
    }
    this.#judge(nowMs);
    this.#bytes = bytes;
  }

  /** A burst is under way and began less than YOUNG_MS ago. */
  isYoung(nowMs: number): boolean {
    this.#judge(nowMs);
    return this.#sinceMs !== undefined && nowMs - this.#sinceMs < YOUNG_MS;
  }

  /** Closes the windows that have passed. */
  #judge(nowMs: number): void {
    const windows = Math.floor((nowMs - this.#windowStartMs) / WINDOW_MS);
    if (!(windows > 0 && windows < Number.POSITIVE_INFINITY)) return;
    const isFast = (this.#bytes - this.#windowStartBytes) / windows >= FAST_BYTES;
    if (isFast) {
      this.#sinceMs ??= this.#windowStartMs;
      this.#slowWindows = 0;
    } else {
      this.#slowWindows += windows;
      if (this.#slowWindows >= SLOW_WINDOWS_MAX) this.#sinceMs = undefined;
    }
    this.#windowStartMs += windows * WINDOW_MS;
    this.#windowStartBytes = this.#bytes;
  }
}
