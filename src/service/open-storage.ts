/** Opens what an engine keeps its log in: memory, a journal in a data directory, or PostgreSQL's log with its copy there. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { BlockLog } from "../execution/ports.ts";
import { ChainIndex } from "../storage/chain-index.ts";
import { type DataPaths, openDataPaths } from "../storage/data-paths.ts";
import { instanceId } from "../storage/instance-id.ts";
import { MemoryLog } from "../storage/memory-log.ts";
import type { LeaseRequest } from "../storage/postgres-lease.ts";
import { PostgresLog } from "../storage/postgres-log.ts";
import { openJournal } from "./open-journal.ts";
import type { PostgresStorage } from "./postgres-handle.ts";
import { prepareSharedLog } from "./shared-log.ts";

export interface OpenedStorage {
  log: BlockLog;
  /** As far as the state store has applied the log. */
  chain: ChainIndex;
  paths: DataPaths | undefined;
  shared: SharedLog | undefined;
}

export interface SharedLog {
  log: PostgresLog;
  lease: LeaseRequest;
  /** When this daemon leads from the start. */
  token: bigint | undefined;
  /** Called when an append shows that another daemon leads. */
  onFenced: () => void;
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
    return { log: new MemoryLog(), chain: new ChainIndex(), paths: undefined, shared: undefined };
  const paths = openDataPaths(dataDir);
  const { log: journal, chain } = openJournal({ ...paths, segmentBytes: options.segmentBytes }, options.report);
  if (postgres?.durability !== "strict") return { log: journal, chain, paths, shared: undefined };
  const lease: LeaseRequest = {
    durability: "strict",
    instance: SHARED_INSTANCE,
    holder: `${hostname()} ${process.pid} ${randomUUID()}`,
    address: postgres.address,
    leaseMs: postgres.leaseMs ?? LEASE_MS,
  };
  try {
    const request = { postgres: postgres.options, lease, localInstance: instanceId(dataDir), journal };
    const token = await prepareSharedLog(request);
    const shared: SharedLog = { log: undefined as unknown as PostgresLog, lease, token, onFenced: () => undefined };
    shared.log = new PostgresLog({ postgres: postgres.options, journal, onFenced: () => shared.onFenced() });
    return { log: shared.log, chain, paths, shared };
  } catch (problem) {
    await journal.close();
    throw problem;
  }
}
