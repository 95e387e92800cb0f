/**
 * PostgresSource: the log in PostgreSQL (durability strict), as of one moment, while daemons go on appending to it.
 * It has no rows of the state, which follows from it; it has the keys and ciphertexts that its daemons share.
 */
import type { Client } from "pg";
import { BlockEntry } from "../../encoding/block-entry.ts";
import { EngineError } from "../../errors.ts";
import { readShared } from "../blobs/blob-copies.ts";
import { LogRows } from "../log-rows.ts";
import { connectPostgres, dropConnection } from "../postgres-connection.ts";
import { postgresError } from "../postgres-errors.ts";
import { describeServer, type PostgresOptions, quotedSchema } from "../postgres-options.ts";
import type { StoreHead, StorePart, StoreSource } from "./store-source.ts";

/** Rows of one SELECT: entries of a busy log have some 100 kB. */
const READ_ENTRIES = 16;

export class PostgresSource implements StoreSource {
  readonly name: string;
  readonly head: StoreHead;
  readonly firstSeq: number;
  readonly chain = undefined;
  readonly rowCount = 0;
  readonly #client: Client;
  readonly #rows: LogRows;
  readonly #schema: string;

  /** @throws EngineError BLOCK_NOT_FOUND when there is no log. @throws StorageError. */
  static async open(options: PostgresOptions): Promise<PostgresSource> {
    const client = await connectPostgres(options, { application: "copy" });
    try {
      return await PostgresSource.#opened(client, options);
    } catch (problem) {
      dropConnection(client);
      throw problem instanceof EngineError ? problem : postgresError("reading the log", problem);
    }
  }

  static async #opened(client: Client, options: PostgresOptions): Promise<PostgresSource> {
    const schema = quotedSchema(options);
    await client.query("begin transaction isolation level repeatable read read only");
    const { rows: ends } = await client.query(`select min(seq) as first, max(seq) as last from ${schema}.block_log`);
    const { first, last } = ends[0] as { first: string | null; last: string | null };
    const name = `schema ${options.schema} of ${describeServer(options)}`;
    if (first === null || last === null)
      throw new EngineError(
        "BLOCK_NOT_FOUND",
        `${name} has no log: daemons keep one there in durability strict. In durability journal it lies in the data directory`,
        { schema: options.schema },
      );
    const rows = new LogRows(schema);
    const [bytes] = await rows.read(client, Number(last), 1);
    const { chainId, seq, height, blockHash, stateRoot } = BlockEntry.parse(bytes!);
    const head = { chainId, seq, height, blockHash, stateRoot };
    return new PostgresSource(name, { client, rows, schema }, Number(first), head);
  }

  private constructor(
    name: string,
    { client, rows, schema }: { client: Client; rows: LogRows; schema: string },
    firstSeq: number,
    head: StoreHead,
  ) {
    this.name = name;
    this.#client = client;
    this.#rows = rows;
    this.#schema = schema;
    this.firstSeq = firstSeq;
    this.head = head;
  }

  async *parts(): AsyncGenerator<StorePart> {
    for (let seq = this.firstSeq; seq <= this.head.seq; ) {
      const entries = await this.#rows.read(this.#client, seq, Math.min(READ_ENTRIES, this.head.seq - seq + 1));
      if (entries.length === 0)
        throw new EngineError("BACKUP_DAMAGED", `${this.name}: entry ${seq} of the log is missing`, { seq });
      yield { kind: "entries", entries };
      seq += entries.length;
    }
    for await (const row of readShared(this.#client, this.#schema)) yield { kind: "blobs", rows: [row] };
  }

  async close(): Promise<void> {
    await this.#client.query("commit").catch(() => undefined);
    dropConnection(this.#client);
  }
}
