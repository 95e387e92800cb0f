/** How far long work is: one line that is rewritten on a terminal, now and then a line of its own elsewhere. */
import { grouped } from "../client/amounts.ts";

export interface ProgressStep {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
}

/** Faster than this nobody reads. */
const TERMINAL_INTERVAL_MS = 100;
/** Often enough to see in a log that it is alive. */
const LINE_INTERVAL_MS = 10_000;
const CLEAR_LINE = "\r\u001b[K";

export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #unit: string;
  readonly #startedAtMs = performance.now();
  #shownAtMs = Number.NEGATIVE_INFINITY;

  /** @param unit what is counted: "blocks". */
  constructor(stream: NodeJS.WriteStream, unit: string) {
    this.#stream = stream;
    this.#unit = unit;
  }

  update(step: ProgressStep): void {
    const nowMs = performance.now();
    const intervalMs = this.#stream.isTTY ? TERMINAL_INTERVAL_MS : LINE_INTERVAL_MS;
    // Off a terminal the first line waits too: work that ends before it needs none.
    const sinceMs = nowMs - (this.#stream.isTTY ? this.#shownAtMs : Math.max(this.#shownAtMs, this.#startedAtMs));
    if (sinceMs < intervalMs) return;
    this.#shownAtMs = nowMs;
    const line = progressLine(step, this.#unit, nowMs - this.#startedAtMs);
    this.#stream.write(this.#stream.isTTY ? `${CLEAR_LINE}${line}` : `${line}\n`);
  }

  /** Takes the line away, so that what comes next starts on a clean one. */
  finish(): void {
    if (this.#stream.isTTY && this.#shownAtMs > 0) this.#stream.write(CLEAR_LINE);
  }
}

/** `executing  42 %  420 of 1,000 blocks  1,200/s  0:04 left`. */
export function progressLine({ phase, done, total }: ProgressStep, unit: string, elapsedMs: number): string {
  const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
  const ratePerSecond = elapsedMs > 0 ? (1000 * done) / elapsedMs : 0;
  const left = ratePerSecond > 0 && done < total ? `  ${durationText((total - done) / ratePerSecond)} left` : "";
  return `${phase}  ${percent} %  ${grouped(done)} of ${grouped(total)} ${unit}  ${grouped(Math.round(ratePerSecond))}/s${left}`;
}

function durationText(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const padded = (n: number): string => String(n).padStart(2, "0");
  return hours > 0 ? `${hours}:${padded(minutes)}:${padded(rest)}` : `${minutes}:${padded(rest)}`;
}
