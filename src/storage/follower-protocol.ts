/** What the follower's thread is told, and what it tells. */
import type { ErrorCode, ErrorFacts } from "../errors.ts";
import type { FollowerOptions } from "./follower.ts";

export interface FollowerWorkerData extends FollowerOptions {
  journalDirectory: string;
  stateDirectory: string;
  indexDirectory: string;
}

export type FollowerRequest = { durableSeq: number } | { stop: true };

export interface FollowerProgress {
  appliedSeq: number;
  backlogEntries: number;
  backlogBytes: number;
  /** How long the last write took; 0 at the start. */
  flushMs: number;
}

export interface FollowerFailure {
  error: { code: ErrorCode; message: string; facts: ErrorFacts };
}

export type FollowerReport = FollowerProgress | FollowerFailure;
