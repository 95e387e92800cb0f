/** What a PostgreSQL server says of itself, on a connection made for it: for operators, never for the engine's own work. */
import type { Client } from "pg";
import { connectPostgres, dropConnection } from "./postgres-connection.ts";
import { postgresError } from "./postgres-errors.ts";
import { type PostgresOptions, quotedSchema } from "./postgres-options.ts";
import { EMPTY_POSITION, PostgresTables } from "./postgres-tables.ts";

const UNDEFINED_TABLE = "42P01";

export interface PostgresInspection {
  /** Of one round trip. */
  readonly latencyMs: number;
  readonly version: string;
  /** 150018 for 15.18. */
  readonly versionNumber: number;
  readonly isReadOnly: boolean;
  readonly isEncrypted: boolean;
  readonly synchronousCommit: string;
  /** The server's clock less this one's, to within the round trip. */
  readonly clockAheadMs: number;
  readonly connections: number;
  readonly connectionsMax: number;
  readonly databaseBytes: number;
  /** Of the schema, largest first; rows as the server estimates them. */
  readonly tables: readonly { readonly name: string; readonly bytes: number; readonly rows: number }[];
}

/** @throws StorageError. */
export async function inspectPostgres(options: PostgresOptions): Promise<PostgresInspection> {
  const client = await connectPostgres(options, { application: "status" });
  try {
    return await inspect(client, options.schema);
  } catch (problem) {
    throw postgresError("asking the server about itself", problem);
  } finally {
    dropConnection(client);
  }
}

/** Seq of the last entry that the schema's tables have; -1 when there are none. @throws StorageError. */
export async function tablesPosition(options: PostgresOptions): Promise<number> {
  const client = await connectPostgres(options, { application: "prune" });
  try {
    return (await new PostgresTables(client, quotedSchema(options)).position()).seq;
  } catch (problem) {
    if ((problem as Error & { cause?: { code?: string } }).cause?.code === UNDEFINED_TABLE) return EMPTY_POSITION.seq;
    throw problem;
  } finally {
    dropConnection(client);
  }
}

async function inspect(client: Client, schema: string): Promise<PostgresInspection> {
  const startMs = performance.now();
  await client.query("select 1");
  const latencyMs = performance.now() - startMs;
  const { rows } = await client.query(`
    select current_setting('server_version') as version, current_setting('server_version_num')::int as version_number,
           pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as is_read_only,
           coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as is_encrypted,
           current_setting('synchronous_commit') as synchronous_commit,
           extract(epoch from clock_timestamp()) * 1000 as clock_ms,
           (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections,
           current_setting('max_connections')::int as connections_max,
           pg_database_size(current_database()) as database_bytes`);
  const server = rows[0];
  const clockAheadMs = Number(server["clock_ms"]) - Date.now();
  const tables = await client.query(
    `select relname as name, pg_total_relation_size(class.oid) as bytes, greatest(reltuples, 0)::bigint as rows
       from pg_class as class join pg_namespace as space on space.oid = relnamespace
      where nspname = $1 and relkind in ('r', 'p') order by 2 desc, 1`,
    [schema],
  );
  return {
    latencyMs,
    version: server["version"],
    versionNumber: server["version_number"],
    isReadOnly: server["is_read_only"],
    isEncrypted: server["is_encrypted"],
    synchronousCommit: server["synchronous_commit"],
    clockAheadMs,
    connections: server["connections"],
    connectionsMax: server["connections_max"],
    databaseBytes: Number(server["database_bytes"]),
    tables: tables.rows.map(({ name, bytes, rows: count }) => ({ name, bytes: Number(bytes), rows: Number(count) })),
  };
}
