/**
 * The one place where the command line meets the daemon and the tools that work on a data directory.
 * Both are loaded when a command needs them, never before: `polytorus --help` reads none of it.
 */
import { join } from "node:path";
import type { Config, PostgresConfig, PostgresServer, RedisConfig } from "../config/config.ts";
import type { ShownSetting } from "../config/shown-settings.ts";
import { SAVED_TREE_NAME } from "../encoding/state-tree.ts";
import { isAddon, loadAddon } from "../native/addon.ts";
import { NativeStateTree } from "../native/state-tree.ts";
import { ExecutorThreads } from "../sequencer/executor-threads.ts";
import type { StateTools } from "./store-copies.ts";

/** A daemon that is listening. */
export interface RunningDaemon {
  describe(): DaemonDescription;
  /** Stops accepting, finishes what is in flight within shutdown_ms, syncs, removes the sockets. */
  close(): Promise<void>;
  /** Reads tokens and certificate again. What is wrong with them is logged, and the old ones stay. */
  reload(): void;
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
  /** With --dev: the sample contracts, by name. */
  readonly samples?: Readonly<Record<string, string>> | undefined;
}

export interface VerifyOptions {
  /** Heights, both included; left out: the lowest and the highest that the journal holds. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Aborted when the user no longer wants the answer: the work itself stops. */
  readonly signal: AbortSignal;
  /** Of an encrypted directory. */
  readonly keyFile?: string | undefined;
  onProgress(step: { phase: string; done: number; total: number }): void;
}

