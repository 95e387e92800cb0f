/** What the front end tells whoever measures requests. Implementations return at once and throw nothing. */
import type { ErrorCode } from "../errors.ts";
import type { QueryOutcome, SubmissionOutcome } from "./services.ts";

/** Of one method; asked for once a request. */
export interface MethodTelemetry {
  /** A request was answered. @param startedAtMs on the clock of `performance.now`. */
  answered(startedAtMs: number, error: ErrorCode | undefined): void;
  /** Undefined for a request that is not traced: nearly all. @param traceparent as the caller sent it. */
  trace(startedAtMs: number, traceparent: string | undefined): RequestTrace | undefined;
}

/** A request that is traced. */
export interface RequestTrace {
  /** What it came to, before it is answered. */
  settled(outcome: SubmissionOutcome | QueryOutcome): void;
  ended(error: ErrorCode | undefined): void;
}

/** One HTTP request and its answer. */
export interface HttpExchange {
  readonly scheme: "http" | "https";
  readonly method: string;
  /** One of a fixed set; empty where there is nothing. */
  readonly route: string;
  /** Undefined: the client went away before. */
  readonly status: number | undefined;
}

export interface RequestTelemetry {
  /** @param name of a method of the table, or of a binary frame. */
  method(name: string): MethodTelemetry;
  /** An HTTP request is over. @param startedAtMs on the clock of `performance.now`. */
  exchanged(exchange: HttpExchange, startedAtMs: number): void;
}
