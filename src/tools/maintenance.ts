/**
 * Maintenance of what a daemon keeps, store by store:
 *   vacuum    LMDB copied compactly (no daemon may run); VACUUM of the tables
 *   analyze   ANALYZE of the tables, so that Postgres plans by what is in them; what the embedded store holds
 *   check     every checksum of the journal; the state hashed again, in LMDB and in the tables, against the block's root
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import type { MaintenanceReport, MaintenanceRun, StoreReport } from "../cli/seams.ts";
import type { Config } from "../config/config.ts";
import { BlockEntry } from "../encoding/block-entry.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { encodeDelta, type StateChange } from "../encoding/delta.ts";
import { toHex } from "../encoding/hex.ts";
import type { StateTree } from "../encoding/state-tree.ts";
import { EngineError, toEngineError } from "../errors.ts";
import type { StateEntry } from "../execution/ports.ts";
import { PortableStateTree } from "../execution/state-tree.ts";
import { isAddon, loadAddon } from "../native/addon.ts";
import { NativeStateTree } from "../native/state-tree.ts";
import { DataDir } from "../storage/data-dir.ts";
import { unlockEncrypted } from "../storage/encryption/unlocked.ts";
import { systemFiles } from "../storage/files.ts";
import { JournalReader } from "../storage/journal-reader.ts";
import { planRecovery } from "../storage/journal-recovery.ts";
import { compactLmdb } from "../storage/lmdb-compact.ts";
import { LmdbSnapshot, openLmdb } from "../storage/lmdb-snapshot.ts";
import { connectPostgres } from "../storage/postgres-connection.ts";
import { postgresError } from "../storage/postgres-errors.ts";
import { quotedSchema } from "../storage/postgres-options.ts";
import { PostgresTables } from "../storage/postgres-tables.ts";
import { listFirstSeqs } from "../storage/segment-set.ts";
import { blockProblems, countStateRows, HISTORY_TABLES, STATE_TABLES, stateRows } from "../storage/tables-state.ts";

const ROWS_PER_STEP = 65_536;
const TREE_NAME = "maintenance";

/** Does to each store what was asked for. What is wrong with one is in its report, and the others are looked at all the same. */
export async function maintain(config: Config, run: MaintenanceRun): Promise<MaintenanceReport> {
  const stores: StoreReport[] = [];
  unlockEncrypted(config.dataDir, config.encryption.keyFile);
  if (existsSync(join(config.dataDir, "state", "state.mdb"))) stores.push(...(await maintainEmbedded(config, run)));
  else if (config.storage.kind !== "postgres")
    throw new EngineError("VALIDATION_ERROR", `there is no state in ${config.dataDir}`, { path: "data-dir" });
  if (config.storage.kind === "postgres") stores.push(await maintainTables(config, run));
  return { stores, isSound: stores.every(({ problems }) => problems.length === 0) };
}

async function maintainEmbedded({ dataDir, storage }: Config, run: MaintenanceRun): Promise<StoreReport[]> {
  const directory = join(dataDir, "state");
  const facts: Record<string, unknown> = {};
  const problems: string[] = [];
  if (run.vacuum) {
    const lock = lockFor(dataDir, storage.kind === "postgres");
    if (typeof lock === "string") facts["vacuum"] = `left out: ${lock}`;
    else
      try {
        const { before, after } = await compactLmdb(directory);
        Object.assign(facts, { bytesBefore: before, bytesAfter: after });
      } finally {
        lock.close();
      }
  }
  if (run.analyze) Object.assign(facts, await embeddedStatistics(directory));
  const reports: StoreReport[] = [{ store: "embedded state", facts, problems }];
  if (run.check) {
    Object.assign(facts, await checked(problems, () => checkEmbedded(dataDir, run)));
    const journal: StoreReport = { store: "journal", facts: {}, problems: [] };
    Object.assign(journal.facts, await checked(journal.problems, async () => checkJournal(dataDir)));
    reports.push(journal);
  }
  return reports;
}

/** With Postgres there is something else to do when a daemon runs; without it that is all there is, and it is refused. */
function lockFor(dataDir: string, mayBeUsed: boolean): DataDir | string {
  try {
    return DataDir.open(dataDir);
  } catch (problem) {
    const { code, message } = toEngineError(problem);
    if (mayBeUsed && code === "DATA_DIR_LOCKED") return message;
    throw problem;
  }
}

async function embeddedStatistics(directory: string): Promise<{ entries: number; bytes: number }> {
  const store = openLmdb(directory);
  try {
    const { entryCount } = store.getStats() as { entryCount: number };
    return { entries: entryCount, bytes: statSync(join(directory, "state.mdb")).size };
  } finally {
    await store.close();
  }
}

/** Runs a check: what it throws about the store is a problem of the store, anything else is thrown on. */
async function checked(problems: string[], check: () => Promise<Record<string, unknown>>): Promise<object> {
  try {
    return await check();
  } catch (problem) {
    const { code, message } = toEngineError(problem);
    if (code !== "JOURNAL_DAMAGED" && code !== "ROOT_MISMATCH" && code !== "STORAGE_ERROR") throw problem;
    problems.push(message);
    return {};
  }
}

