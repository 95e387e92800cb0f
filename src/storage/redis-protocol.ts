/** What the thread that keeps the Redis cache is told, and what it tells. */
import type { ErrorCode, ErrorFacts } from "../errors.ts";
import type { RedisOptions } from "./redis-options.ts";
import type { StatementCounts } from "./statement-meter.ts";

export interface RedisWorkerData {
  journalDirectory: string;
  stateDirectory: string;
  /** What may be read to begin with, and the bytes of log up to there. */
  durableSeq: number;
  logBytes: number;
  redis: RedisOptions;
  /** Which log: the same for all daemons that share one. */
  instance: string;
  /** This process, and nobody else. */
  holder: string;
  slowMs: number;
}

export type RedisRequest = { durableSeq: number; logBytes: number } | { clear: number } | { stop: true };

/**
 * `ok`: it follows. `filling`: it writes the state store's content, and follows then. `standby`: another daemon of this log
 * writes. `held`: a daemon with another log writes under this prefix. `unreachable`, `refused` (credentials, setup), `full`: it
 * tries again.
 */
export type RedisLink = "ok" | "filling" | "standby" | "held" | "unreachable" | "refused" | "full";

/** Since the thread started. */
export interface CacheCounts {
  /** Filling included. */
  valuesWritten: number;
  valuesRemoved: number;
  /** How often it was filled from the state store. */
  fills: number;
  /** Values compared with the state store, and times that one was not what this daemon had written. */
  checked: number;
  mismatches: number;
}

export interface RedisProgress {
  link: RedisLink;
  /** Why it does not follow. */
  problem?: string;
  /** Where the cache is, as last known; undefined before it was reached, and while it is filled. */
  appliedSeq: number | undefined;
  /** How long the last write took; 0 before the first. */
  flushMs: number;
  counts: CacheCounts;
  /** What this thread asked of the server. */
  statements: StatementCounts;
}

export type RedisReport =
  | RedisProgress
  | { cleared: number }
  | { error: { code: ErrorCode; message: string; facts: ErrorFacts } };
