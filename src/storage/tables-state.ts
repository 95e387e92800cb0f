/**
 * The state as PostgreSQL's tables hold it: every row as the key and value that it was in the state tree. What comes out of the
 * typed columns must be the bytes that went in (state-changes.ts), so that the root over them is the block's.
 */
import type { Client } from "pg";
import { equalBytes } from "../encoding/bytes.ts";
import { accountKey, codeKey, contractKey, contractStateKey } from "../encoding/state-key.ts";
import { fromBigInt, newUint256 } from "../encoding/uint256.ts";
import { encodeContract } from "../execution/contract-record.ts";
import type { StateEntry } from "../execution/ports.ts";
import { accountValue } from "../execution/state-value.ts";
import { postgresError } from "./postgres-errors.ts";

type Row = Record<string, never>;

interface Table {
  readonly name: string;
  readonly key: readonly string[];
  entry(row: Row): StateEntry;
}

const ROWS_A_READ = 10_000;
const balance = newUint256();

/** In the order of their keys' tags. */
const TABLES: readonly Table[] = [
  {
    name: "accounts",
    key: ["address"],
    entry: (row) => {
      fromBigInt(BigInt(row["balance"]!), balance);
      return { key: accountKey(row["address"]!), value: accountValue(Number(row["nonce"]), balance, 0) };
    },
  },
  {
    name: "contracts",
    key: ["address"],
    entry: (row) => ({
      key: contractKey(row["address"]!),
      value: encodeContract({
        address: row["address"]!,
        kind: row["kind"]!,
        type: row["type"]!,
        codeHash: row["code_hash"]!,
        creator: row["creator"]!,
        admin: row["admin"] ?? undefined,
        status: row["status"]!,
        deployTransactionHash: row["deploy_transaction_hash"]!,
        deployedAtHeight: Number(row["deployed_at_height"]),
      }),
    }),
  },
  { name: "codes", key: ["code_hash"], entry: (row) => ({ key: codeKey(row["code_hash"]!), value: row["code"]! }) },
  {
    name: "contract_state",
    key: ["contract_address", "key"],
    entry: (row) => ({ key: contractStateKey(row["contract_address"]!, row["key"]!), value: row["value"]! }),
  },
  { name: "other_state", key: ["key"], entry: (row) => ({ key: row["key"]!, value: row["value"]! }) },
];

/** Every table that a schema has: what is vacuumed and analyzed. */
export const HISTORY_TABLES = ["blocks", "execution_history", "logs"] as const;
export const STATE_TABLES = TABLES.map(({ name }) => name);

/** In one transaction that sees one moment: whoever calls has begun it. @param schema quoted. */
export async function* stateRows(client: Client, schema: string): AsyncGenerator<StateEntry> {
  for (const { name, key, entry } of TABLES) {
    const columns = key.join(", ");
    let after: unknown[] = [];
    for (;;) {
      const beyond = after.length === 0 ? "" : `where (${columns}) > (${key.map((_, i) => `$${i + 1}`).join(", ")})`;
      const text = `select * from ${schema}.${name} ${beyond} order by ${columns} limit ${ROWS_A_READ}`;
      const { rows } = await client
        .query<Row>(text, after)
        .catch((problem) => Promise.reject(postgresError(`reading ${name}`, problem)));
      for (const row of rows) yield entry(row);
      const last = rows.at(-1);
      if (last === undefined || rows.length < ROWS_A_READ) break;
      after = key.map((column) => last[column]);
    }
  }
}

/** How many rows `stateRows` will answer. */
export async function countStateRows(client: Client, schema: string): Promise<number> {
  const counts = STATE_TABLES.map((name) => `(select count(*) from ${schema}.${name})`).join(" + ");
  const { rows } = await client.query<{ n: string }>(`select (${counts})::text as n`);
  return Number(rows[0]!.n);
}

/**
 * What is wrong with the table of blocks, one sentence each: a height that is missing, a block that does not follow the one
 * before it, a newest one that is not where the tables say they are.
 */
export async function blockProblems(
  client: Client,
  schema: string,
  head: { height: number; blockHash: Uint8Array; stateRoot: Uint8Array },
): Promise<string[]> {
  const problems: string[] = [];
  const { rows: gaps } = await client.query<{ height: string }>(
    `select p.height + 1 as height from ${schema}.blocks p left join ${schema}.blocks b on b.height = p.height + 1
     where b.height is null and p.height <> $1 order by 1 limit 3`,
    [head.height],
  );
  for (const { height } of gaps) problems.push(`blocks has no height ${height}`);
  const { rows: breaks } = await client.query<{ height: string }>(
    `select b.height from ${schema}.blocks b join ${schema}.blocks p on b.height = p.height + 1
     where b.parent_hash <> p.block_hash order by 1 limit 3`,
  );
  for (const { height } of breaks) problems.push(`block ${height} does not follow the one before it`);
  const { rows } = await client.query<{ block_hash: Uint8Array; state_root: Uint8Array }>(
    `select block_hash, state_root from ${schema}.blocks where height = $1`,
    [head.height],
  );
  const newest = rows[0];
  if (newest === undefined) problems.push(`blocks does not have ${head.height}, where the tables are`);
  else if (!equalBytes(newest.block_hash, head.blockHash) || !equalBytes(newest.state_root, head.stateRoot))
    problems.push(`block ${head.height} is not the one that the tables are at`);
  return problems;
}