export interface VerifyReport {
  readonly from: number;
  readonly to: number;
  readonly blocks: number;
  readonly transactions: number;
  /** Where older blocks were pruned: the first that is kept. Its state root was checked, it was not executed. */
  readonly prunedBelow?: number;
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

/** What a server says of itself. */
export interface PostgresFacts {
  /** Of one round trip. */
  readonly latencyMs: number;
  readonly version: string;
  /** 150018 for 15.18. */
  readonly versionNumber: number;
  readonly isReadOnly: boolean;
  readonly isEncrypted: boolean;
  readonly synchronousCommit: string;
  readonly clockAheadMs: number;
  readonly connections: number;
  readonly connectionsMax: number;
}

export interface ReadReplicaFacts {
  readonly latencyMs: number;
  readonly version: string;
  /** The newest entry that its tables or its log have; -1: none. */
  readonly seq: number;
  readonly entriesBehind: number;
}

export interface RedisFacts {
  readonly latencyMs: number;
  readonly version: string;
  /** `standalone`, `cluster` or `sentinel`. */
  readonly mode: string;
  readonly isReplica: boolean;
  readonly memoryBytes: number;
  /** 0: no bound. */
  readonly memoryMaxBytes: number;
  readonly memoryPolicy: string;
}

/** Every method opens a connection of its own and rejects with EngineError. */
export interface DatabaseTools {
  status(): Promise<DatabaseStatus>;
  migrate(options: { dryRun: boolean; onStep(step: DatabaseStep): void }): Promise<DatabaseStep[]>;
  /** Takes back what is above `version`; tables that hold rows only with `force`. */
  rollback(version: number, options: { force: boolean }): Promise<DatabaseStep[]>;
  reset(options: { force: boolean }): Promise<void>;
}

/** One record of the audit log. */
export interface AuditEntry {
  readonly seq: number;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly phase: string;
  /** Seq of the record that says begun. */
  readonly of?: number;
  readonly facts: Record<string, unknown>;
  readonly hash: string;
}

export interface AuditSummary {
  readonly records: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Of the newest record: to be noted elsewhere. */
  readonly hash: string;
  readonly files: number;
}

/** What of blocks, receipts and logs is kept: so many blocks, or those so much younger than the newest. */
export type HistoryKept = { readonly blocks: number } | { readonly ms: number };

export interface PruneRun {
  readonly kept: HistoryKept;
  /** Says what would go, and lets nothing go. */
  readonly dryRun: boolean;
  /** The journal is somebody else's: of the daemon that runs on it. */
  readonly tablesOnly: boolean;
}

export interface MaintenanceRun {
  /** Undefined: nothing goes. */
  readonly prune: PruneRun | undefined;
  readonly vacuum: boolean;
  readonly analyze: boolean;
  readonly check: boolean;
  /** Of PostgreSQL, while this runs. */
  readonly statementTimeoutMs: number;
  readonly signal: AbortSignal;
  onProgress(step: { phase: string; done: number; total: number }): void;
}

export interface StoreReport {
  readonly store: string;
  readonly facts: Record<string, unknown>;
  /** What is wrong with it, one sentence each. */
  readonly problems: string[];
}

export interface MaintenanceReport {
  readonly stores: readonly StoreReport[];
  readonly isSound: boolean;
}

export interface EncryptionFound {
  readonly isEncrypted: boolean;
  /** Of the key file; undefined when there is none. */
  readonly keyId: string | undefined;
}

/** A data directory that no daemon uses while this is open. */
export interface ClosedDataDir {
  /** What `clear` would delete. */
  readonly parts: readonly { readonly name: string; readonly files: number; readonly bytes: number }[];
  clear(): void;
  close(): void;
}

/**
 * Starts the daemon and resolves when it answers on every address. Rejects with EngineError.
 * @param settings what `engine_config` answers.
 */
export async function startDaemon(config: Config, settings: readonly ShownSetting[]): Promise<RunningDaemon> {
  // Other threads load the executor's code and the state tree meanwhile.
  const threads = new ExecutorThreads(new URL("./executor-worker.js", import.meta.url));
  threads.prepare();
  const addon = loadAddon();
  if (isAddon(addon) && config.storage.kind !== "memory")
    NativeStateTree.readAhead(addon, join(config.dataDir, SAVED_TREE_NAME));
  const daemon = await import("../daemon.ts");
  return daemon.startDaemon(config, settings, threads);
}

/** Executes the journal's blocks again and compares roots and receipts. A daemon may be running on the directory. */
export async function verifyChain(dataDir: string, options: VerifyOptions): Promise<VerifyReport> {
  const tools = await import("../tools/verify-chain.ts");
  return tools.verifyChain(dataDir, options);
}

export async function openDatabaseTools(postgres: PostgresConfig): Promise<DatabaseTools> {
  const tools = await import("../tools/database.ts");
  return tools.databaseTools(postgres);
}

/** @throws StorageError when it can't be asked. */
export async function postgresFacts(postgres: PostgresConfig): Promise<PostgresFacts> {
  const tools = await import("../tools/database.ts");
  return await tools.postgresFacts(postgres);
}

/** How far a read replica is behind the primary. @throws StorageError when one of them can't be asked. */
export async function readReplicaFacts(postgres: PostgresConfig, replica: PostgresServer): Promise<ReadReplicaFacts> {
  const tools = await import("../tools/database.ts");
  return await tools.readReplicaFacts(postgres, replica);
}

/** @throws StorageError when it can't be asked. */
export async function redisFacts(redis: RedisConfig): Promise<RedisFacts> {
  const tools = await import("../tools/database.ts");
  return await tools.redisFacts(redis);
}

/** Writes an empty migration with the next number into the project. Answers its path. */
export async function createMigrationFile(name: string): Promise<string> {
  const tools = await import("../tools/database.ts");
  return tools.createMigrationFile(name);
}

/** Runs `body` between two records of the data directory's audit log. */
export async function audited<T>(
  config: Config,
  action: { action: string; facts: Record<string, unknown> },
  body: () => Promise<T>,
  outcome?: (result: T) => object,
): Promise<T> {
  const tools = await import("../tools/audit.ts");
  return await tools.audited(config, action, body, outcome);
}

/** Checks the whole chain. @throws EngineError AUDIT_DAMAGED naming the place. */
export async function verifyAuditLog(dataDir: string): Promise<AuditSummary> {
  const tools = await import("../tools/audit.ts");
  return tools.verifyAuditLog(dataDir);
}

export async function auditLog(dataDir: string): Promise<Iterable<AuditEntry>> {
  const tools = await import("../tools/audit.ts");
  return tools.auditLog(dataDir);
}

/** How a daemon would find the encryption of a data directory. @throws EngineError ENCRYPTION_KEY_REFUSED where it would not start. */
export async function inspectEncryption(dataDir: string, keyFile: string | undefined): Promise<EncryptionFound> {
  const tools = await import("../tools/encryption.ts");
  return tools.inspectEncryption(dataDir, keyFile);
}

/** Answers the ids of both keys. A daemon may be running: it has read the key file. @throws EngineError ENCRYPTION_KEY_REFUSED. */
export async function rotateKey(
  dataDir: string,
  files: { from: string; to: string },
): Promise<{ from: string; to: string }> {
  const tools = await import("../tools/encryption.ts");
  return tools.rotateKey(dataDir, files);
}

/** @throws EngineError DATA_DIR_LOCKED naming the daemon that runs on it, CONFIGURATION_ERROR when it is no data directory. */
export async function closedDataDir(dataDir: string): Promise<ClosedDataDir> {
  const tools = await import("../tools/data-dir.ts");
  return tools.closedDataDir(dataDir);
}

/** @throws EngineError DATA_DIR_LOCKED when the embedded store is to be compacted under a daemon, STORAGE_ERROR. */
export async function maintain(config: Config, run: MaintenanceRun): Promise<MaintenanceReport> {
  const tools = await import("../tools/maintenance.ts");
  return await tools.maintain(config, run);
}

export async function openStateTools(): Promise<StateTools> {
  const tools = await import("../tools/state.ts");
  return tools.stateTools;
}