async function checkEmbedded(dataDir: string, run: MaintenanceRun): Promise<Record<string, unknown>> {
  const state = LmdbSnapshot.open(join(dataDir, "state"));
  const journal = JournalReader.open(join(dataDir, "journal"));
  try {
    const seq = state.appliedSeq();
    if (seq < 0) return { height: -1 };
    journal.advance(seq);
    const { height, stateRoot } = new BlockEntry(journal.read(seq)!);
    const { entries } = await embeddedStatistics(join(dataDir, "state"));
    const rows = state.range(new Uint8Array(0), Uint8Array.of(255));
    const root = await rootOf(rows, entries, "checking the embedded state", run);
    requireRoot("the embedded state", height, root, stateRoot);
    return { height, stateRoot: toHex(stateRoot) };
  } finally {
    journal.close();
    await state.close();
  }
}

/** A daemon may be writing to its end. */
function checkJournal(dataDir: string): Record<string, unknown> {
  const directory = join(dataDir, "journal");
  const plan = planRecovery(systemFiles, directory, {
    requiredFromSeq: listFirstSeqs(systemFiles, directory)[0] ?? 0,
    requiredToSeq: -1,
    verifyFromSeq: 0,
  });
  return { segments: plan.firstSeqs.length, lastSeq: plan.lastSeq, bytes: plan.scannedBytes };
}

async function maintainTables({ storage }: Config, run: MaintenanceRun): Promise<StoreReport> {
  const schema = quotedSchema(storage.postgres);
  const options = { ...storage.postgres, statementTimeoutMs: run.statementTimeoutMs };
  const client = await connectPostgres(options, { application: "maintenance" });
  const facts: Record<string, unknown> = {};
  const problems: string[] = [];
  try {
    const tables = [...STATE_TABLES, ...HISTORY_TABLES];
    const commands = [...(run.vacuum ? ["vacuum"] : []), ...(run.analyze ? ["analyze"] : [])];
    for (const [index, table] of commands.length === 0 ? [] : tables.entries()) {
      run.onProgress({ phase: commands.join(" and "), done: index, total: tables.length });
      const text = run.vacuum ? `vacuum ${run.analyze ? "(analyze) " : ""}` : "analyze ";
      await client.query(`${text}${schema}.${table}`).catch((problem) => {
        throw postgresError(`${text.trim()} ${table}`, problem);
      });
      run.signal.throwIfAborted();
    }
    if (commands.length > 0) facts["tables"] = tables.length;
    if (run.check) Object.assign(facts, await checked(problems, () => checkTables(client, schema, problems, run)));
  } finally {
    await client.end().catch(() => undefined);
  }
  return { store: "PostgreSQL tables", facts, problems };
}

async function checkTables(
  client: Client,
  schema: string,
  problems: string[],
  run: MaintenanceRun,
): Promise<Record<string, unknown>> {
  await client.query("begin isolation level repeatable read read only");
  const { seq, height, blockHash, stateRoot } = await new PostgresTables(client, schema).position();
  if (seq < 0) return { height };
  problems.push(...(await blockProblems(client, schema, { height, blockHash, stateRoot })));
  const total = await countStateRows(client, schema);
  const root = await rootOf(stateRows(client, schema), total, "checking the tables", run);
  await client.query("commit");
  requireRoot("the tables' state", height, root, stateRoot);
  return { height, stateRoot: toHex(stateRoot), rows: total };
}

function requireRoot(what: string, height: number, actual: Uint8Array, expected: Uint8Array): void {
  if (equalBytes(actual, expected)) return;
  throw new EngineError(
    "ROOT_MISMATCH",
    `${what} at height ${height} hashes to ${toHex(actual)}, the block says ${toHex(expected)}`,
    { height, expected: toHex(expected), actual: toHex(actual) },
  );
}

async function rootOf(
  rows: Iterable<StateEntry> | AsyncIterable<StateEntry>,
  total: number,
  phase: string,
  { onProgress, signal }: MaintenanceRun,
): Promise<Uint8Array> {
  const addon = loadAddon();
  if (isAddon(addon)) NativeStateTree.release(addon, TREE_NAME);
  const tree: StateTree = isAddon(addon) ? NativeStateTree.attach(addon, TREE_NAME) : new PortableStateTree();
  let changes: StateChange[] = [];
  let done = 0;
  const flush = async (): Promise<void> => {
    tree.apply(encodeDelta(changes), "forward");
    done += changes.length;
    changes = [];
    onProgress({ phase, done, total: Math.max(total, done) });
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  };
  try {
    for await (const { key, value } of rows) {
      changes.push({ key, newValue: value, oldValue: undefined });
      if (changes.length === ROWS_PER_STEP) await flush();
    }
    await flush();
    return tree.root();
  } finally {
    if (isAddon(addon)) NativeStateTree.release(addon, TREE_NAME);
  }
}
