/** What administrative methods work on; the daemon injects both. */
import type { AdminMethods, SeedTransactionJson } from "../client/admin-methods.ts";

export interface AdminService {
  /** @throws EngineError when the storage has no migrations. */
  migrationStatus(): Promise<AdminMethods["admin_migrationStatus"]["result"]>;
  migrate(options: { dryRun: boolean }): Promise<AdminMethods["admin_migrate"]["result"]>;
  /** @param keep as retention.history; left out: that. @throws EngineError VALIDATION_ERROR, ROOT_MISMATCH, StorageError. */
  prune(options: {
    keep: string | undefined;
    dryRun: boolean;
  }): Promise<Omit<AdminMethods["admin_prune"]["result"], "dryRun">>;
  /** The built-in sample data. */
  sample(): readonly SeedTransactionJson[];
  /** Whether sample data is welcome on a chain with blocks. */
  readonly isDev: boolean;
  /** Reads the files of tokens and of the certificate again. */
  reload(): AdminMethods["admin_reload"]["result"];
}

/** Keeps what administrators did. */
export interface AuditTrail {
  /** Runs `body` between a record of what is begun and one of how it ended. Nothing runs when the first can't be kept. */
  around<T>(
    action: { actor: string; action: string; facts: Record<string, unknown> },
    body: () => Promise<T>,
    outcome?: (result: T) => object,
  ): Promise<T>;
  /** Somebody known asked for what their role does not allow. */
  refused(action: { actor: string; action: string; facts: Record<string, unknown> }): Promise<void>;
}
