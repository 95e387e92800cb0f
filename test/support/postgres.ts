/**
 * A real PostgreSQL for tests, each file in a database of its own:
 *   DATABASE_URL ─▶ else a server on 127.0.0.1:5432 ─▶ else one of its own from installed binaries ─▶ else tests are skipped
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll } from "vitest";
import { migrationsDirectory } from "../../src/storage/migration-files.ts";
import { Migrator } from "../../src/storage/migrator.ts";
import { connectPostgres } from "../../src/storage/postgres-connection.ts";
import type { PostgresOptions } from "../../src/storage/postgres-options.ts";
import { describeWith } from "./describe-with.ts";
import { freePort } from "./free-port.ts";
import { selfSignedCertificate } from "./self-signed-certificate.ts";

const INSTALL = "sudo apt-get install -y postgresql";
/** Whose rights initdb and postgres run with when the tests run as root, which they refuse. */
const UNPRIVILEGED = { uid: 65534, gid: 65534 };

interface Server {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  /** A database that is there, to make others from. */
  readonly database: string;
}

interface OwnServer extends Server {
  readonly directory: string;
  child: ChildProcess;
}

const ownServers: OwnServer[] = [];
const databases: string[] = [];
const server = await findServer();

/** A suite that needs PostgreSQL: skipped, with what would enable it, where there is none. */
export const describePostgres = (name: string, body: () => void): void =>
  describeWith({ isMet: server !== undefined, missing: "PostgreSQL", command: INSTALL }, name, body);

/** A suite that starts a server of its own. */
export const describeOwnPostgres = (name: string, body: () => void): void =>
  describeWith({ isMet: binaries() !== undefined, missing: "PostgreSQL server", command: INSTALL }, name, body);

afterAll(async () => {
  for (const database of databases) await asOwner(`drop database if exists "${database}" with (force)`);
  // Standbys first: a primary that stops waits for them.
  for (const { child, directory } of ownServers.reverse()) {
    await stopped(child, "SIGINT");
    rmSync(directory, { recursive: true, force: true });
  }
});

/** A server that speaks TLS alone, with a certificate for localhost that vouches for itself, and its database, migrated. */
export async function startTlsPostgres(): Promise<{ options: PostgresOptions; caFile: string }> {
  const started = await startServer({ tls: true });
  if (started === undefined) throw new Error("PostgreSQL with TLS did not start");
  const caFile = join(started.directory, CERTIFICATE_FILE);
  const options: PostgresOptions = {
    ...addressOf(started),
    host: "localhost",
    schema: "smart_contracts",
    tls: { mode: "verify-full", caFile },
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 10_000,
  };
  const client = await connectPostgres(options, { application: "test" });
  await new Migrator(client, options.schema, migrationsDirectory()).migrate();
  await client.end();
  return { options, caFile };
}

