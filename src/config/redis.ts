/** Where Redis is and how it is reached, from a URL or from separate keys. The password may stand in a file. */
import type { RedisConfig } from "./config.ts";
import { portOf, readSecret } from "./server-url.ts";
import type { SettingKey, SettingValue } from "./settings.ts";

type Get = <K extends SettingKey>(key: K) => SettingValue<K>;
type Report = (key: SettingKey, message: string) => void;
type Server = Pick<RedisConfig, "host" | "port" | "username" | "password" | "database"> & { hasTls: boolean };

const DEFAULT_PORT = 6379;

/** Undefined when no server is named, or the cache is switched off. */
export function redisConfig(get: Get, report: Report): RedisConfig | undefined {
  if (!get("redis.enabled")) return undefined;
  const url = get("redis.url") ?? readSecret(get("redis.url_file"), "redis.url_file", report);
  const host = get("redis.host");
  const server = url === undefined ? (host === undefined ? undefined : serverOf(host, get)) : parseUrl(url, report);
  if (server === undefined) return undefined;
  const keyPrefix = get("redis.key_prefix");
  const isCluster = get("redis.cluster");
  if (isCluster && !/\{[^}]+\}/.test(keyPrefix))
    report(
      "redis.key_prefix",
      `is ${keyPrefix}; in a cluster it needs a part in braces: {${keyPrefix.replace(/:$/, "")}}:`,
    );
  if (isCluster && server.database !== 0) report("redis.database", `is ${server.database}; a cluster has 0 alone`);
  const { hasTls, ...address } = server;
  return {
    ...address,
    username: server.username ?? get("redis.username"),
    password:
      server.password ?? get("redis.password") ?? readSecret(get("redis.password_file"), "redis.password_file", report),
    tls: hasTls || get("redis.tls") ? { caFile: get("redis.ca_file") } : undefined,
    isCluster,
    keyPrefix,
    ttlSecs: {
      contract: get("redis.contract_ttl_secs"),
      state: get("redis.state_ttl_secs"),
      account: get("redis.account_ttl_secs"),
      code: get("redis.code_ttl_secs"),
    },
    feedLength: get("redis.feed_max_length"),
    backlogMaxBytes: get("redis.backlog_max_bytes"),
    connectTimeoutMs: get("redis.connect_timeout_ms"),
    commandTimeoutMs: get("redis.command_timeout_ms"),
  };
}

function serverOf(host: string, get: Get): Server {
  const port = get("redis.port");
  return { host, port, database: get("redis.database"), username: undefined, password: undefined, hasTls: false };
}

function parseUrl(text: string, report: Report): Server | undefined {
  const refuse = (problem: string): undefined => void report("redis.url", problem);
  // A URL of another scheme is parsed by rules that know no host in it.
  const match = /^redis(s?):\/\/(.*)$/is.exec(text.trim());
  if (match === null) return refuse("expected redis://user:password@host:port/database, or rediss://");
  let url: URL;
  try {
    url = new URL(`http://${match[2]}`);
  } catch {
    return refuse("is no URL: reserved characters of user and password must be percent-encoded");
  }
  const [parameter] = url.searchParams.keys();
  if (parameter !== undefined) return refuse(`has a parameter ${parameter}; there are none, only settings`);
  const database = url.pathname.slice(1);
  if (!/^\d{0,5}$/.test(database)) return refuse(`names a database ${database}; expected a number`);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1") || "localhost",
    port: portOf(match[2]!) ?? DEFAULT_PORT,
    username: url.username === "" ? undefined : decodeURIComponent(url.username),
    password: url.password === "" ? undefined : decodeURIComponent(url.password),
    database: Number(database),
    hasTls: match[1] !== "",
  };
}
