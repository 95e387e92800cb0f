/** Messages between the daemon and the thread of scheduled backups. Plain data. */
import type { S3Options } from "./s3-destination.ts";

export interface BackupWorkerData {
  readonly dataDir: string;
  readonly outbox: string;
  readonly everyMs: number;
  readonly keep: number;
  readonly to: { readonly directory: string } | { readonly s3: S3Options };
}

/** What the thread tells: a line for the log, or how the schedule stands. */
export type BackupNotice =
  | { readonly level: "info" | "warn"; readonly message: string; readonly facts: Record<string, unknown> }
  | { readonly state: BackupState };

export interface BackupState {
  /** When the destination last had a backup of all that there was; undefined: never yet. */
  readonly lastSuccessMs: number | undefined;
  /** Attempts that failed since the start. */
  readonly failures: number;
  /** Why the last attempt failed; undefined: it did not. */
  readonly problem: string | undefined;
  /** Backups in the outbox. */
  readonly waiting: number;
}
