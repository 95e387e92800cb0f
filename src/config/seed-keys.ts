/**
 * Keys and variables of the seed documents, as settings of this daemon. Postgres is served; Redis is not part of this
 * version: whoever asks for it is refused plainly, never served from somewhere else in silence.
 *   DATABASE_URL, POSTGRES_*, [database_storage], [database_storage.postgres] ──▶ storage.postgres.*, storage.durability
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

const NO_REDIS = "Redis is not part of this version";

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
};

const POSTGRES_KEYS: Record<string, SettingKey> = {
  host: "storage.postgres.host",
  port: "storage.postgres.port",
  database: "storage.postgres.database",
  username: "storage.postgres.user",
  password: "storage.postgres.password",
  schema: "storage.postgres.schema",
};

const REDIS_VARIABLES = ["REDIS_URL", "REDIS_HOST"];

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
      requireConnections(value, key, refuse);
    } else if (key === "use_ssl") {
      values.push({ key: "storage.postgres.sslmode", value: value === true ? "require" : "disable", origin });
    } else if (key === "redis") {
      refuse(key, `${NO_REDIS}. Remove it.`);
    } else if (key === "postgres" && typeof value === "object" && value !== null) {
      for (const [inner, innerValue] of Object.entries(value)) {
        const target = Object.hasOwn(POSTGRES_KEYS, inner) ? POSTGRES_KEYS[inner] : undefined;
        if (inner === "max_connections") requireConnections(innerValue, `postgres.${inner}`, refuse);
        else if (target === undefined) refuse(`postgres.${inner}`, "is no setting; storage.postgres has them all");
        else values.push({ key: target, value: innerValue, origin });
      }
    } else refuse(key, "is no setting; storage.postgres has them all");
  }
  return { values, problems };
}

/** The daemon needs three connections and takes no more: a bound from there on is kept by itself. */
function requireConnections(value: unknown, key: string, refuse: (key: string, message: string) => void): void {
  if (!(typeof value === "number" && Number.isInteger(value) && value >= CONNECTIONS))
    refuse(key, `expected a whole number from ${CONNECTIONS}: the daemon holds so many connections`);
}

export function readSeedVariables(environment: NodeJS.ProcessEnv): SeedValue[] {
  return Object.entries(VARIABLES).flatMap(([name, key]) => {
    const value = environment[name];
    return value === undefined || value === "" ? [] : [{ key, value, origin: name }];
  });
}

/** Refuses Redis, unless `storage.kind` is chosen by name: then the variables belong to another program. */
export function redisVariableProblems(environment: NodeJS.ProcessEnv): ConfigProblem[] {
  return REDIS_VARIABLES.filter((name) => environment[name] !== undefined && environment[name] !== "").map((name) => ({
    key: "storage.kind",
    origin: name,
    message: `${NO_REDIS}. Unset it, or say --storage embedded if it is meant for another program.`,
  }));
}

/** What to say about a storage that was asked for by name or URL and is not one of this version's. */
export function storageKindProblem(value: string): string | undefined {
  return /^(redis|rediss)(:|$)/i.test(value) ? `is a database that this version does not have: ${NO_REDIS}` : undefined;
}

export function isPostgresUrl(value: unknown): value is string {
  return typeof value === "string" && /^postgres(ql)?:\/\//i.test(value);
}
