/** Where PostgreSQL is and how it is reached, from a URL or from separate keys. The password may stand in a file. */
import { isIP } from "node:net";
import type { PostgresConfig, PostgresServer } from "./config.ts";
import { portOf, readSecret } from "./server-url.ts";
import type { SettingKey, SettingValue } from "./settings.ts";

type Get = <K extends SettingKey>(key: K) => SettingValue<K>;
type Report = (key: SettingKey, message: string) => void;
type Server = Pick<PostgresConfig, "host" | "port" | "database" | "user" | "password">;
type SslMode = PostgresConfig["tls"]["mode"];

const DEFAULT_PORT = 5432;
/** libpq's modes, and what they come to here: what a server may decline in silence protects nothing. */
const SSL_MODES: Record<string, SslMode> = {
  disable: "disable",
  allow: "disable",
  prefer: "disable",
  require: "require",
  "verify-ca": "verify-ca",
  "verify-full": "verify-full",
};
/** Parameters of a URL that have a setting or that change nothing here. */
const URL_PARAMETERS = ["sslmode", "sslrootcert", "application_name", "connect_timeout", "host"];

export function postgresConfig(get: Get, report: Report): PostgresConfig {
  const url =
    get("storage.postgres.url") ?? readSecret(get("storage.postgres.url_file"), "storage.postgres.url_file", report);
  const parsed = url === undefined ? undefined : parseUrl(url, (problem) => report("storage.postgres.url", problem));
  const server: Server = parsed ?? {
    host: get("storage.postgres.host"),
    port: get("storage.postgres.port"),
    database: get("storage.postgres.database"),
    user: get("storage.postgres.user"),
    password: undefined,
  };
  const password =
    server.password ??
    get("storage.postgres.password") ??
    readSecret(get("storage.postgres.password_file"), "storage.postgres.password_file", report);
  const primary: PostgresServer = {
    ...server,
    password,
    schema: get("storage.postgres.schema"),
    tls: {
      mode: parsed?.sslMode ?? get("storage.postgres.sslmode") ?? (isLocal(server.host) ? "disable" : "require"),
      caFile: parsed?.caFile ?? get("storage.postgres.sslrootcert"),
    },
    connectTimeoutMs: get("storage.postgres.connect_timeout_ms"),
    statementTimeoutMs: get("storage.postgres.statement_timeout_ms"),
  };
  return {
    ...primary,
    tables: get("storage.postgres.tables"),
    leaseMs: get("storage.postgres.lease_ms"),
    commitTimeoutMs: get("storage.postgres.commit_timeout_ms"),
    readReplicas: {
      servers: readReplicas(get("storage.postgres.read_replica_urls"), primary, report),
      entriesBehindMax: get("storage.postgres.read_replica_behind_max"),
    },
  };
}

/** Like the primary, but for what their URLs say. */
function readReplicas(urls: string | undefined, primary: PostgresServer, report: Report): PostgresServer[] {
  const refuse = (problem: string) => report("storage.postgres.read_replica_urls", problem);
  return (urls ?? "").split(",").flatMap((url) => {
    const parsed = url.trim() === "" ? undefined : parseUrl(url, refuse, primary);
    if (parsed === undefined) return [];
    const { sslMode, caFile, password, ...server } = parsed;
    const mode =
      sslMode ?? (isLocal(server.host) ? "disable" : primary.tls.mode === "disable" ? "require" : primary.tls.mode);
    const tls = { mode, caFile: caFile ?? primary.tls.caFile };
    return [{ ...primary, ...server, password: password ?? primary.password, tls }];
  });
}

interface ParsedUrl extends Server {
  readonly sslMode: SslMode | undefined;
  readonly caFile: string | undefined;
}

/** @param base what user and database are where the URL names none. */
function parseUrl(
  text: string,
  report: (problem: string) => void,
  base?: { user: string; database: string },
): ParsedUrl | undefined {
  const refuse = (problem: string): undefined => void report(problem);
  // A URL of another scheme is parsed by rules that know no host in it.
  const match = /^postgres(?:ql)?:\/\/(.*)$/is.exec(text.trim());
  if (match === null) return refuse("expected postgres://user:password@host:port/database");
  let url: URL;
  try {
    url = new URL(`http://${match[1]}`);
  } catch {
    return refuse("is no URL: reserved characters of user and password must be percent-encoded");
  }
  for (const name of url.searchParams.keys())
    if (!URL_PARAMETERS.includes(name))
      return refuse(`has a parameter ${name}; known are ${URL_PARAMETERS.join(", ")}`);
  const sslMode = url.searchParams.get("sslmode");
  if (sslMode !== null && !Object.hasOwn(SSL_MODES, sslMode))
    return refuse(`has sslmode ${sslMode}; known are ${Object.keys(SSL_MODES).join(", ")}`);
  const user = decodeURIComponent(url.username) || (base?.user ?? "polytorus");
  return {
    host: url.searchParams.get("host") ?? (url.hostname.replace(/^\[(.*)\]$/, "$1") || "localhost"),
    port: portOf(match[1]!) ?? DEFAULT_PORT,
    database: decodeURIComponent(url.pathname.slice(1)) || (base?.database ?? user),
    user,
    password: url.password === "" ? undefined : decodeURIComponent(url.password),
    sslMode: sslMode === null ? undefined : SSL_MODES[sslMode],
    caFile: url.searchParams.get("sslrootcert") ?? undefined,
  };
}

/** This machine: nothing of it crosses a network. */
function isLocal(host: string): boolean {
  if (host.startsWith("/") || host === "localhost") return true;
  return (isIP(host) === 4 && host.startsWith("127.")) || host === "::1";
}
