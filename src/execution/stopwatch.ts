/**
 * Stopwatch: how long each transaction of a block took. One reading of the clock a lap; transactions that ran together,
 * by the native shortcut, get equal shares of theirs. What a rejected transaction took falls to the next one.
 */
export class Stopwatch {
  readonly #clock: () => number;
  #times = new Float32Array(1024);
  #done = 0;
  #at = 0;
  /** Spent elsewhere on what the next lap is about. */
  #elsewhere = 0;

  /** @param clock microseconds that never go back. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  start(): void {
    this.#done = 0;
    this.#at = this.#clock();
    this.#elsewhere = 0;
  }

  /** The next lap's transaction ran on another thread, which took so long for it. */
  add(microseconds: number): void {
    this.#elsewhere += microseconds;
  }

  /** @param included transactions that are in the block by now: fewer than before when some were taken back. */
  lap(included: number): void {
    const done = Math.min(this.#done, included);
    this.#done = included;
    if (included === done) return;
    const now = this.#clock();
    const each = (now - this.#at + this.#elsewhere) / (included - done);
    this.#at = now;
    this.#elsewhere = 0;
    while (included > this.#times.length) {
      const longer = new Float32Array(2 * this.#times.length);
      longer.set(this.#times);
      this.#times = longer;
    }
    this.#times.fill(each, done, included);
  }

  /** Of the first `included` transactions; the array belongs to the caller. */
  times(included: number): Float32Array {
    return this.#times.slice(0, included);
  }
}
