/** What the tools that copy whole stores take and answer. The tools themselves come through the seam. */
import type { PostgresConfig } from "../config/config.ts";

/** Where a store lies. */
export type StoreAddress =
  | {
      readonly kind: "directory";
      readonly path: string;
      /** To read it with if it is encrypted; a new one is encrypted under it. */
      readonly keyFile?: string | undefined;
    }
  | { readonly kind: "postgres"; readonly postgres: PostgresConfig }
  | { readonly kind: "daemon"; readonly ipc: string };

export interface CopyRun {
  /** Aborted when the user wants it no more: the work itself stops. */
  readonly signal: AbortSignal;
  onProgress(step: { phase: string; done: number; total: number }): void;
}

/** What was copied is all that there was up to this entry. */
export interface StoreCopyReport {
  readonly seq: number;
  readonly height: number;
  readonly stateRoot: string;
  /** Where what stood there before was moved. */
  readonly replaced?: string | undefined;
}

export interface BackupReport extends StoreCopyReport {
  readonly file: string;
  readonly bytes: number;
  readonly digest: string;
  readonly rows: number;
  readonly entries: number;
  readonly blobs: number;
  /** Id of the key that it is encrypted under; null: it is not encrypted, as what was backed up is not. */
  readonly keyId: string | null;
}

export interface ExportReport {
  readonly seq: number;
  readonly height: number;
  readonly blockHash: string;
  readonly stateRoot: string;
  readonly rows: number;
  readonly sections: Readonly<Record<string, { readonly rows: number; readonly sha256: string }>>;
}

export interface ImportReport extends StoreCopyReport {
  readonly rows: number;
  /** Rows that an earlier run, which was cut, had brought in. */
  readonly resumedRows: number;
  readonly handles: number;
  readonly validated: boolean;
}

export type StateFormat = "ndjson" | "json" | "csv" | "sql";

/** Every method is all or nothing, and rejects with EngineError. `replace`: what stands there may go. */
export interface StateTools {
  backup(from: StoreAddress, to: { file: string; replace: boolean }, run: CopyRun): Promise<BackupReport>;
  restore(
    file: string,
    to: StoreAddress,
    options: { replace: boolean; keyFile?: string | undefined },
    run: CopyRun,
  ): Promise<StoreCopyReport & { createdAt: string }>;
  copy(from: StoreAddress, to: StoreAddress, options: { replace: boolean }, run: CopyRun): Promise<StoreCopyReport>;
  /** Into a file, or piece by piece to `print`. */
  export(
    from: StoreAddress,
    to: { format: StateFormat; schema: string; file: string | undefined; replace: boolean },
    print: (text: string) => Promise<void>,
    run: CopyRun,
  ): Promise<ExportReport>;
  /** Into a data directory, or into the tables of a PostgreSQL schema. */
  import(
    file: string,
    to: StoreAddress,
    options: { replace: boolean; validate: boolean },
    run: CopyRun,
  ): Promise<ImportReport>;
}
