/** What the thread that keeps PostgreSQL's tables is told, and what it tells. */
import type { ErrorCode, ErrorFacts } from "../errors.ts";
import type { LeaseRequest } from "./postgres-lease.ts";
import type { PostgresOptions } from "./postgres-options.ts";
import type { StatementCounts } from "./statement-meter.ts";

export interface PostgresWorkerData {
  journalDirectory: string;
  /** What may be read to begin with. */
  durableSeq: number;
  migrationsDirectory: string;
  postgres: PostgresOptions;
  /** With a token the tables are written as part of what it leads; without one they are claimed. */
  lease: LeaseRequest | { token: bigint };
  /** How long changes are gathered once it has caught up. */
  windowMs?: number;
  /** How far behind the log a burst may put the tables while they wait. */
  gatherBytesMax: number;
  /** A statement that takes as long is listed. */
  slowMs: number;
}

/** `logBytes`: of all entries up to `durableSeq`; `backlogBytes`: of those that the tables lack, as last known. */
export type PostgresRequest = { durableSeq: number; logBytes: number; backlogBytes: number } | { stop: true };

/**
 * `ok`: it follows. `unreachable`: it tries again, and goes on from where the tables are. `migrations`: the schema has not
 * the version of this program. `held`: another process holds the lease, until it runs out.
 */
export type PostgresLink = "ok" | "unreachable" | "migrations" | "held";

export interface PostgresProgress {
  /** Where the tables are, as last known; undefined before they were reached. */
  appliedSeq: number | undefined;
  /** How long the last write took; 0 before the first. */
  flushMs: number;
  link: PostgresLink;
  /** Why it does not follow. */
  problem?: string;
  /** Transactions written to the tables by this thread. */
  transactions: number;
  /** What this thread asked of the server. */
  statements: StatementCounts;
}

export type PostgresReport = PostgresProgress | { error: { code: ErrorCode; message: string; facts: ErrorFacts } };
