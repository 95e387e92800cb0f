/**
 * LogRows: the log in PostgreSQL, statement by statement (migrations/0002).
 * Always
 *  - An append is one statement: the token is checked under a lock on its row, seqs continue the log, and all entries are
 *    there or none. A new leader changes that row first, so it waits for, and then sees, what an old one still commits.
 *  - What an append whose answer was lost came to is one statement too: token and hash are from one moment.
 */
import { createHash } from "node:crypto";
import type { Client } from "pg";
import { readU64 } from "../encoding/bytes.ts";
import { postgresError } from "./postgres-errors.ts";

const SEQ_AT = 8;

export interface LogEnd {
  /** -1 when the log is empty. */
  readonly lastSeq: number;
  /** Of the leader's row; undefined when there never was one. */
  readonly token: bigint | undefined;
}

export class LogRows {
  readonly #schema: string;

  /** @param schema quoted. */
  constructor(schema: string) {
    this.#schema = schema;
  }

  /** How many of the entries were written: all, or none because the token or the first seq no longer fits. Throws pg's errors. */
  async append(client: Client, token: bigint, entries: readonly Uint8Array[]): Promise<number> {
    const rows = entries.map((_, i) => `($2::bigint + ${i}, $${3 + 2 * i}::bytea, $${4 + 2 * i}::bytea)`);
    const { rowCount } = await client.query({
      name: `append ${entries.length}`,
      text: `with fence as (select 1 from ${this.#schema}.leader where id = 1 and token = $1::bigint for share),
                  head as (select coalesce(max(seq), -1) as seq from ${this.#schema}.block_log)
             insert into ${this.#schema}.block_log (seq, token, hash, entry)
             select given.seq, $1::bigint, given.hash, given.entry
               from (values ${rows.join(", ")}) as given (seq, hash, entry), fence, head
              where head.seq = $2::bigint - 1`,
      values: [String(token), seqOf(entries[0]!), ...entries.flatMap((entry) => [entryHash(entry), asBuffer(entry)])],
    });
    return rowCount ?? 0;
  }

  /** Who leads, and the hash of an entry if it is there, as of one moment. Throws pg's errors. */
  async settle(client: Client, seq: number): Promise<{ token: bigint | undefined; hash: Buffer | undefined }> {
    const { rows } = await client.query(
      `select (select token from ${this.#schema}.leader where id = 1) as token,
              (select hash from ${this.#schema}.block_log where seq = $1) as hash`,
      [seq],
    );
    const { token, hash } = rows[0];
    return { token: token === null ? undefined : BigInt(token), hash: hash ?? undefined };
  }

  /** @throws StorageError. */
  async end(client: Client): Promise<LogEnd> {
    try {
      const { rows } = await client.query(
        `select (select coalesce(max(seq), -1) from ${this.#schema}.block_log) as last_seq,
                (select token from ${this.#schema}.leader where id = 1) as token`,
      );
      const { last_seq: lastSeq, token } = rows[0];
      return { lastSeq: Number(lastSeq), token: token === null ? undefined : BigInt(token) };
    } catch (problem) {
      throw postgresError("reading where the log ends", problem);
    }
  }

  /** Consecutive entries from a seq on, at most so many. @throws StorageError. */
  async read(client: Client, fromSeq: number, countMax: number): Promise<Uint8Array[]> {
    try {
      const { rows } = await client.query({
        name: "read log",
        text: `select seq, entry from ${this.#schema}.block_log where seq >= $1 and seq < $1::bigint + $2 order by seq`,
        values: [fromSeq, countMax],
      });
      const entries: Uint8Array[] = [];
      for (const { seq, entry } of rows) {
        if (Number(seq) !== fromSeq + entries.length) break;
        entries.push(new Uint8Array(entry));
      }
      return entries;
    } catch (problem) {
      throw postgresError("reading the log", problem);
    }
  }

  /** The hash of an entry, if it is there. @throws StorageError. */
  async hash(client: Client, seq: number): Promise<Buffer | undefined> {
    try {
      const { rows } = await client.query(`select hash from ${this.#schema}.block_log where seq = $1`, [seq]);
      return rows[0]?.hash;
    } catch (problem) {
      throw postgresError("reading the log", problem);
    }
  }
}

export function entryHash(entry: Uint8Array): Buffer {
  return createHash("sha256").update(entry).digest();
}

export function seqOf(entry: Uint8Array): number {
  return readU64(entry, SEQ_AT);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
