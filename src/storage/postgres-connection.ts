/**
 * One connection to PostgreSQL. `pg` is loaded with the first of them: a daemon without Postgres never reads it.
 * Always
 *  - Opening fails within connectTimeoutMs, and a statement within statementTimeoutMs, whatever the network does.
 *  - An idle connection that breaks is not an uncaught error: `onLost` is told once, and the next statement fails.
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { Client, ClientConfig } from "pg";
import { EngineError } from "../errors.ts";
import { postgresError } from "./postgres-errors.ts";
import { describeServer, type PostgresOptions } from "./postgres-options.ts";
import type { StatementMeter } from "./statement-meter.ts";

export interface ConnectionUse {
  /** Shown in pg_stat_activity: what this connection is for. */
  readonly application: string;
  /** Statements are sent without waiting for the one before; answers come in order. */
  readonly pipeline?: boolean;
  onLost?(problem: Error): void;
  /** Measures its statements. */
  readonly meter?: StatementMeter | undefined;
}

/** @throws StorageError, retryable unless the server refused the user, the database or the certificate. */
export async function connectPostgres(options: PostgresOptions, use: ConnectionUse): Promise<Client> {
  const { default: pg } = await import("pg");
  const client = new pg.Client(clientConfig(options, use));
  let isLost = false;
  const lost = (problem: Error): void => {
    if (isLost) return;
    isLost = true;
    use.meter?.closed();
    use.onLost?.(problem);
  };
  client.on("error", lost);
  client.on("end", () => lost(new Error("the connection was closed")));
  try {
    await client.connect();
  } catch (problem) {
    isLost = true;
    throw postgresError(`connecting to ${describeServer(options)}`, problem);
  }
  if (use.meter !== undefined) measureStatements(client, use.meter);
  return client;
}

/** By name where they have one: a text never holds values, which travel as parameters. */
function measureStatements(client: Client, meter: StatementMeter): void {
  meter.opened();
  const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
  const measured = (...args: unknown[]) => {
    const statement = args[0] as string | { name?: string; text: string };
    const shown = typeof statement === "string" ? statement : (statement.name ?? statement.text);
    return meter.measure(shown, () => query(...args));
  };
  client.query = measured as typeof client.query;
}

/** Ends a connection without waiting for a server that may not answer. */
export function dropConnection(client: Client | undefined): void {
  client?.end().catch(() => undefined);
  // end() says goodbye first; a half-open link never takes it.
  (client as unknown as { connection?: { stream?: { destroy(): void } } })?.connection?.stream?.destroy();
}

function clientConfig(options: PostgresOptions, use: ConnectionUse): ClientConfig {
  const config: ClientConfig & { pipeline?: boolean } = {
    host: options.host,
    port: options.port,
    database: options.database,
    user: options.user,
    ssl: tlsConfig(options),
    application_name: `polytorus ${use.application}`,
    connectionTimeoutMillis: options.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    // The client gives up after the server had its chance to.
    query_timeout: options.statementTimeoutMs + 1000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    pipeline: use.pipeline ?? false,
  };
  if (options.password !== undefined) config.password = options.password;
  return config;
}

function tlsConfig({ tls, host }: PostgresOptions): ClientConfig["ssl"] {
  if (tls.mode === "disable") return false;
  // An address is no server name (RFC 6066); the certificate is compared with the host all the same.
  const name = isIP(host) === 0 ? { servername: host } : {};
  if (tls.mode === "require" && tls.caFile === undefined) return { rejectUnauthorized: false, ...name };
  const ca = tls.caFile === undefined ? {} : { ca: readCa(tls.caFile) };
  if (tls.mode === "verify-full") return { ...ca, rejectUnauthorized: true, ...name };
  // verify-ca, and require with a CA as in libpq: signed by the CA, whatever the name.
  return { ...ca, rejectUnauthorized: true, ...name, checkServerIdentity: () => undefined };
}

function readCa(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (problem) {
    const reason = (problem as Error).message;
    throw new EngineError("CONFIGURATION_ERROR", `storage.postgres.sslrootcert can't be read: ${reason}`, { path });
  }
}
