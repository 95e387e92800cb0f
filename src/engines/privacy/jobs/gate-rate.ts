/** GateRate: gates a second of late, all tasks together; what is long ago counts for little. */
const HALF_LIFE_MS = 10_000;

export class GateRate {
  #perSecond = 0;
  #atMs = 0;

  get perSecond(): number {
    return this.#perSecond;
  }

  /** `gates` were done since `startedAtMs`. */
  add(gates: number, startedAtMs: number, nowMs: number): void {
    const rate = (1000 * gates) / Math.max(1, nowMs - startedAtMs);
    const weight = 0.5 ** ((nowMs - this.#atMs) / HALF_LIFE_MS);
    this.#perSecond = weight * this.#perSecond + (1 - weight) * rate;
    this.#atMs = nowMs;
  }
}
