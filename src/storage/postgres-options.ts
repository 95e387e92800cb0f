/** How a PostgreSQL server is reached, and within which limits. Plain data: it is handed to worker threads. */

export interface PostgresOptions {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  /** The one schema that everything of ours stands in. */
  readonly schema: string;
  readonly tls: PostgresTls;
  readonly connectTimeoutMs: number;
  /** A statement that has no answer by then is given up, on both sides: its connection is closed. */
  readonly statementTimeoutMs: number;
}

/**
 * libpq's sslmode. `allow` and `prefer` are treated as `disable`: what may be given up without notice protects nothing.
 *   require: encrypted, the certificate is not checked · verify-ca: signed by the CA · verify-full: and for this host
 */
export interface PostgresTls {
  readonly mode: "disable" | "require" | "verify-ca" | "verify-full";
  /** PEM file of the CA; without it the system's are trusted. */
  readonly caFile: string | undefined;
}

/** `schema` as it stands in SQL. It was checked to be a plain name when it was configured. */
export function quotedSchema(options: Pick<PostgresOptions, "schema">): string {
  return `"${options.schema.replaceAll('"', '""')}"`;
}

/** For people: no password. */
export function describeServer({ user, host, port, database }: PostgresOptions): string {
  return `postgres://${user}@${host.includes(":") ? `[${host}]` : host}:${port}/${database}`;
}
