/** How many connections may stay open to be told of things: fewer than there may be, so that a request still gets through. */
import { EngineError } from "../../errors.ts";

/** Connections that are left to everything else. */
const CONNECTIONS_LEFT = 64;
const FULL_RETRY_MS = 10_000;

export class StreamRoom {
  readonly #max: number;
  #open = 0;

  constructor(connectionsMax: number) {
    this.#max = Math.max(1, connectionsMax - CONNECTIONS_LEFT);
  }

  /** @returns what gives the place back. @throws EngineError BUSY */
  take(): () => void {
    if (this.#open >= this.#max)
      throw new EngineError("BUSY", `${this.#open} streams are open, which is as many as there may be`, {
        max: this.#max,
        retryAfterMs: FULL_RETRY_MS,
      });
    this.#open++;
    let isTaken = true;
    return () => {
      if (isTaken) this.#open--;
      isTaken = false;
    };
  }
}
