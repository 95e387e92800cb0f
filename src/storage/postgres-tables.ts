/**
 * PostgresTables: the write side of the tables. One batch of the log is one transaction:
 *   position moves from where it must be, if the token still holds ─▶ rolled back rows go ─▶ rows come ─▶ commit
 * Always
 *  - Nothing is written twice, or out of order: a batch whose start is not where the tables are changes nothing.
 *  - The log is the truth, so a commit need not wait for the disk (synchronous_commit off): what a crash of the server takes
 *    back, it takes back with the position, and it is followed again.
 */
import type { Client } from "pg";
import { isTransient, postgresError } from "./postgres-errors.ts";
import type { TableStatement } from "./table-statement.ts";

/** Where the tables stand. */
export interface TablePosition {
  /** -1 before the first entry. */
  readonly seq: number;
  readonly height: number;
  readonly blockHash: Uint8Array;
  readonly stateRoot: Uint8Array;
}

export const EMPTY_POSITION: TablePosition = {
  seq: -1,
  height: -1,
  blockHash: new Uint8Array(32),
  stateRoot: new Uint8Array(32),
};

export interface TableBatch {
  readonly token: bigint;
  /** Kept for so long; undefined where somebody else keeps it. */
  readonly leaseMs: number | undefined;
  readonly from: TablePosition;
  readonly to: TablePosition;
  /** Blocks above this height go first. */
  readonly dropAbove?: number | undefined;
  readonly statements: readonly TableStatement[];
}

const HISTORY: readonly (readonly [table: string, height: string])[] = [
  ["logs", "block_height"],
  ["execution_history", "block_height"],
  ["blocks", "height"],
];

export class PostgresTables {
  readonly #client: Client;
  readonly #schema: string;

  /** @param schema quoted. */
  constructor(client: Client, schema: string) {
    this.#client = client;
    this.#schema = schema;
  }

  async position(): Promise<TablePosition> {
    const [row] = await this.#rows(
      "reading how far the tables are",
      `select applied_seq, head_height, head_hash, state_root from ${this.#schema}.position where id = 1`,
    );
    if (row === undefined) return EMPTY_POSITION;
    return {
      seq: Number(row["applied_seq"]),
      height: Number(row["head_height"]),
      blockHash: row["head_hash"] as Uint8Array,
      stateRoot: row["state_root"] as Uint8Array,
    };
  }

  /** Seqs of the blocks above a height, newest first. */
  async seqsAbove(height: number): Promise<number[]> {
    const text = `select seq from ${this.#schema}.blocks where height > $1 order by height desc`;
    return (await this.#rows("reading what a rollback takes back", text, [height])).map((row) => Number(row["seq"]));
  }

  /**
   * Writes one batch. False: it was not written, because the token no longer holds or the tables stand elsewhere.
   * @throws StorageError; whether it was written is then unknown. The connection must be dropped, and with it what it began;
   *         `position` tells on the next.
   */
  async write(batch: TableBatch): Promise<boolean> {
    try {
      await this.#client.query("begin");
      await this.#client.query("set local synchronous_commit = off");
      if (!(await this.#move(batch))) {
        await this.#client.query("rollback");
        return false;
      }
      if (batch.dropAbove !== undefined)
        for (const [table, height] of HISTORY)
          await this.#client.query(`delete from ${this.#schema}.${table} where ${height} > $1`, [batch.dropAbove]);
      for (const statement of batch.statements) await this.#client.query({ ...statement });
      await this.#client.query("commit");
      return true;
    } catch (problem) {
      const doing = `writing entries ${batch.from.seq + 1} to ${batch.to.seq} to the tables`;
      throw postgresError(doing, problem, isTransient(problem));
    }
  }

  /** In the transaction: takes the position on, and the lease with it. */
  async #move({ token, leaseMs, from, to }: TableBatch): Promise<boolean> {
    // Where the log is shared its rows are the same whoever writes them, and the lock on the token is the appends'.
    const fence =
      leaseMs === undefined
        ? `select 1 from ${this.#schema}.leader where id = 1 and token = $1::bigint and $2::integer is null`
        : `update ${this.#schema}.leader set expires_at = clock_timestamp() + $2::integer * interval '1 millisecond'
            where id = 1 and token = $1::bigint returning 1`;
    const { rowCount } = await this.#client.query({
      name: "move position",
      text: `with fence as (${fence})
             insert into ${this.#schema}.position as at (id, applied_seq, head_height, head_hash, state_root, updated_at)
             select 1, $4::bigint, $5::bigint, $6::bytea, $7::bytea, clock_timestamp() from fence
              where $3::bigint = -1 or exists (select 1 from ${this.#schema}.position)
             on conflict (id) do update
                set applied_seq = excluded.applied_seq, head_height = excluded.head_height,
                    head_hash = excluded.head_hash, state_root = excluded.state_root, updated_at = excluded.updated_at
              where at.applied_seq = $3::bigint`,
      values: [
        String(token),
        leaseMs ?? null,
        from.seq,
        to.seq,
        to.height,
        Buffer.from(to.blockHash),
        Buffer.from(to.stateRoot),
      ],
    });
    return rowCount === 1;
  }

  async #rows(doing: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    try {
      return (await this.#client.query(text, values)).rows;
    } catch (problem) {
      throw postgresError(doing, problem);
    }
  }
}
