/**
 * Before an engine opens a log that it shares: the schema has the right version, the local copy is brought up to the log, and
 * the lease is claimed if it is free. A log that was local so far (storage embedded, or durability journal) is handed over.
 *   connect ─▶ migrations ─▶ claim, or not ─▶ copy is a beginning of the log ─▶ what is missing is copied, from read replicas first
 */
import type { Client } from "pg";
import { BlockEntry } from "../encoding/block-entry.ts";
import { EngineError, StorageError } from "../errors.ts";
import type { Journal } from "../storage/journal.ts";
import { entryHash, LogRows } from "../storage/log-rows.ts";
import { migrationsDirectory } from "../storage/migration-files.ts";
import { connectPostgres, dropConnection } from "../storage/postgres-connection.ts";
import { claimLease, type LeaseRequest, takeOverLease } from "../storage/postgres-lease.ts";
import { describeServer, type PostgresOptions, quotedSchema } from "../storage/postgres-options.ts";
import { NotReadyError, notOurs, requireMigrations } from "../storage/postgres-session.ts";

export interface SharedLogRequest {
  readonly postgres: PostgresOptions;
  readonly lease: LeaseRequest;
  /** The data directory's: whose tables these were in durability journal. */
  readonly localInstance: string;
  readonly journal: Journal;
  /** Where most of a long log is read, if it is the primary's. */
  readonly readReplicas: readonly PostgresOptions[];
  report(level: "warn", message: string, facts: Record<string, unknown>): void;
}

const READ_ENTRIES = 64;
const HAND_OVER_ENTRIES = 16;
/** How long a first start beside another waits for that one's first block. */
const GENESIS_WAIT_MS = 30_000;
const POLL_MS = 100;

export interface PreparedLog {
  /** If this daemon leads. */
  readonly token: bigint | undefined;
  /** Of the log's first block, where the copy begins behind it. */
  readonly genesisHash: Uint8Array | undefined;
}

/** @throws EngineError, StorageError. */
export async function prepareSharedLog(request: SharedLogRequest): Promise<PreparedLog> {
  const { postgres, journal } = request;
  const client = await connectPostgres(postgres, { application: "start" });
  try {
    await requireMigrations(client, postgres.schema, migrationsDirectory());
    const rows = new LogRows(quotedSchema(postgres));
    const token = await claim(client, request);
    await requireBeginning(client, rows, request, token);
    for (const replica of request.readReplicas) await copyFromReplica(replica, client, rows, request);
    const giveUpAtMs = performance.now() + GENESIS_WAIT_MS;
    for (;;) {
      const entries = await rows.read(client, journal.lastSeq + 1, READ_ENTRIES);
      await journal.append(entries);
      if (entries.length > 0) continue;
      if (journal.lastSeq >= 0 || token !== undefined) {
        const [genesis] = journal.firstSeq > 0 ? await rows.read(client, 0, 1) : [];
        return { token, genesisHash: genesis && new BlockEntry(genesis).blockHash };
      }
      if (performance.now() > giveUpAtMs)
        throw new EngineError("STORAGE_ERROR", "the daemon that leads has made no first block", { retryable: true });
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } catch (problem) {
    if (!(problem instanceof NotReadyError)) throw problem;
    throw new EngineError("MIGRATIONS_PENDING", problem.message, { schema: postgres.schema });
  } finally {
    dropConnection(client);
  }
}

/** As much of the log as a read replica has. Whatever is wrong with it, the rest comes from the primary. */
async function copyFromReplica(
  replica: PostgresOptions,
  primary: Client,
  rows: LogRows,
  { journal, report }: SharedLogRequest,
): Promise<void> {
  let client: Client | undefined;
  try {
    client = await connectPostgres(replica, { application: "start" });
    for (;;) {
      const entries = await rows.read(client, journal.lastSeq + 1, READ_ENTRIES);
      const last = entries.at(-1);
      if (last === undefined) return;
      if ((await rows.hash(primary, journal.lastSeq + entries.length))?.equals(entryHash(last)) !== true)
        throw new StorageError(`it holds another log at entry ${journal.lastSeq + entries.length}`, {
          retryable: false,
        });
      await journal.append(entries);
    }
  } catch (problem) {
    const facts = { where: describeServer(replica), why: (problem as Error).message, lastSeq: journal.lastSeq };
    report("warn", "the log is copied from the primary, not from a read replica", facts);
  } finally {
    dropConnection(client);
  }
}

/** The lease, or undefined when another daemon on this log holds it. */
async function claim(
  client: Client,
  { postgres, lease, localInstance }: SharedLogRequest,
): Promise<bigint | undefined> {
  const schema = quotedSchema(postgres);
  const claimed = await claimLease(client, schema, lease);
  if ("token" in claimed) return claimed.token;
  const { heldBy } = claimed;
  if (heldBy.durability === lease.durability && heldBy.instance === lease.instance) return undefined;
  // This data directory's own, from when it ran in durability journal.
  if (heldBy.durability === "journal" && heldBy.instance === localInstance) {
    const token = await takeOverLease(client, schema, lease, heldBy.token);
    if (token !== undefined) return token;
  }
  throw notOurs(postgres, lease, heldBy);
}

/** The copy must be a beginning of the log. Where it is longer, and the log is empty, it is handed over. */
async function requireBeginning(
  client: Client,
  rows: LogRows,
  { journal, postgres }: SharedLogRequest,
  token: bigint | undefined,
): Promise<void> {
  const { lastSeq } = journal;
  if (lastSeq < 0) return;
  const end = await rows.end(client);
  if (journal.firstSeq > Math.max(0, end.lastSeq))
    throw new EngineError(
      "PRUNED",
      `the log in schema ${postgres.schema} ends at entry ${end.lastSeq}, and what comes next is no longer in this data directory, whose log begins with ${journal.firstSeq}`,
      { lastSeq: end.lastSeq, firstSeq: journal.firstSeq },
    );
  const seq = Math.min(lastSeq, end.lastSeq);
  const isSame = seq < 0 || (await rows.hash(client, seq))?.equals(entryHash(journal.read(seq)!)) === true;
  if (!isSame || (lastSeq > end.lastSeq && token === undefined))
    throw new EngineError(
      "DATABASE_IN_USE",
      `the log in schema ${postgres.schema} ends at entry ${end.lastSeq} and is not the one in this data directory, which ends at ${lastSeq}`,
      { lastSeq: end.lastSeq, localSeq: lastSeq },
    );
  for (let next = end.lastSeq + 1; next <= lastSeq; ) {
    const entries: Uint8Array[] = [];
    for (; next <= lastSeq && entries.length < HAND_OVER_ENTRIES; next++) entries.push(journal.read(next)!);
    if ((await rows.append(client, token!, entries)) !== entries.length)
      throw new EngineError("DATABASE_IN_USE", "another daemon took the schema while the log was handed over", {
        next,
      });
  }
}
