/** Settings of PostgreSQL. */
import * as Type from "typebox";
import { flag, named, number, optional, SAFE_MAX, type Setting } from "./setting.ts";

export const POSTGRES_SETTINGS = {
  "storage.postgres.url": optional(
    "text",
    "postgres://user:password@host:port/database?sslmode=…; goes before the keys below (DATABASE_URL).",
    { isSecret: true },
  ),
  "storage.postgres.url_file": optional("path", "File that holds the URL."),
  "storage.postgres.host": named("text", "localhost", "Host name, address, or directory of a Unix socket."),
  "storage.postgres.port": number("wholeNumber", 5432, { minimum: 1, maximum: 65_535 }, "Port."),
  "storage.postgres.database": named("text", "polytorus", "Database."),
  "storage.postgres.user": named("text", "polytorus", "User."),
  "storage.postgres.password": optional("text", "Password; better in password_file.", { isSecret: true }),
  "storage.postgres.password_file": optional("path", "File that holds the password."),
  "storage.postgres.schema": {
    form: "text",
    schema: Type.String({ pattern: "^[a-z_][a-z0-9_]{0,62}$" }),
    fallback: "smart_contracts",
    meaning: "Schema that everything stands in: lower case letters, digits and underscores.",
  } satisfies Setting<string>,
  "storage.postgres.sslmode": {
    form: "text",
    schema: Type.Enum(["disable", "require", "verify-ca", "verify-full"]),
    fallback: undefined,
    meaning: "disable, require, verify-ca or verify-full; left out: disable for this machine, require for others.",
  } as Setting<"disable" | "require" | "verify-ca" | "verify-full" | undefined>,
  "storage.postgres.sslrootcert": optional("path", "PEM certificate of the CA that signed the server's."),
  "storage.postgres.read_replica_urls": optional(
    "text",
    "URLs of servers that PostgreSQL replicates to, with commas between: what may be a little behind is read there. What a URL leaves out is as above.",
    { isSecret: true },
  ),
  "storage.postgres.read_replica_behind_max": number(
    "wholeNumber",
    1_000,
    { minimum: 1, maximum: SAFE_MAX },
    "Entries that a read replica may be behind; further, the primary is read.",
  ),
  "storage.postgres.tables": flag(
    true,
    "Keep tables for SQL readers. false, with durability strict: the log alone, which costs the server less.",
    {},
  ),
  "storage.postgres.lease_ms": number(
    "wholeNumber",
    3_000,
    { minimum: 500, maximum: 60_000 },
    "With durability strict: a leader that is gone is replaced after this long.",
  ),
  "storage.postgres.commit_timeout_ms": number(
    "wholeNumber",
    10_000,
    { minimum: 1_000, maximum: 3_600_000 },
    "With durability strict: whoever waits longer for a commit is told OUTCOME_UNKNOWN.",
  ),
  "storage.postgres.connect_timeout_ms": number(
    "wholeNumber",
    5_000,
    { minimum: 100, maximum: 600_000 },
    "A connection that is not there by then has failed.",
  ),
  "storage.postgres.statement_timeout_ms": number(
    "wholeNumber",
    30_000,
    { minimum: 100, maximum: 3_600_000 },
    "A statement without an answer by then is given up.",
  ),
} as const satisfies Record<string, Setting>;
