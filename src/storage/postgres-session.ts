/**
 * PostgresSession: one connection on which the tables may be written, from opening to its first failure.
 *   connect ─▶ migrations are those of this program ─▶ lease claimed ─▶ position read ─▶ it is of this log
 */
import type { Client } from "pg";
import type { BlockEntry } from "../encoding/block-entry.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { toHex } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";
import { Migrator } from "./migrator.ts";
import { connectPostgres, dropConnection } from "./postgres-connection.ts";
import { claimLease, type LeaseHolder } from "./postgres-lease.ts";
import { describeServer, quotedSchema } from "./postgres-options.ts";
import type { PostgresLink, PostgresWorkerData } from "./postgres-protocol.ts";
import { PostgresTables, type TablePosition } from "./postgres-tables.ts";

/** Not now: something has to change first that is not ours to change. */
export class NotReadyError extends Error {
  readonly link: PostgresLink;

  constructor(link: PostgresLink, message: string) {
    super(message);
    this.link = link;
  }
}

export class PostgresSession {
  readonly tables: PostgresTables;
  readonly token: bigint;
  readonly position: TablePosition;
  readonly #client: Client;
  #isLost = false;

  private constructor(client: Client, token: bigint, tables: PostgresTables, position: TablePosition) {
    this.#client = client;
    this.token = token;
    this.tables = tables;
    this.position = position;
  }

  /**
   * @param read an entry of the log.
   * @throws StorageError when the server can't be reached. @throws NotReadyError.
   * @throws EngineError DATABASE_IN_USE when the tables are another log's.
   */
  static async open(
    data: PostgresWorkerData,
    read: (seq: number) => BlockEntry | undefined,
    onLost: () => void,
  ): Promise<PostgresSession> {
    const { postgres, lease } = data;
    let session: PostgresSession | undefined;
    const lost = () => {
      session?.lost();
      onLost();
    };
    const client = await connectPostgres(postgres, { application: "tables", onLost: lost });
    try {
      await requireMigrations(client, data);
      const schema = quotedSchema(postgres);
      const claim = await claimLease(client, schema, lease);
      if ("heldBy" in claim) throw notOurs(data, claim.heldBy);
      const tables = new PostgresTables(client, schema);
      const position = await tables.position();
      requireSameLog(data, position, read);
      session = new PostgresSession(client, claim.token, tables, position);
      return session;
    } catch (problem) {
      dropConnection(client);
      throw problem;
    }
  }

  /** The connection is gone: nothing can be written on it. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** What was sent last may or may not count: this session is over. */
  lost(): void {
    this.#isLost = true;
  }

  close(): void {
    dropConnection(this.#client);
  }
}

async function requireMigrations(client: Client, data: PostgresWorkerData): Promise<void> {
  const { schema } = data.postgres;
  const { isCurrent, problems, version, migrations } = await new Migrator(
    client,
    schema,
    data.migrationsDirectory,
  ).status();
  if (isCurrent) return;
  const why =
    problems[0] ?? `schema ${schema} has version ${version} of ${migrations.length}: run polytorus db migrate`;
  throw new NotReadyError("migrations", why);
}

function notOurs({ lease, postgres }: PostgresWorkerData, heldBy: LeaseHolder): Error {
  const where = `schema ${postgres.schema} of ${describeServer(postgres)}`;
  if (heldBy.durability === lease.durability && heldBy.instance === lease.instance) {
    const seconds = Math.max(0, Math.ceil(heldBy.expiresInMs / 1000));
    return new NotReadyError("held", `${where} is held by ${heldBy.holder} for ${seconds} s more`);
  }
  return new EngineError(
    "DATABASE_IN_USE",
    `${where} holds the tables of a daemon in durability ${heldBy.durability} with instance ${heldBy.instance}; this one is ${lease.durability}, ${lease.instance}`,
    { holder: heldBy.holder, address: heldBy.address, durability: heldBy.durability, instance: heldBy.instance },
  );
}

function requireSameLog(
  { postgres }: PostgresWorkerData,
  position: TablePosition,
  read: (seq: number) => BlockEntry | undefined,
): void {
  if (position.seq < 0) return;
  const entry = read(position.seq);
  if (entry !== undefined && equalBytes(entry.blockHash, position.blockHash)) return;
  const ours = entry === undefined ? "is not that long, or no longer has it" : `has ${toHex(entry.blockHash)}`;
  throw new EngineError(
    "DATABASE_IN_USE",
    `the tables in schema ${postgres.schema} stand at entry ${position.seq} with block ${toHex(position.blockHash)}; this daemon's log ${ours}`,
    { seq: position.seq, blockHash: toHex(position.blockHash) },
  );
}