export interface KillablePostgres {
  readonly options: PostgresOptions;
  /** kill -9. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/** A server of its own with a migrated database, to be killed. */
export async function startKillablePostgres(): Promise<KillablePostgres> {
  const own = await startServer({ tls: false });
  if (own === undefined) throw new Error("PostgreSQL did not start");
  const options = await migrated(own);
  return {
    options,
    kill: () => stopped(own.child, "SIGKILL"),
    restart: async () => {
      // What the killed one left may still hold its memory for a moment: then the next try.
      do own.child = launch(own.directory, own.port, []);
      while (!(await comesUp(own.child, () => answers(own))));
    },
  };
}

async function migrated(own: Server): Promise<PostgresOptions> {
  const options: PostgresOptions = {
    ...addressOf(own),
    schema: "smart_contracts",
    tls: { mode: "disable", caFile: undefined },
    connectTimeoutMs: 2_000,
    statementTimeoutMs: 10_000,
  };
  const client = await connectPostgres(options, { application: "test" });
  await new Migrator(client, options.schema, migrationsDirectory()).migrate();
  await client.end();
  return options;
}

export interface Standby {
  readonly primary: PostgresOptions;
  readonly standby: PostgresOptions;
  /** Stops taking over what the primary writes; `false`: goes on. */
  pause(isPaused: boolean): Promise<void>;
  kill(): Promise<void>;
}

/** A server of its own with a migrated database, and a physical standby that follows it. */
export async function startStandby(): Promise<Standby> {
  const started = await startServer({ tls: false });
  const following = started && (await startServer({ tls: false, standbyOf: started }));
  if (started === undefined || following === undefined) throw new Error("PostgreSQL with a standby did not start");
  const primary = await migrated(started);
  const standby = { ...primary, ...addressOf(following) };
  return {
    primary,
    standby,
    pause: async (isPaused) => {
      await query(standby, isPaused ? "select pg_wal_replay_pause()" : "select pg_wal_replay_resume()");
      // Asked for is not done yet.
      const paused = isPaused ? "paused" : "not paused";
      while ((await query(standby, "select pg_get_wal_replay_pause_state() as state"))[0]!["state"] !== paused);
    },
    kill: () => stopped(following.child, "SIGKILL"),
  };
}

async function stopped(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await ended;
}

/** An empty database. */
export async function createDatabase(changes: Partial<PostgresOptions> = {}): Promise<PostgresOptions> {
  const database = `polytorus_test_${randomBytes(6).toString("hex")}`;
  await asOwner(`create database "${database}"`);
  databases.push(database);
  return {
    ...server!,
    database,
    schema: "smart_contracts",
    tls: { mode: "disable", caFile: undefined },
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 10_000,
    ...changes,
  };
}

/** A database with every migration applied. */
export async function createMigratedDatabase(changes: Partial<PostgresOptions> = {}): Promise<PostgresOptions> {
  const options = await createDatabase(changes);
  const client = await connectPostgres(options, { application: "test" });
  await new Migrator(client, options.schema, migrationsDirectory()).migrate();
  await client.end();
  return options;
}

/** `postgres://…` of a database. */
export function urlOf({ user, password, host, port, database }: Server): string {
  return `postgres://${user}${password === undefined ? "" : `:${encodeURIComponent(password)}`}@${host}:${port}/${database}`;
}

/** One statement on a connection of its own. */
export async function query(
  options: PostgresOptions,
  text: string,
  values: unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(clientConfig(options, options.database));
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

async function asOwner(text: string): Promise<void> {
  const client = new pg.Client(clientConfig(server!, server!.database));
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

function clientConfig({ host, port, user, password }: Omit<Server, "database">, database: string): pg.ClientConfig {
  return { host, port, user, database, ...(password === undefined ? {} : { password }) };
}

async function findServer(): Promise<Server | undefined> {
  const named = process.env["DATABASE_URL"];
  if (named !== undefined && named !== "") {
    const url = new URL(named.replace(/^postgres(ql)?:/, "http:"));
    return {
      host: url.hostname,
      port: Number(url.port || 5432),
      user: decodeURIComponent(url.username),
      password: url.password === "" ? undefined : decodeURIComponent(url.password),
      database: url.pathname.slice(1) || "postgres",
    };
  }
  for (const user of ["postgres", process.env["USER"] ?? "root"]) {
    const candidate = { host: "127.0.0.1", port: 5432, user, password: undefined, database: "postgres" };
    if (await mayCreateDatabases(candidate)) return candidate;
  }
  return await startServer({ tls: false });
}

async function answers(candidate: Server): Promise<boolean> {
  const client = new pg.Client(clientConfig(candidate, candidate.database));
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function mayCreateDatabases(candidate: Server, tls = false): Promise<boolean> {
  const client = new pg.Client({
    ...clientConfig(candidate, candidate.database),
    ssl: tls ? { rejectUnauthorized: false } : false,
    connectionTimeoutMillis: 2_000,
  });
  try {
    await client.connect();
    const { rows } = await client.query(
      "select rolcreatedb or rolsuper as may from pg_roles where rolname = current_user",
    );
    return rows[0]?.may === true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function addressOf({ host, port, user, password, database }: Server): Server {
  return { host, port, user, password, database };
}

async function startServer({ tls, standbyOf }: { tls: boolean; standbyOf?: Server }): Promise<OwnServer | undefined> {
  const bin = binaries();
  if (bin === undefined) return undefined;
  const isRoot = process.getuid?.() === 0;
  const rights = isRoot ? UNPRIVILEGED : {};
  const directory = mkdtempSync(join(tmpdir(), "polytorus-postgres-"));
  if (isRoot) chownSync(directory, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
  let child: ChildProcess | undefined;
  try {
    const [program, ...args] =
      standbyOf === undefined
        ? ["initdb", "-U", "postgres", "-A", "trust", "--no-sync"]
        : ["pg_basebackup", "-d", urlOf(standbyOf), "-R", "-X", "stream", "-c", "fast", "--no-sync"];
    execFileSync(join(bin, program!), ["-D", directory, ...args], { ...rights, cwd: "/", stdio: "ignore" });
    if (tls) writeCertificate(directory, isRoot);
    const port = await freePort();
    child = launch(directory, port, tls ? TLS_SETTINGS : []);
    const started = { host: "127.0.0.1", port, user: "postgres", password: undefined, database: "postgres" };
    const own: OwnServer = { ...started, directory, child };
    ownServers.push(own);
    if (await comesUp(child, () => (standbyOf === undefined ? mayCreateDatabases(started, tls) : answers(started))))
      return own;
  } catch {
    // No rights, or no room: as if it were not installed.
  }
  child?.kill("SIGKILL");
  return undefined;
}

function launch(directory: string, port: number, more: readonly string[]): ChildProcess {
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", ...more];
  return spawn(
    join(binaries()!, "postgres"),
    ["-D", directory, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])],
    { ...(process.getuid?.() === 0 ? UNPRIVILEGED : {}), cwd: "/", stdio: "ignore" },
  );
}

/** False: it ended, or does not answer within a minute. */
async function comesUp(child: ChildProcess, isUp: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 600 && child.exitCode === null; tries++) {
    if (await isUp()) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

const CERTIFICATE_FILE = "test-certificate.pem";
const KEY_FILE = "test-key.pem";
const TLS_SETTINGS = ["ssl=on", `ssl_cert_file=${CERTIFICATE_FILE}`, `ssl_key_file=${KEY_FILE}`];

/** And nobody gets in without TLS. */
function writeCertificate(directory: string, isRoot: boolean): void {
  const { certificate, key } = selfSignedCertificate();
  writeFileSync(join(directory, CERTIFICATE_FILE), certificate);
  writeFileSync(join(directory, KEY_FILE), key, { mode: 0o600 });
  writeFileSync(join(directory, "pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n");
  if (!isRoot) return;
  for (const name of [CERTIFICATE_FILE, KEY_FILE, "pg_hba.conf"])
    chownSync(join(directory, name), UNPRIVILEGED.uid, UNPRIVILEGED.gid);
}

/** The newest installed version that has a server. */
function binaries(): string | undefined {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  return [...versions.map((version) => join(root, version, "bin")), "/usr/local/pgsql/bin", "/opt/homebrew/bin"].find(
    (directory) => existsSync(join(directory, "initdb")) && existsSync(join(directory, "postgres")),
  );
}
