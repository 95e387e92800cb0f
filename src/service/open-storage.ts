/** Opens what an engine keeps its log in: memory, a journal in a data directory, or PostgreSQL's log with its copy there. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { StorageError } from "../errors.ts";
import type { ChainParameters } from "../execution/parameters.ts";
import type { BlockLog } from "../execution/ports.ts";
import { ChainIndex } from "../storage/chain-index.ts";
import { type DataPaths, openDataPaths } from "../storage/data-paths.ts";
import { instanceId } from "../storage/instance-id.ts";
import type { Journal } from "../storage/journal.ts";
import { MemoryLog } from "../storage/memory-log.ts";
import type { LeaseRequest } from "../storage/postgres-lease.ts";
import { PostgresLog } from "../storage/postgres-log.ts";
import { StatementMeter } from "../storage/statement-meter.ts";
import { openJournal } from "./open-journal.ts";
import type { PostgresStorage } from "./postgres-handle.ts";
import { prepareSharedLog } from "./shared-log.ts";

export interface OpenedStorage {
  log: BlockLog;
  /** The log on this disk, or the copy of it; undefined: there is none. */
  journal: Journal | undefined;
  /** As far as the state store has applied the log. */
  chain: ChainIndex;
  /** As the state store has them; undefined while it has nothing. */
  parameters: ChainParameters | undefined;
  paths: DataPaths | undefined;
  shared: SharedLog | undefined;
}

export interface SharedLog {
  log: PostgresLog;
  lease: LeaseRequest;
  /** Of the connections to the log and for leadership. */
  meter: StatementMeter;
  /** Of its first block, where the copy here no longer has that. */
  genesisHash: Uint8Array | undefined;
  /** When this daemon leads from the start. */
  token: bigint | undefined;
  /** Called when an append shows that another daemon leads. */
  onFenced: () => void;
  /** Called when the local copy's `localSeq` has moved. */
  onCopied: () => void;
  /** Called when the local copy can't be made durable. */
  onCopyFailed: (problem: StorageError) => void;
}

export interface StorageOptions {
  dataDir: string | undefined;
  segmentBytes: number;
  postgres?: PostgresStorage | undefined;
  report(level: "info" | "warn" | "error", message: string, facts: Record<string, unknown>): void;
}

/** A leader that is gone is missed for this long; one that is slow has as long to keep its lease. */
const LEASE_MS = 3_000;
/** All daemons on one schema share its one log. */
const SHARED_INSTANCE = "shared";

/** @throws EngineError, StorageError. */
export async function openStorage(options: StorageOptions): Promise<OpenedStorage> {
  const { dataDir, postgres } = options;
  if (dataDir === undefined)
    return {
      log: new MemoryLog(),
      journal: undefined,
      chain: new ChainIndex(),
      parameters: undefined,
      paths: undefined,
      shared: undefined,
    };
  const paths = openDataPaths(dataDir);
  const { segmentBytes, report } = options;
  if (postgres?.durability !== "strict") {
    const { log, ...state } = openJournal({ ...paths, segmentBytes }, report);
    return { log, journal: log, ...state, paths, shared: undefined };
  }
  const copy = {
    onSynced: () => shared?.onCopied(),
    onFailed: (problem: StorageError) => shared?.onCopyFailed(problem),
  };
  const { log: journal, ...state } = openJournal({ ...paths, segmentBytes, copy }, report);
  let shared: SharedLog | undefined;
  const lease: LeaseRequest = {
    durability: "strict",
    instance: SHARED_INSTANCE,
    holder: `${hostname()} ${process.pid} ${randomUUID()}`,
    address: postgres.address,
    leaseMs: postgres.leaseMs ?? LEASE_MS,
  };
  try {
    const readReplicas = postgres.readReplicas?.servers ?? [];
    const localInstance = instanceId(dataDir);
    const request = { postgres: postgres.options, lease, localInstance, journal, readReplicas, report };
    const { token, genesisHash } = await prepareSharedLog(request);
    const meter = new StatementMeter(postgres.slowMs);
    const onFenced = () => shared?.onFenced();
    const log = new PostgresLog({ postgres: postgres.options, meter, journal, onFenced });
    const nobody = () => undefined;
    shared = { log, lease, genesisHash, token, meter, onFenced: nobody, onCopied: nobody, onCopyFailed: nobody };
    return { log, journal, ...state, paths, shared };
  } catch (problem) {
    await journal.close();
    throw problem;
  }
}
