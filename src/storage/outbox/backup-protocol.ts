/** Messages between the daemon and the thread of scheduled backups. Plain data. */
import type { S3Options } from "./s3-destination.ts";

export interface BackupWorkerData {
  readonly dataDir: string;
  readonly outbox: string;
  readonly everyMs: number;
  readonly keep: number;
  readonly to: { readonly directory: string } | { readonly s3: S3Options };
}

export interface BackupNotice {
  readonly level: "info" | "warn";
  readonly message: string;
  readonly facts: Record<string, unknown>;
}
