/** What the follower's thread is told, and what it tells. */
import type { ErrorCode, ErrorFacts } from "../errors.ts";
import type { FollowerOptions } from "./follower.ts";

export interface FollowerWorkerData extends FollowerOptions {
  journalDirectory: string;
  stateDirectory: string;
  indexDirectory: string;
  /** The file of what analytics count; undefined: nothing is counted. */
  analyticsPath?: string | undefined;
}

export type FollowerRequest =
  /** `times`: how long the transactions of entries took, as `appendLaps` writes it (encoding/laps.ts). */
  | { durableSeq: number; times: Float64Array }
  /** To be answered as of `durableSeq`, by analytics. */
  | { durableSeq: number; id: number; question: unknown }
  /** The log is to begin at this entry: noted durably, then reported as `lowestSeq`. */
  | { beginSeq: number }
  | { stop: true };

export interface FollowerProgress {
  appliedSeq: number;
  /** With what the log begins, as the store has noted; -1 before the first block. */
  lowestSeq: number;
  /** The last entry that is counted in the file of analytics; undefined: none are kept. */
  countedSeq: number | undefined;
  backlogEntries: number;
  backlogBytes: number;
  /** How long the last write took; 0 at the start. */
  flushMs: number;
  /** Why it waits instead of following: the disk is full. It goes on by itself when there is space. */
  problem?: string | undefined;
}

export interface FollowerFailure {
  error: { code: ErrorCode; message: string; facts: ErrorFacts };
}

export interface FollowerAnswer {
  id: number;
  answer: unknown;
}

export type FollowerReport = FollowerProgress | FollowerFailure | FollowerAnswer;
