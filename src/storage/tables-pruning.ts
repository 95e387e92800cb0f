/**
 * Prunes the history in PostgreSQL's tables: rows of blocks, execution_history and logs, oldest blocks first. The state stays.
 *   retention.history, rollback window ─▶ the first block to keep ─▶ a transaction for some thousand rows, again and again
 * Always
 *  - A height is in all three tables or in none, so that the lowest in `blocks` is where the history begins.
 *  - What a rollback may take back stays.
 */
import type { Client } from "pg";
import { postgresError } from "./postgres-errors.ts";
import type { HistoryKept } from "./prune-plan.ts";

export interface TablesPruning {
  readonly kept: HistoryKept;
  /** What of the rollback window does not depend on bytes. */
  readonly window: { readonly undoBlocks: number; readonly undoMs: number };
  /** Nothing goes. */
  readonly dryRun: boolean;
  /** Hears of each transaction; throws, or answers false, to end. */
  readonly onStep: (step: { done: number; total: number }) => boolean;
}

export interface TablesPruned {
  /** What went, or would. */
  readonly blocks: number;
  readonly lowestHeightBefore: number;
  readonly lowestHeight: number;
}

/** Rows of execution_history that one transaction takes, and with them those of logs: a fraction of a second of the server. */
const TRANSACTIONS_MAX = 5_000;
const BLOCKS_MAX = 1_000;
const TABLES = [
  ["logs", "block_height"],
  ["execution_history", "block_height"],
  ["blocks", "height"],
] as const;

/** @param schema quoted. @throws StorageError. */
export async function pruneTables(client: Client, schema: string, pruning: TablesPruning): Promise<TablesPruned> {
  try {
    const { rows } = await client.query(`select min(height) as lowest, max(height) as head from ${schema}.blocks`);
    if (rows[0]!.head === null) return { blocks: 0, lowestHeightBefore: 0, lowestHeight: 0 };
    const [lowest, head] = [Number(rows[0]!.lowest), Number(rows[0]!.head)];
    const keep = await firstKept(client, schema, { lowest, head }, pruning);
    let reached = lowest;
    while (!pruning.dryRun && reached < keep) {
      reached = await dropBatch(client, schema, keep);
      if (!pruning.onStep({ done: reached - lowest, total: keep - lowest })) break;
    }
    const lowestHeight = pruning.dryRun ? keep : reached;
    return { blocks: lowestHeight - lowest, lowestHeightBefore: lowest, lowestHeight };
  } catch (problem) {
    throw postgresError("pruning the tables", problem);
  }
}

/** The lowest height that is kept: by the policy, and for rollbacks. */
async function firstKept(
  client: Client,
  schema: string,
  { lowest, head }: { lowest: number; head: number },
  { kept, window }: TablesPruning,
): Promise<number> {
  const timeOf = async (height: number): Promise<number> => {
    const { rows } = await client.query(`select block_time from ${schema}.blocks where height = $1`, [height]);
    return (rows[0]!.block_time as Date).getTime();
  };
  /** No block is older than the one before it. */
  const youngerThan = async (ms: number): Promise<number> => {
    const oldestMs = (await timeOf(head)) - ms;
    let low = lowest;
    for (let high = head; low < high; ) {
      const middle = Math.floor((low + high) / 2);
      if ((await timeOf(middle)) < oldestMs) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const policy = "blocks" in kept ? head - kept.blocks + 1 : await youngerThan(kept.ms);
  return Math.max(lowest, Math.min(policy, head - window.undoBlocks, await youngerThan(window.undoMs)));
}

/** Deletes the oldest blocks below `keep`. Answers the height that comes next. */
async function dropBatch(client: Client, schema: string, keep: number): Promise<number> {
  const { rows } = await client.query(
    `select height, transaction_count from ${schema}.blocks where height < $1 order by height limit ${BLOCKS_MAX}`,
    [keep],
  );
  let last = -1;
  let transactions = 0;
  for (const { height, transaction_count: count } of rows) {
    if (last >= 0 && transactions + count > TRANSACTIONS_MAX) break;
    transactions += count;
    last = Number(height);
  }
  if (last < 0) return keep;
  await client.query("begin");
  try {
    // What a crash of the server takes back goes with the next run.
    await client.query("set local synchronous_commit = off");
    for (const [table, height] of TABLES)
      await client.query(`delete from ${schema}.${table} where ${height} <= $1`, [last]);
    await client.query("commit");
  } catch (problem) {
    await client.query("rollback").catch(() => undefined);
    throw problem;
  }
  return last + 1;
}
