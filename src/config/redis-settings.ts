/** Settings of the Redis cache. */
import * as Type from "typebox";
import { flag, GIB, MIB, named, number, optional, type Setting } from "./setting.ts";

const YEAR_SECS = 31_536_000;

function ttl(what: string): Setting<number> {
  return number(
    "wholeNumber",
    0,
    { minimum: 0, maximum: YEAR_SECS },
    `Seconds for which ${what} stay after they were last written. 0: as long as they are in the state, filled at the start.`,
  );
}

export const REDIS_SETTINGS = {
  "redis.enabled": flag(true, "false: no cache, whatever names a server: REDIS_URL may be another program's."),
  "redis.url": optional(
    "text",
    "redis://user:password@host:port/database, or rediss:// for TLS; goes before the keys below (REDIS_URL).",
    { isSecret: true },
  ),
  "redis.url_file": optional("path", "File that holds the URL."),
  "redis.host": optional("text", "Host name or address. Without it, or a URL, there is no cache."),
  "redis.port": number("wholeNumber", 6379, { minimum: 1, maximum: 65_535 }, "Port."),
  "redis.username": optional("text", "User of an access list; left out: the server's default user."),
  "redis.password": optional("text", "Password; better in password_file.", { isSecret: true }),
  "redis.password_file": optional("path", "File that holds the password."),
  "redis.database": number(
    "wholeNumber",
    0,
    { minimum: 0, maximum: 65_535 },
    "Logical database; a cluster has 0 alone.",
  ),
  "redis.tls": flag(false, "TLS, as rediss:// says. The server's certificate is always checked."),
  "redis.ca_file": optional("path", "PEM certificate of the CA that signed the server's; left out: the system's CAs."),
  "redis.cluster": flag(false, "The server is a node of a Redis Cluster; key_prefix must have a hash tag."),
  "redis.key_prefix": {
    ...named(
      "text",
      "{polytorus:contracts}:",
      "What every key begins with. A part in braces is what a cluster hashes.",
    ),
    schema: Type.String({ pattern: "^[^\\s]{1,100}$" }),
  } satisfies Setting<string>,
  "redis.contract_ttl_secs": ttl("contracts"),
  "redis.state_ttl_secs": ttl("values of contracts' state"),
  "redis.account_ttl_secs": ttl("accounts"),
  "redis.code_ttl_secs": ttl("codes"),
  "redis.feed_max_length": number(
    "wholeNumber",
    10_000,
    { minimum: 0, maximum: 100_000_000 },
    "Entries that the stream of changes keeps, about; 0: there is none.",
  ),
  "redis.backlog_max_bytes": number(
    "bytes",
    256 * MIB,
    { minimum: MIB, maximum: 64 * GIB },
    "Log that the cache may be behind before it is filled from the state store instead of following.",
  ),
  "redis.connect_timeout_ms": number(
    "wholeNumber",
    5_000,
    { minimum: 100, maximum: 600_000 },
    "A connection that is not there by then has failed.",
  ),
  "redis.command_timeout_ms": number(
    "wholeNumber",
    10_000,
    { minimum: 100, maximum: 3_600_000 },
    "A command without an answer by then is given up.",
  ),
} as const satisfies Record<string, Setting>;
