/** Migrations on a real PostgreSQL: up, down, drift, gaps, and what a migrator that dies leaves. */
import { once } from "node:events";
import { cpSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/client.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { createMigration, migrationsDirectory, readMigrations } from "../../src/storage/migration-files.ts";
import { Migrator } from "../../src/storage/migrator.ts";
import { connectPostgres } from "../../src/storage/postgres-connection.ts";
import type { PostgresOptions } from "../../src/storage/postgres-options.ts";
import { startDaemon } from "../support/daemon.ts";
import { ALICE, deployment } from "../support/engine.ts";
import { createDatabase, describePostgres, query, urlOf } from "../support/postgres.ts";
import { runCli, startCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

async function withMigrator<T>(
  options: PostgresOptions,
  directory: string,
  body: (migrator: Migrator) => Promise<T>,
): Promise<T> {
  const client = await connectPostgres(options, { application: "test" });
  try {
    return await body(new Migrator(client, options.schema, directory));
  } finally {
    await client.end();
  }
}

const tablesOf = async (options: PostgresOptions): Promise<string[]> =>
  (
    await query(options, "select table_name from information_schema.tables where table_schema = $1 order by 1", [
      options.schema,
    ])
  ).map((row) => String(row["table_name"]));

/** Two migrations: a table, and a table that has a row. */
function smallMigrations(): string {
  const directory = temporaryDirectory();
  writeFileSync(
    join(directory, "0001_one.sql"),
    "-- Up Migration\ncreate table one (n int);\n-- Down Migration\ndrop table one;\n",
  );
  writeFileSync(
    join(directory, "0002_two.sql"),
    "-- Up Migration\ncreate table two (n int);\ninsert into two values (1);\n-- Down Migration\ndrop table two;\n",
  );
  return directory;
}

/** Makes a table of a name that the first migration wants, and does not commit: the migration waits in its middle. */
async function blockMigration(options: PostgresOptions): Promise<() => Promise<unknown>> {
  const blocker = await connectPostgres(options, { application: "blocker" });
  onTestFinished(() => blocker.end());
  await blocker.query("create schema smart_contracts");
  await blocker.query("begin");
  await blocker.query("create table smart_contracts.contract_state (n int)");
  return () => blocker.query("rollback");
}

async function migrationWaits(options: PostgresOptions): Promise<void> {
  const waiting = "select 1 from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'";
  await expect.poll(async () => (await query(options, waiting, [options.database])).length).toBe(1);
}

describePostgres("migrations", () => {
  it("are applied in order, once, and say so", async () => {
    const options = await createDatabase();
    const directory = migrationsDirectory();
    const count = readMigrations(directory).length;
    await withMigrator(options, directory, async (migrator) => {
      expect(await migrator.status()).toMatchObject({ version: 0, isCurrent: false, problems: [] });
      expect(await migrator.migrate({ dryRun: true })).toHaveLength(count);
      expect(await tablesOf(options)).toEqual([]);
      expect(await migrator.migrate()).toHaveLength(count);
      expect(await migrator.migrate()).toEqual([]);
      const status = await migrator.status();
      expect(status).toMatchObject({ version: count, isCurrent: true, problems: [] });
      for (const one of status.migrations)
        expect(one).toMatchObject({ state: "applied", appliedChecksum: one.checksum });
    });
    expect(await tablesOf(options)).toEqual(
      expect.arrayContaining(["block_log", "blocks", "contract_state", "contracts", "execution_history", "logs"]),
    );
  });

  it("are taken back as if they had never been, and can be applied again", async () => {
    const options = await createDatabase();
    await withMigrator(options, migrationsDirectory(), async (migrator) => {
      await migrator.migrate();
      await migrator.rollback(0, { force: false });
      expect(await tablesOf(options)).toEqual(["schema_migrations"]);
      await migrator.migrate();
      expect((await migrator.status()).isCurrent).toBe(true);
    });
  });

  it("are not taken back over rows, unless forced", async () => {
    const options = await createDatabase();
    await withMigrator(options, smallMigrations(), async (migrator) => {
      await migrator.migrate();
      for (const attempt of [() => migrator.rollback(1, { force: false }), () => migrator.reset({ force: false })])
        await expect(attempt()).rejects.toMatchObject({
          code: "DATA_WOULD_BE_LOST",
          facts: { tables: ["two (1 rows)"] },
        });
      await migrator.rollback(1, { force: true });
      expect(await tablesOf(options)).toEqual(["one", "schema_migrations"]);
      await migrator.reset({ force: true });
      expect(await tablesOf(options)).toEqual([]);
    });
  });

  it.each([
    [
      "was changed",
      (directory: string) => writeFileSync(join(directory, "0001_one.sql"), "-- Up Migration\n-- Down Migration\n"),
    ],
    ["is gone", (directory: string) => rmSync(join(directory, "0002_two.sql"))],
    [
      "has another name",
      (directory: string) => renameSync(join(directory, "0001_one.sql"), join(directory, "0001_uno.sql")),
    ],
  ])("stop everything when an applied file %s", async (_, spoil) => {
    const options = await createDatabase();
    const directory = smallMigrations();
    await withMigrator(options, directory, (migrator) => migrator.migrate());
    spoil(directory);
    await withMigrator(options, directory, async (migrator) => {
      expect((await migrator.status()).problems.length).toBeGreaterThan(0);
      await expect(migrator.migrate()).rejects.toMatchObject({ code: "MIGRATIONS_DRIFTED" });
      await expect(migrator.rollback(0, { force: true })).rejects.toMatchObject({ code: "MIGRATIONS_DRIFTED" });
    });
  });

  it("that fail leave the version before, whole", async () => {
    const options = await createDatabase();
    const directory = smallMigrations();
    writeFileSync(
      join(directory, "0003_three.sql"),
      "-- Up Migration\ncreate table three (n int);\ninsert into nowhere values (1);\n-- Down Migration\ndrop table three;\n",
    );
    await withMigrator(options, directory, async (migrator) => {
      await expect(migrator.migrate()).rejects.toMatchObject({
        code: "MIGRATION_FAILED",
        message: /nowhere.*rolled back/s,
      });
      expect((await migrator.status()).version).toBe(2);
    });
    expect(await tablesOf(options)).toEqual(["one", "schema_migrations", "two"]);
  });

  it("of which the process dies in the middle leave the version before", async () => {
    const options = await createDatabase();
    const directory = smallMigrations();
    writeFileSync(
      join(directory, "0003_three.sql"),
      "-- Up Migration\ncreate table three (n int);\nselect pg_sleep(300);\n-- Down Migration\ndrop table three;\n",
    );
    const dying = withMigrator(options, directory, (migrator) => migrator.migrate()).catch(
      (problem: unknown) => problem,
    );
    const sleeping =
      "select pid from pg_stat_activity where datname = $1 and query like '%pg_sleep(300)%' and pid <> pg_backend_pid()";
    await expect.poll(async () => (await query(options, sleeping, [options.database])).length).toBe(1);
    await query(options, `select pg_terminate_backend(pid) from (${sleeping}) as backend`, [options.database]);
    expect(await dying).toBeInstanceOf(Error);
    rmSync(join(directory, "0003_three.sql"));
    await withMigrator(options, directory, async (migrator) => {
      expect(await migrator.status()).toMatchObject({ version: 2, isCurrent: true });
    });
  });

  it("that were killed in the middle (kill -9) are as if never begun, are in the audit log, and run whole the next time", async () => {
    const options = await createDatabase();
    const dataDir = join(temporaryDirectory(), "data");
    const args = ["db", "migrate", "--database", urlOf(options), "--config", join(temporaryDirectory(), "none.toml")];
    writeFileSync(args.at(-1)!, `data_dir = "${dataDir}"\n`);
    const unblock = await blockMigration(options);
    const migrating = startCli(args);
    await migrationWaits(options);
    migrating.kill("SIGKILL");
    await once(migrating, "exit");
    await unblock();

    const again = await runCli([...args, "--json"]);
    expect(again.json().result.steps).toHaveLength(readMigrations(migrationsDirectory()).length);
    expect((await runCli(["db", "validate", "--database", urlOf(options)])).code).toBe(0);
    const audit = (await runCli(["audit", "show", "--data-dir", dataDir, "--json"])).json().result.items;
    expect(audit.map(({ action, phase }: { action: string; phase: string }) => `${action} ${phase}`)).toEqual([
      "db.migrate begun",
      "db.migrate begun",
      "db.migrate done",
    ]);
  });

  it("that a daemon was killed in the middle of are as if never begun; the next one runs them, and its tables follow", async () => {
    const options = await createDatabase();
    const dataDir = join(temporaryDirectory(), "data");
    const start = async () => {
      const daemon = await startDaemon(dataDir, { args: ["--http", "off", "--storage", urlOf(options)] });
      onTestFinished(() => daemon.kill("SIGKILL"));
      return { daemon, client: await connect({ ipc: daemon.ipc }) };
    };
    const first = await start();
    await first.client.call("tx_submit", { transaction: deployment(ALICE, "1000") });
    const unblock = await blockMigration(options);
    const migrating = first.client.call("admin_migrate", {}).catch((problem: unknown) => problem);
    await migrationWaits(options);
    await first.daemon.kill("SIGKILL");
    expect(await migrating).toBeInstanceOf(Error);
    await unblock();

    const { client } = await start();
    const { steps } = await client.call("admin_migrate", {});
    expect(steps).toHaveLength(readMigrations(migrationsDirectory()).length);
    const { stateRoot } = await client.call("state_root", {});
    const inTables = async () => await query(options, "select state_root from smart_contracts.position");
    await expect.poll(async () => (await inTables()).length).toBe(1);
    expect(toHex((await inTables())[0]!["state_root"] as Buffer)).toBe(stateRoot);
    await client.close();
  });

  it("run once when two migrators start at the same time", async () => {
    const options = await createDatabase();
    const migrate = () => withMigrator(options, migrationsDirectory(), (migrator) => migrator.migrate());
    const steps = await Promise.all([migrate(), migrate(), migrate()]);
    expect(steps.map((list) => list.length).sort()).toEqual([0, 0, readMigrations(migrationsDirectory()).length]);
  });

  it("are run, shown and taken back from the command line", async () => {
    const options = await createDatabase();
    const db = (...args: string[]) => runCli(["db", ...args, "--database", urlOf(options), "--json"]);
    const result = async (...args: string[]) => JSON.parse((await db(...args)).stdout);
    expect(await result("migrate")).toMatchObject({ status: "ok" });
    expect((await result("status")).result).toMatchObject({ isCurrent: true, schema: "smart_contracts" });
    expect(await db("validate", "--verbose")).toMatchObject({ code: 0 });
    expect(await db("rollback", "1")).toMatchObject({ code: 0 });
    expect((await result("status")).result).toMatchObject({ isCurrent: false, version: 1 });
    expect(await db("reset", "--force")).toMatchObject({ code: 0 });
    expect(await tablesOf(options)).toEqual([]);
  });
});

it("a new migration gets the next number, and both of its parts", () => {
  const directory = temporaryDirectory();
  cpSync(migrationsDirectory(), directory, { recursive: true });
  const before = readdirSync(directory).length;
  createMigration(directory, "Add a Thing");
  const files = readMigrations(directory);
  expect(files).toHaveLength(before + 1);
  expect(files.at(-1)).toMatchObject({ version: before + 1, name: `000${before + 1}_add_a_thing` });
});

it.each([
  ["0002_two.sql", "-- Up Migration\n-- Down Migration\n", /has number 2, but 1 comes next/],
  ["1_one.sql", "-- Up Migration\n-- Down Migration\n", /is not named NNNN_name\.sql/],
  ["0001_one.sql", "create table one (n int);\n", /needs a line "-- Up Migration"/],
])("refuses a migration file %s that does not fit", (name, text, message) => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, name), text);
  expect(() => readMigrations(directory)).toThrow(message);
});
