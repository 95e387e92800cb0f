/**
 * Stopwatch: how long each transaction of a block took. One reading of the clock a lap; transactions that ran together,
 * by the native shortcut, get equal shares of theirs. What a rejected transaction took falls to the next one.
 */
import type { Laps } from "../encoding/laps.ts";

export class Stopwatch {
  readonly #clock: () => number;
  #laps: number[] = [];
  /** Transactions that the laps are of. */
  #done = 0;
  #at = 0;
  /** Spent elsewhere on what the next lap is about. */
  #elsewhere = 0;

  /** @param clock microseconds that never go back. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  start(): void {
    this.#laps = [];
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
    if (included < this.#done) this.#takeBack(included);
    if (included === this.#done) return;
    const now = this.#clock();
    this.#laps.push(included, (now - this.#at + this.#elsewhere) / (included - this.#done));
    this.#done = included;
    this.#at = now;
    this.#elsewhere = 0;
  }

  #takeBack(included: number): void {
    const laps = this.#laps;
    while ((laps.at(-4) ?? 0) >= included && laps.length > 0) laps.length -= 2;
    if (laps.length > 0) laps[laps.length - 2] = included;
    this.#done = included;
  }

  /** Of the transactions that are in the block; they belong to the caller. */
  laps(): Laps {
    return this.#laps;
  }
}
