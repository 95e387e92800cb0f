/**
 * DevClock: the clock that new blocks get their time from, where it may be put forward: in development. What a block got stands in
 * the log; nothing else depends on this clock.
 */
import { EngineError } from "../errors.ts";

/** The last millisecond that a Date can tell. */
const TIMESTAMP_MAX_MS = 8_640_000_000_000_000;

export interface ClockReading {
  timestampMs: number;
  offsetMs: number;
}

export class DevClock {
  readonly #machine: () => number;
  #offsetMs = 0;
  /** Of the next block. */
  #nextMs: number | undefined;

  constructor(machine: () => number) {
    this.#machine = machine;
  }

  readonly now = (): number => this.#nextMs ?? this.#machine() + this.#offsetMs;

  reading(): ClockReading {
    const timestampMs = this.now();
    return { timestampMs, offsetMs: timestampMs - this.#machine() };
  }

  forward(ms: number): ClockReading {
    if (this.now() + ms > TIMESTAMP_MAX_MS) throw tooLate("ms", ms);
    if (this.#nextMs !== undefined) this.#nextMs += ms;
    else this.#offsetMs += ms;
    return this.reading();
  }

  /** It stands still there until a block was made. */
  setNext(timestampMs: number): ClockReading {
    if (timestampMs > TIMESTAMP_MAX_MS) throw tooLate("timestampMs", timestampMs);
    this.#nextMs = timestampMs;
    return this.reading();
  }

  /** A block of that time stands. */
  made(timestampMs: number): void {
    if (this.#nextMs === undefined || timestampMs < this.#nextMs) return;
    this.#offsetMs = this.#nextMs - this.#machine();
    this.#nextMs = undefined;
  }

  /** Runs ahead of the machine's clock by so much, and nothing is set for the next block. */
  setOffset(offsetMs: number): void {
    this.#offsetMs = offsetMs;
    this.#nextMs = undefined;
  }

  /** A chain goes on: time does not stand still where it was put forward before a restart. */
  resume(newestMs: number): void {
    this.setOffset(Math.max(0, newestMs - this.#machine()));
  }
}

function tooLate(path: string, received: number): EngineError {
  const expected = `a time up to ${TIMESTAMP_MAX_MS}`;
  return new EngineError("VALIDATION_ERROR", `${path}: expected ${expected}, received ${received}`, {
    path,
    expected,
    received,
  });
}
