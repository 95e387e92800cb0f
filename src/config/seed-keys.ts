/**
 * Keys and variables of the seed documents, as settings of this daemon.
 *   DATABASE_URL, POSTGRES_*, [database_storage], [database_storage.postgres] ──▶ storage.postgres.*, storage.durability
 *   REDIS_URL, REDIS_*, [database_storage.redis]                              ──▶ redis.*
 */
import type { ConfigProblem } from "./problem.ts";
import type { SettingKey } from "./settings.ts";

export interface SeedValue {
  readonly key: SettingKey;
  readonly value: unknown;
  readonly origin: string;
}

interface SeedSource {
  readonly values: SeedValue[];
  readonly problems: ConfigProblem[];
}

/** To the log, for leadership, to the tables. */
const CONNECTIONS = 3;

const VARIABLES: Record<string, SettingKey> = {
  DATABASE_URL: "storage.postgres.url",
  POSTGRES_HOST: "storage.postgres.host",
  POSTGRES_PORT: "storage.postgres.port",
  POSTGRES_DB: "storage.postgres.database",
  POSTGRES_USER: "storage.postgres.user",
  POSTGRES_PASSWORD: "storage.postgres.password",
  POSTGRES_PASSWORD_FILE: "storage.postgres.password_file",
  POSTGRES_SCHEMA: "storage.postgres.schema",
  POSTGRES_SSLMODE: "storage.postgres.sslmode",
  REDIS_URL: "redis.url",
  REDIS_HOST: "redis.host",
  REDIS_PORT: "redis.port",
  REDIS_DB: "redis.database",
  REDIS_USERNAME: "redis.username",
  REDIS_PASSWORD: "redis.password",
  REDIS_PASSWORD_FILE: "redis.password_file",
  REDIS_KEY_PREFIX: "redis.key_prefix",
};

const POSTGRES_KEYS: Record<string, SettingKey> = {
  host: "storage.postgres.host",
  port: "storage.postgres.port",
  database: "storage.postgres.database",
  username: "storage.postgres.user",
  password: "storage.postgres.password",
  schema: "storage.postgres.schema",
};

const REDIS_KEYS: Record<string, readonly SettingKey[]> = {
  url: ["redis.url"],
  password: ["redis.password"],
  database: ["redis.database"],
  key_prefix: ["redis.key_prefix"],
  ttl_seconds: ["redis.contract_ttl_secs", "redis.state_ttl_secs", "redis.account_ttl_secs", "redis.code_ttl_secs"],
};
/** The cache holds one connection; storage_connectivity and doctor make a second while they look. */
const REDIS_CONNECTIONS = 2;

/** [database_storage] of a file. */
export function readSeedSection(section: Record<string, unknown>, origin: string): SeedSource {
  const values: SeedValue[] = [];
  const problems: ConfigProblem[] = [];
  const refuse = (key: string, message: string): void =>
    void problems.push({ key: `database_storage.${key}`, origin, message });
  for (const [key, value] of Object.entries(section)) {
    if (key === "fallback_to_memory") {
      if (typeof value !== "boolean")
        refuse(key, 'expected true (durability "journal") or false (durability "strict")');
      else values.push({ key: "storage.durability", value: value ? "journal" : "strict", origin });
    } else if (key === "connection_timeout_secs") {
      values.push({ key: "storage.postgres.connect_timeout_ms", value: Number(value) * 1000, origin });
    } else if (key === "max_connections") {
      requireConnections(value, CONNECTIONS, key, refuse);
    } else if (key === "use_ssl") {
      values.push({ key: "storage.postgres.sslmode", value: value === true ? "require" : "disable", origin });
    } else if (key === "redis" && typeof value === "object" && value !== null) {
      for (const [inner, innerValue] of Object.entries(value)) {
        const targets = Object.hasOwn(REDIS_KEYS, inner) ? REDIS_KEYS[inner] : undefined;
        if (inner === "max_connections") requireConnections(innerValue, REDIS_CONNECTIONS, `redis.${inner}`, refuse);
        else if (targets === undefined) refuse(`redis.${inner}`, "is no setting; redis has them all");
        else for (const target of targets) values.push({ key: target, value: innerValue, origin });
      }
    } else if (key === "postgres" && typeof value === "object" && value !== null) {
      for (const [inner, innerValue] of Object.entries(value)) {
        const target = Object.hasOwn(POSTGRES_KEYS, inner) ? POSTGRES_KEYS[inner] : undefined;
        if (inner === "max_connections") requireConnections(innerValue, CONNECTIONS, `postgres.${inner}`, refuse);
        else if (target === undefined) refuse(`postgres.${inner}`, "is no setting; storage.postgres has them all");
        else values.push({ key: target, value: innerValue, origin });
      }
    } else refuse(key, "is no setting; storage.postgres has them all");
  }
  return { values, problems };
}

/** The daemon needs so many connections and takes no more: a bound from there on is kept by itself. */
function requireConnections(
  value: unknown,
  needed: number,
  key: string,
  refuse: (key: string, message: string) => void,
): void {
  if (!(typeof value === "number" && Number.isInteger(value) && value >= needed))
    refuse(key, `expected a whole number from ${needed}: the daemon holds so many connections`);
}

export function readSeedVariables(environment: NodeJS.ProcessEnv): SeedValue[] {
  return Object.entries(VARIABLES).flatMap(([name, key]) => {
    const value = environment[name];
    return value === undefined || value === "" ? [] : [{ key, value, origin: name }];
  });
}

/** What to say about a storage that was asked for by name or URL and is none. */
export function storageKindProblem(value: string): string | undefined {
  return /^(redis|rediss)(:|$)/i.test(value)
    ? "is no storage: Redis is a cache beside one, named by redis.url (REDIS_URL)"
    : undefined;
}

export function isPostgresUrl(value: unknown): value is string {
  return typeof value === "string" && /^postgres(ql)?:\/\//i.test(value);
}
