/**
 * Migrator: brings the schema to the version of this program and back, on node-pg-migrate, and says where it stands.
 *   files (migration-files.ts) ── compared by number, name and checksum ── table schema_migrations
 * Always
 *  - Each migration is one transaction, with its row in schema_migrations and its checksum in the same one: a process
 *    that dies in the middle leaves the version before.
 *  - One migrator at a time: an advisory lock of the database, waited for.
 *  - Nothing is applied or taken back while an applied file was changed, is missing, or is out of order.
 */
import type { Client } from "pg";
import { EngineError } from "../errors.ts";
import { type MigrationFile, readMigrations } from "./migration-files.ts";
import { isMissing, postgresError } from "./postgres-errors.ts";
import { quotedSchema } from "./postgres-options.ts";

export interface AppliedMigration {
  readonly name: string;
  readonly checksum: string;
  readonly appliedAt: string;
}

export interface MigrationState {
  readonly version: number;
  readonly name: string;
  readonly state: "applied" | "pending" | "changed" | "missing" | "out of order";
  readonly appliedAt?: string;
  /** Of the file, and as it was when it was applied. */
  readonly checksum?: string;
  readonly appliedChecksum?: string;
}

export interface MigrationStatus {
  readonly schema: string;
  /** Number of the last migration that is applied; 0 when none is. */
  readonly version: number;
  readonly migrations: readonly MigrationState[];
  readonly isCurrent: boolean;
  /** Changed, missing or out of order: one sentence each. */
  readonly problems: readonly string[];
}

/** What a migration would do, or did. */
export interface MigrationStep {
  readonly version: number;
  readonly name: string;
  readonly direction: "up" | "down";
  readonly sql: string;
}

const TABLE = "schema_migrations";
/** "polytorus" as a number, so that no other program's migrations wait for ours. */
const LOCK_KEY = "8097870344";
const LOCK_WAIT = "30s";

export class Migrator {
  readonly #client: Client;
  readonly #schema: string;
  readonly #quoted: string;
  readonly #directory: string;
  readonly #files: readonly MigrationFile[];

  constructor(client: Client, schema: string, directory: string) {
    this.#client = client;
    this.#schema = schema;
    this.#quoted = quotedSchema({ schema });
    this.#directory = directory;
    this.#files = readMigrations(directory);
  }

