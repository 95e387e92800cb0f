/**
 * BlobRows: the blob store in PostgreSQL, as rows (migrations/0004). Content by its hash, names that refer to it, and the
 * order in which names changed: a copy asks for what came after the last change that it has seen.
 * Always
 *  - A write is one transaction, and the same write again changes nothing but its place in the order.
 *  - Changes are numbered in the order in which they are committed: writers take turns.
 */
import type { Client } from "pg";
import type { NameChange } from "../../execution/ports.ts";

export interface BlobRow {
  readonly name: Uint8Array;
  /** Null: the name was taken away. */
  readonly facts: Record<string, unknown> | null;
  readonly hash: Uint8Array | null;
  readonly change: number;
}

export interface SharedChange extends NameChange {
  /** Of `bytes`. */
  readonly hash?: Uint8Array | undefined;
}

/** That a name was taken away is remembered for copies that were away; they keep it where they were away for longer. */
const FORGET = "interval '30 days'";

export class BlobRows {
  readonly #names: string;
  readonly #blobs: string;
  readonly #sequence: string;

  /** @param schema quoted. */
  constructor(schema: string) {
    this.#names = `${schema}.privacy_names`;
    this.#blobs = `${schema}.privacy_blobs`;
    this.#sequence = `${schema}.privacy_changes`;
  }

  async write(client: Client, changes: readonly SharedChange[]): Promise<void> {
    await client.query("begin");
    await client.query(`lock table ${this.#names} in share row exclusive mode`);
    for (const { hash, bytes } of changes)
      if (hash !== undefined && bytes !== undefined)
        await client.query(`insert into ${this.#blobs} values ($1, $2) on conflict do nothing`, [hash, bytes]);
    for (const { name, facts, hash } of changes)
      await client.query(
        `insert into ${this.#names} (name, facts, hash, change) values ($1, $2, $3, nextval('${this.#sequence}'))
         on conflict (name) do update
           set facts = excluded.facts, hash = excluded.hash, change = excluded.change, changed_at = now()`,
        [name, facts ?? null, facts === undefined ? null : (hash ?? null)],
      );
    if (changes.some(({ facts }) => facts === undefined)) {
      await client.query(`delete from ${this.#names} where facts is null and changed_at < now() - ${FORGET}`);
      await client.query(
        `delete from ${this.#blobs} b where not exists (select from ${this.#names} n where n.hash = b.hash)`,
      );
    }
    await client.query("commit");
  }

  /** What changed after `change`, in order. */
  async after(client: Client, change: number, limit: number): Promise<BlobRow[]> {
    const { rows } = await client.query<Omit<BlobRow, "change"> & { change: string }>(
      `select name, facts, hash, change from ${this.#names} where change > $1 order by change limit $2`,
      [change, limit],
    );
    return rows.map((row) => ({ ...row, change: Number(row.change) }));
  }

  async bytes(client: Client, hash: Uint8Array): Promise<Uint8Array | undefined> {
    const { rows } = await client.query<{ bytes: Uint8Array }>(`select bytes from ${this.#blobs} where hash = $1`, [
      hash,
    ]);
    return rows[0]?.bytes;
  }
}
