/**
 * The blob store between its two forms: rows of a data directory (blob-files.ts), and rows of a shared log's database
 * (migrations/0004). Content and the names that refer to it are in both; references are counted in the first alone.
 * Names that begin with 0, and uploads under way, are one daemon's own and go nowhere.
 */
import type { Client } from "pg";
import { writeU32 } from "../../encoding/bytes.ts";
import { fromHex, toHex } from "../../encoding/hex.ts";
import type { RawRow } from "../copies/store-source.ts";
import { keyOf, Table, TOTAL_NAME } from "./blob-files.ts";

/** Names of one SELECT. */
const READ_NAMES = 100;

/** Writes rows of a data directory, in the transaction that the caller has begun. @param schema quoted. */
export async function writeShared(client: Client, schema: string, rows: readonly RawRow[]): Promise<void> {
  for (const { key, value } of rows) {
    const [table, name] = [key[0], key.subarray(1)];
    if (table === Table.blob)
      await client.query(`insert into ${schema}.privacy_blobs values ($1, $2) on conflict do nothing`, [name, value]);
    if (table !== Table.name || name[0] === 0) continue;
    const { blob, ...facts } = JSON.parse(Buffer.from(value).toString("utf8")) as { blob?: string };
    await client.query(
      `insert into ${schema}.privacy_names (name, facts, hash, change)
       values ($1, $2, $3, nextval('${schema}.privacy_changes'))`,
      [name, facts, blob === undefined ? null : fromHex(blob)],
    );
  }
}

/** Rows for a data directory, in the transaction that the caller has begun. Content first: names refer to it. @param schema quoted. */
export async function* readShared(client: Client, schema: string): AsyncGenerator<RawRow> {
  let total = 0;
  const { rows: counts } = await client.query<{ hash: Buffer; count: string }>(
    `select hash, count(*) from ${schema}.privacy_names where facts is not null and hash is not null group by hash`,
  );
  for (const { hash, count } of counts) {
    const { rows } = await client.query<{ bytes: Buffer }>(
      `select bytes from ${schema}.privacy_blobs where hash = $1`,
      [hash],
    );
    const references = new Uint8Array(4);
    writeU32(references, 0, Number(count));
    yield { key: keyOf(Table.references, hash), value: references };
    yield { key: keyOf(Table.blob, hash), value: rows[0]!.bytes };
    total += rows[0]!.bytes.length;
  }
  if (counts.length > 0) yield { key: keyOf(Table.name, TOTAL_NAME), value: json({ bytes: total }) };
  for (let after: Uint8Array = new Uint8Array(0); ; ) {
    const { rows: names } = await client.query<{ name: Buffer; facts: object; hash: Buffer | null }>(
      `select name, facts, hash from ${schema}.privacy_names where name > $1 and facts is not null order by name limit $2`,
      [after, READ_NAMES],
    );
    for (const { name, facts, hash } of names)
      yield { key: keyOf(Table.name, name), value: json(hash === null ? facts : { ...facts, blob: toHex(hash) }) };
    if (names.length < READ_NAMES) break;
    after = names.at(-1)!.name;
  }
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), "utf8");
}
