/**
 * What the load driver needs of a protocol: requests written into a buffer, answers found in another and checked in place.
 * Always
 *  - An answer that is not the success of everything asked for throws: a measurement with one failure is no measurement.
 *  - One in CHECK_EVERY answers is parsed as a client would parse it; the others are scanned.
 */

/** Every 32nd answer is parsed: often enough to catch what a scan misses, too rare to cost 1 %. */
export const CHECK_EVERY = 32;

export interface Wire {
  /** No request is longer; the driver's buffer is made of it. */
  readonly requestBytesMax: number;
  /** Writes the request of `slot` at `at`; answers its end, or `at` when there is nothing more to ask. */
  write(out: Buffer, at: number, slot: number): number;
  /** Where the whole answer that begins at `from` ends; -1 when it has not come whole. */
  endOf(input: Buffer, from: number, end: number): number;
  /** Checks the answer and returns its slot. @throws AnswerError. */
  read(input: Buffer, from: number, end: number): number;
  /** Operations that the request of `slot` asked for. */
  operations(slot: number): number;
}

export class AnswerError extends Error {
  constructor(what: string, answer: string) {
    super(`${what}: ${answer.slice(0, 400)}`);
    this.name = "AnswerError";
  }
}

/** Writes a whole number in decimal; answers the end. */
export function writeDecimal(out: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const tenth = Math.floor(rest / 10);
    out[i] = 48 + rest - 10 * tenth;
    rest = tenth;
  }
  return at + digits;
}

/** Short ranges: a loop costs less than the view that `set` needs. */
export function copyBytes(source: Uint8Array, from: number, count: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < count; i++) out[at + i] = source[from + i]!;
}
