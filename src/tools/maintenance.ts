/**
 * Maintenance of what a daemon keeps, store by store:
 *   vacuum    LMDB copied compactly (no daemon may run); VACUUM of the tables
 *   analyze   ANALYZE of the tables, so that Postgres plans by what is in them; what the embedded store holds
 *   prune     segments of the journal that retention.history no longer keeps and nobody needs
 *   check     every checksum of the journal; the state hashed again, in LMDB and in the tables, against the block's root
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import type { MaintenanceReport, MaintenanceRun, PruneRun, StoreReport } from "../cli/seams.ts";
import type { Config } from "../config/config.ts";
import { toHex } from "../encoding/hex.ts";
import { EngineError, toEngineError } from "../errors.ts";
import { DataDir } from "../storage/data-dir.ts";
import { unlockEncrypted } from "../storage/encryption/unlocked.ts";
import { systemFiles } from "../storage/files.ts";
import { planRecovery } from "../storage/journal-recovery.ts";
import { compactLmdb } from "../storage/lmdb-compact.ts";
import { openLmdb } from "../storage/lmdb-snapshot.ts";
import { connectPostgres } from "../storage/postgres-connection.ts";
import { postgresError } from "../storage/postgres-errors.ts";
import { quotedSchema } from "../storage/postgres-options.ts";
import { PostgresTables } from "../storage/postgres-tables.ts";
import { listFirstSeqs } from "../storage/segment-set.ts";
import { pruneTables } from "../storage/tables-pruning.ts";
import { blockProblems, countStateRows, HISTORY_TABLES, STATE_TABLES, stateRows } from "../storage/tables-state.ts";
import { pruneEmbedded } from "./prune.ts";
import { checkEmbedded, requireRoot, rootOf } from "./state-check.ts";

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

async function maintainEmbedded(config: Config, run: MaintenanceRun): Promise<StoreReport[]> {
  const { dataDir, storage } = config;
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
  const reports: StoreReport[] = [];
  if (run.vacuum || run.analyze || run.check) reports.push({ store: "embedded state", facts, problems });
  if (run.prune !== undefined && !run.prune.tablesOnly) reports.push(await prunedJournal(config, run.prune, run));
  if (run.check) {
    Object.assign(facts, await checked(problems, () => checkEmbedded(dataDir, run)));
    const journal: StoreReport = { store: "journal", facts: {}, problems: [] };
    Object.assign(journal.facts, await checked(journal.problems, async () => checkJournal(dataDir)));
    reports.push(journal);
  }
  return reports;
}

async function prunedJournal(config: Config, prune: PruneRun, run: MaintenanceRun): Promise<StoreReport> {
  const lock = lockFor(config.dataDir, config.storage.kind === "postgres");
  if (typeof lock === "string") return { store: "journal", facts: { prune: `left out: ${lock}` }, problems: [] };
  try {
    return { store: "journal", facts: await pruneEmbedded(config, prune, run), problems: [] };
  } finally {
    lock.close();
  }
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

async function maintainTables({ storage, retention: window }: Config, run: MaintenanceRun): Promise<StoreReport> {
  const schema = quotedSchema(storage.postgres);
  const options = { ...storage.postgres, statementTimeoutMs: run.statementTimeoutMs };
  const client = await connectPostgres(options, { application: "maintenance" });
  const facts: Record<string, unknown> = {};
  const problems: string[] = [];
  try {
    if (run.prune !== undefined) {
      const onStep = (step: { done: number; total: number }) => {
        run.onProgress({ phase: "pruning the tables", ...step });
        run.signal.throwIfAborted();
        return true;
      };
      const { kept, dryRun } = run.prune;
      Object.assign(
        facts,
        await pruneTables(client, schema, { kept, window, dryRun, onStep }),
        dryRun ? { dryRun } : {},
      );
    }
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
