/** admin_*: parameters and results as JSON-RPC carries them. */
import type { TransactionJson } from "../encoding/transaction.ts";

export interface MigrationStepJson {
  version: number;
  name: string;
  direction: "up" | "down";
  sql: string;
}

export interface MigrationStatusJson {
  schema: string;
  version: number;
  isCurrent: boolean;
  problems: string[];
  migrations: {
    version: number;
    name: string;
    state: string;
    appliedAt?: string | undefined;
    checksum?: string | undefined;
    appliedChecksum?: string | undefined;
  }[];
}

/** A transaction of sample data: `@LABEL` in `to` and `args` is the address of the contract that the labelled one deployed. */
export type SeedTransactionJson = TransactionJson & { label?: string | undefined };

export interface SeedResultJson {
  transactions: number;
  /** Of them, those that were not on the chain before. */
  applied: number;
  blockHeight: number;
  /** Address by label. */
  contracts: Record<string, string>;
}

export interface PruneResultJson {
  dryRun: boolean;
  /** Of the journal: what went, or would. */
  segments: number;
  bytes: number;
  lowestHeightBefore: number;
  /** Of the oldest block that can then be asked for. */
  lowestHeight: number;
  /** Who needs what comes next. */
  keptFor: string;
}

type NoParams = Record<string, never>;

export interface AdminMethods {
  admin_migrationStatus: { params: NoParams; result: MigrationStatusJson };
  admin_migrate: {
    params: { dryRun?: boolean | undefined };
    result: { dryRun: boolean; steps: MigrationStepJson[] };
  };
  admin_seed: {
    params: { transactions?: readonly SeedTransactionJson[] | undefined; force?: boolean | undefined };
    result: SeedResultJson;
  };
  admin_prune: { params: { keep?: string | undefined; dryRun?: boolean | undefined }; result: PruneResultJson };
  admin_reload: { params: NoParams; result: { tokens: number; certificate: boolean } };
}