  /** @throws StorageError when the database does not answer. */
  async status(): Promise<MigrationStatus> {
    return compare(this.#schema, this.#files, await this.#applied());
  }

  /** Applies what is pending, one after the other. With `dryRun` nothing is, and the steps say what would be. */
  async migrate(options: { dryRun?: boolean; onStep?: (step: MigrationStep) => void } = {}): Promise<MigrationStep[]> {
    if (options.dryRun === true) return this.#pending(await this.status());
    return await this.#locked(async () => {
      const status = await this.status();
      const steps = this.#pending(status);
      if (steps.length > 0) await this.#ensureTable();
      for (const step of steps) {
        await this.#run(step);
        options.onStep?.(step);
      }
      return steps;
    });
  }

  /**
   * Takes back every migration above `version`, newest first. Their tables go with what they hold: without `force` only
   * empty ones do. @throws EngineError CONFIGURATION_ERROR naming what would be lost.
   */
  async rollback(version: number, options: { force: boolean }): Promise<MigrationStep[]> {
    return await this.#locked(async () => {
      const status = await this.status();
      if (!(Number.isInteger(version) && version >= 0 && version <= status.version))
        throw new EngineError(
          "VALIDATION_ERROR",
          `expected a version from 0 to ${status.version}, the one that is applied, received ${version}`,
          { path: "version", expected: `0 to ${status.version}`, received: version },
        );
      this.#refuseProblems(status, "nothing was taken back");
      const files = this.#files.filter((file) => file.version > version && file.version <= status.version).reverse();
      if (files.length > 0 && !options.force) await this.#refuseRows(`going back to version ${version}`);
      const steps = files.map((file) => stepOf(file, "down"));
      for (const step of steps) await this.#run(step);
      return steps;
    });
  }

  /** Drops the schema with everything in it. */
  async reset(options: { force: boolean }): Promise<void> {
    await this.#locked(async () => {
      if (!options.force) await this.#refuseRows("a reset");
      await this.#query("dropping the schema", `drop schema if exists ${this.#quoted} cascade`);
    });
  }

  #pending(status: MigrationStatus): MigrationStep[] {
    this.#refuseProblems(status, "nothing was applied");
    return this.#files.filter((file) => file.version > status.version).map((file) => stepOf(file, "up"));
  }

  #refuseProblems({ problems }: MigrationStatus, consequence: string): void {
    if (problems.length === 0) return;
    throw new EngineError("MIGRATIONS_DRIFTED", `${problems.join("; ")}; ${consequence}`, { problems });
  }

  async #refuseRows(what: string): Promise<void> {
    const found: string[] = [];
    for (const table of await this.#tables()) {
      const name = `${this.#quoted}."${table}"`;
      const [row] = await this.#query("counting rows", `select count(*)::text as n from ${name}`);
      if (row!["n"] !== "0") found.push(`${table} (${row!["n"]} rows)`);
    }
    if (found.length === 0) return;
    throw new EngineError("DATA_WOULD_BE_LOST", `${what} would drop ${found.join(", ")}`, { tables: found });
  }

  async #tables(): Promise<string[]> {
    const rows = await this.#query(
      "listing tables",
      "select table_name from information_schema.tables where table_schema = $1 and table_type = 'BASE TABLE' and table_name <> $2 order by 1",
      [this.#schema, TABLE],
    );
    return rows.map((row) => String(row["table_name"]));
  }

  async #applied(): Promise<AppliedMigration[]> {
    try {
      const { rows } = await this.#client.query(
        `select name, checksum, to_char(run_on at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at from ${this.#quoted}."${TABLE}" order by id`,
      );
      return rows.map(({ name, checksum, at }) => ({ name, checksum: checksum ?? "", appliedAt: at }));
    } catch (problem) {
      if (isMissing(problem)) return [];
      throw postgresError("reading which migrations are applied", problem);
    }
  }

  /** Its last column fills itself from the session: node-pg-migrate writes the row, in the migration's transaction. */
  async #ensureTable(): Promise<void> {
    await this.#query("making the schema", `create schema if not exists ${this.#quoted}`);
    await this.#query(
      "making the table of migrations",
      `create table if not exists ${this.#quoted}."${TABLE}" (
         id serial primary key, name varchar(255) not null, run_on timestamptz not null,
         checksum text default current_setting('polytorus.migration_checksum', true))`,
    );
  }

  async #run(step: MigrationStep): Promise<void> {
    const file = this.#files[step.version - 1]!;
    const { runner } = await import("node-pg-migrate");
    const said: string[] = [];
    await this.#query("naming the checksum", "select set_config('polytorus.migration_checksum', $1, false)", [
      file.checksum,
    ]);
    try {
      await runner({
        dbClient: this.#client,
        dir: this.#directory,
        direction: step.direction,
        count: 1,
        migrationsTable: TABLE,
        schema: this.#schema,
        singleTransaction: true,
        noLock: true,
        log: (line: string) => void said.push(line),
      });
    } catch (problem) {
      const failed = postgresError(`migration ${step.name} (${step.direction})`, problem, false);
      throw new EngineError("MIGRATION_FAILED", `${failed.message}; it was rolled back`, {
        ...failed.facts,
        migration: step.name,
        log: said.filter((line) => line.startsWith("Error")).join("\n"),
      });
    }
  }

  async #locked<T>(body: () => Promise<T>): Promise<T> {
    await this.#query("waiting for another migration", `set lock_timeout = '${LOCK_WAIT}'`);
    await this.#query("waiting for another migration", "set statement_timeout = 0");
    await this.#query("waiting for another migration", `select pg_advisory_lock(${LOCK_KEY})`);
    try {
      return await body();
    } finally {
      await this.#client.query(`select pg_advisory_unlock(${LOCK_KEY})`).catch(() => undefined);
    }
  }

  async #query(doing: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    try {
      return (await this.#client.query(text, values)).rows;
    } catch (problem) {
      throw postgresError(doing, problem);
    }
  }
}

function stepOf(file: MigrationFile, direction: "up" | "down"): MigrationStep {
  const sql = direction === "up" ? file.upSql : file.downSql;
  return { version: file.version, name: file.name, direction, sql };
}

/** Files against what was applied. Both are in order; the first that differ make everything after them suspect. */
export function compare(
  schema: string,
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): MigrationStatus {
  const rows = new Map(applied.map((row, index) => [row.name, { ...row, index }]));
  const migrations: MigrationState[] = files.map(({ version, name, checksum }) => {
    const row = rows.get(name);
    if (row === undefined) {
      const state = version <= applied.length ? "out of order" : "pending";
      return { version, name, state, checksum };
    }
    const { appliedAt, checksum: appliedChecksum } = row;
    const state = row.index !== version - 1 ? "out of order" : checksum === appliedChecksum ? "applied" : "changed";
    return { version, name, state, appliedAt, checksum, appliedChecksum };
  });
  for (const [index, { name, appliedAt, checksum }] of applied.entries())
    if (!files.some((file) => file.name === name))
      migrations.push({ version: index + 1, name, state: "missing", appliedAt, appliedChecksum: checksum });
  migrations.sort((a, b) => a.version - b.version);
  const problems = migrations.flatMap(({ name, state }) => {
    if (state === "changed") return [`${name} was changed after it was applied`];
    if (state === "missing") return [`${name} is applied, but this program has no such migration`];
    return state === "out of order" ? [`${name} does not stand where it was applied`] : [];
  });
  return {
    schema,
    version: applied.length,
    migrations,
    isCurrent: problems.length === 0 && applied.length === files.length,
    problems,
  };
}
