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
import { claimLease, type LeaseHolder, type LeaseRequest, readLease, releaseLease } from "./postgres-lease.ts";
import { describeServer, type PostgresOptions, quotedSchema } from "./postgres-options.ts";
import type { PostgresLink, PostgresWorkerData } from "./postgres-protocol.ts";
import { PostgresTables, type TablePosition } from "./postgres-tables.ts";
import type { StatementMeter } from "./statement-meter.ts";

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
  readonly #schema: string;
  readonly #claims: boolean;
  #isLost = false;

  private constructor(
    client: Client,
    data: PostgresWorkerData,
    token: bigint,
    tables: PostgresTables,
    position: TablePosition,
  ) {
    this.#client = client;
    this.#schema = quotedSchema(data.postgres);
    this.#claims = !("token" in data.lease);
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
    meter: StatementMeter,
  ): Promise<PostgresSession> {
    const { postgres } = data;
    let session: PostgresSession | undefined;
    const lost = () => {
      session?.lost();
      onLost();
    };
    const client = await connectPostgres(postgres, { application: "tables", onLost: lost, meter });
    try {
      await requireMigrations(client, postgres.schema, data.migrationsDirectory);
      const schema = quotedSchema(postgres);
      const token = await claimed(client, schema, data);
      const tables = new PostgresTables(client, schema);
      const position = await tables.position();
      requireSameLog(data, position, read);
      session = new PostgresSession(client, data, token, tables, position);
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

  /** Lets another process on the same log claim the tables at once. */
  async release(): Promise<void> {
    if (!this.#isLost && this.#claims) await releaseLease(this.#client, this.#schema, this.token);
  }

  close(): void {
    dropConnection(this.#client);
  }
}

/** @throws NotReadyError. */
export async function requireMigrations(client: Client, schema: string, directory: string): Promise<void> {
  const { isCurrent, problems, version, migrations } = await new Migrator(client, schema, directory).status();
  if (isCurrent) return;
  const why =
    problems[0] ?? `schema ${schema} has version ${version} of ${migrations.length}: run polytorus db migrate`;
  throw new NotReadyError("migrations", why);
}

/** In strict the daemon leads already, and the tables are written with its token. */
async function claimed(client: Client, schema: string, data: PostgresWorkerData): Promise<bigint> {
  const { lease } = data;
  if ("token" in lease) {
    const holder = await readLease(client, schema);
    if (holder?.token === lease.token) return lease.token;
    throw new NotReadyError("held", `another daemon leads: ${holder?.holder ?? "nobody"}`);
  }
  const claim = await claimLease(client, schema, lease);
  if ("heldBy" in claim) throw notOurs(data.postgres, lease, claim.heldBy);
  return claim.token;
}

/** Why a schema can't be claimed: another holds it, or this daemon never may. */
export function notOurs(postgres: PostgresOptions, lease: LeaseRequest, heldBy: LeaseHolder): Error {
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
