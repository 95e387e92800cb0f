/**
 * The one place where the command line meets the daemon and the tools that work on a data directory.
 * Both are loaded when a command needs them, never before: `polytorus --help` reads none of it.
 */
import type { Config, PostgresConfig } from "../config/config.ts";

/** A daemon that is listening. */
export interface RunningDaemon {
  describe(): DaemonDescription;
  /** Stops accepting, finishes what is in flight within shutdown_ms, syncs, removes the sockets. */
  close(): Promise<void>;
  /** Resolves when the daemon is closed; rejects when it had to stop by itself, with why. */
  readonly stopped: Promise<void>;
}

/** What it listens on, as clients name it. */
export interface DaemonDescription {
  /** Path of the JSON-RPC socket. */
  readonly ipc: string;
  /** Path of the socket for binary frames, where there is one. */
  readonly binaryIpc?: string | undefined;
  /** `http://127.0.0.1:8645`; undefined when HTTP is off. */
  readonly http?: string | undefined;
  readonly chainId: number;
  readonly height: number;
}

export interface VerifyOptions {
  /** Heights, both included; left out: the lowest and the highest that the journal holds. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Aborted when the user no longer wants the answer: the work itself stops. */
  readonly signal: AbortSignal;
  onProgress(step: { phase: string; done: number; total: number }): void;
}

export interface VerifyReport {
  readonly from: number;
  readonly to: number;
  readonly blocks: number;
  readonly transactions: number;
  /** After the last block that was checked. */
  readonly stateRoot: string;
  /** Blocks of a protocol version whose rules this version no longer has: their deltas were checked, not re-executed. */
  readonly deltaOnlyBlocks: number;
  /** The first block that does not come out as the journal says; nothing after it was checked. */
  readonly mismatch?:
    | { readonly height: number; readonly what: string; readonly expected: string; readonly actual: string }
    | undefined;
}

/** What a migration would do, or did. */
export interface DatabaseStep {
  readonly version: number;
  readonly name: string;
  readonly direction: "up" | "down";
  readonly sql: string;
}

export interface DatabaseStatus {
  readonly schema: string;
  /** Number of the last migration that is applied; 0 when none is. */
  readonly version: number;
  readonly isCurrent: boolean;
  /** What makes every further step unsafe, one sentence each. */
  readonly problems: readonly string[];
  readonly migrations: readonly {
    readonly version: number;
    readonly name: string;
    readonly state: string;
    readonly appliedAt?: string;
    readonly checksum?: string;
    readonly appliedChecksum?: string;
  }[];
}

/** Every method opens a connection of its own and rejects with EngineError. */
export interface DatabaseTools {
  status(): Promise<DatabaseStatus>;
  migrate(options: { dryRun: boolean; onStep(step: DatabaseStep): void }): Promise<DatabaseStep[]>;
  /** Takes back what is above `version`; tables that hold rows only with `force`. */
  rollback(version: number, options: { force: boolean }): Promise<DatabaseStep[]>;
  reset(options: { force: boolean }): Promise<void>;
}

/** Starts the daemon and resolves when it answers on every address. Rejects with EngineError. */
export async function startDaemon(config: Config): Promise<RunningDaemon> {
  const daemon = await import("../daemon.ts");
  return daemon.startDaemon(config);
}

/** Executes the journal's blocks again and compares roots and receipts. A daemon may be running on the directory. */
export async function verifyChain(dataDir: string, options: VerifyOptions): Promise<VerifyReport> {
  const tools = await import("../daemon-tools.ts");
  return tools.verifyChain(dataDir, options);
}

export async function openDatabaseTools(postgres: PostgresConfig): Promise<DatabaseTools> {
  const tools = await import("../database-tools.ts");
  return tools.databaseTools(postgres);
}

/** Writes an empty migration with the next number into the project. Answers its path. */
export async function createMigrationFile(name: string): Promise<string> {
  const tools = await import("../database-tools.ts");
  return tools.createMigrationFile(name);
}
