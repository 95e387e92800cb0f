/** db maintenance: what it compacts, what it refuses under a daemon, and that a check finds a single wrong byte. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openLmdb } from "../../src/storage/lmdb-snapshot.ts";
import type { PostgresOptions } from "../../src/storage/postgres-options.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { createMigratedDatabase, describePostgres, query, urlOf } from "../support/postgres.ts";
import { type Envelope, runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

async function seeded(environment: Record<string, string> = {}): Promise<DaemonProcess & { dataDir: string }> {
  const dataDir = join(temporaryDirectory(), "data");
  const daemon = await startDaemon(dataDir, { environment });
  onTestFinished(() => daemon.kill("SIGKILL"));
  expect((await runCli(["seed", "--ipc", daemon.ipc])).code).toBe(0);
  return { ...daemon, dataDir };
}

interface Outcome extends Envelope {
  code: number | null;
}

async function maintain(dataDir: string, args: string[], environment: Record<string, string> = {}): Promise<Outcome> {
  const ran = await runCli(["db", "maintenance", "--data-dir", dataDir, "--json", ...args], { environment });
  return { ...ran.json(), code: ran.code };
}

describe("the embedded store", () => {
  it("is compacted without a daemon, keeps everything, and is sound before and after", async () => {
    const { dataDir, kill } = await seeded();
    expect(await maintain(dataDir, ["--vacuum"])).toMatchObject({ code: 78, error: { code: "DATA_DIR_LOCKED" } });
    expect(await maintain(dataDir, ["--check"])).toMatchObject({ code: 0, result: { isSound: true } });
    await kill("SIGTERM");
    const before = (await maintain(dataDir, ["--check"])).result;
    const store = openLmdb(join(dataDir, "state"));
    store.putSync(Buffer.from("\0ballast"), Buffer.alloc(2 ** 20));
    store.removeSync(Buffer.from("\0ballast"));
    await store.close();
    const [state] = (await maintain(dataDir, ["--vacuum", "--check"])).result.stores;
    expect(state.facts.bytesBefore - state.facts.bytesAfter).toBeGreaterThanOrEqual(2 ** 20);
    expect(state.facts.bytesAfter).toBe(statSync(join(dataDir, "state/state.mdb")).size);
    expect(state.facts.stateRoot).toBe(before.stores[0].facts.stateRoot);
    expect(readdirSync(join(dataDir, "state")).sort()).toEqual(["state.mdb", "state.mdb-lock"]);
    const again = await startDaemon(dataDir);
    onTestFinished(() => again.kill("SIGKILL"));
    const { result } = (await runCli(["seed", "--force", "--ipc", again.ipc, "--json"])).json();
    expect(result).toMatchObject({ applied: 0, transactions: 33 });
  });

  it("is compacted anew where a compaction was killed", async () => {
    const { dataDir, kill } = await seeded();
    await kill("SIGTERM");
    mkdirSync(join(dataDir, "state/compact.tmp"));
    writeFileSync(join(dataDir, "state/compact.tmp/state.mdb"), "half a file");
    expect(await maintain(dataDir, ["--vacuum", "--check"])).toMatchObject({ code: 0, result: { isSound: true } });
    expect(existsSync(join(dataDir, "state/compact.tmp"))).toBe(false);
  });

  it("is found out when one value of it is another", async () => {
    const { dataDir, kill } = await seeded();
    await kill("SIGTERM");
    const store = openLmdb(join(dataDir, "state"));
    const [entry] = [...store.getRange({ start: Buffer.of(0x13), limit: 1 })];
    store.putSync(entry!.key, Buffer.from([...entry!.value, 1]));
    await store.close();
    const { code, result, error } = await maintain(dataDir, ["--check"]);
    expect(code).toBe(69);
    expect(result.stores[0].problems).toEqual([
      expect.stringMatching(/^the embedded state at height 2 hashes to 0x[0-9a-f]{64}, the block says 0x[0-9a-f]{64}$/),
    ]);
    expect(result.stores[1].problems).toEqual([]);
    expect(error!.code).toBe("STORAGE_ERROR");
  });

  it("is found out when a byte of the journal is another", async () => {
    const { dataDir, kill } = await seeded();
    await kill("SIGTERM");
    const file = join(
      dataDir,
      "journal",
      readdirSync(join(dataDir, "journal")).find((name) => /\.journal$/.test(name))!,
    );
    const bytes = readFileSync(file);
    bytes[200]! ^= 1;
    writeFileSync(file, bytes);
    const { code, result } = await maintain(dataDir, ["--check"]);
    expect(code).toBe(69);
    expect(JSON.stringify(result.stores)).toContain(`${file} at byte`);
  });

  it("is pruned by the daemon that runs on it, or without one, and is told what to keep", async () => {
    const { dataDir, kill } = await seeded();
    expect(await maintain(dataDir, ["--prune"])).toMatchObject({ code: 2, error: { code: "VALIDATION_ERROR" } });
    expect(await maintain(dataDir, ["--prune", "--keep", "soon"])).toMatchObject({ code: 2 });
    expect(await maintain(dataDir, ["--check", "--dry-run"])).toMatchObject({ code: 2 });
    // Its log is in one segment yet, which is still written to.
    const facts = { segments: 0, bytes: 0, lowestHeight: 0, lowestHeightBefore: 0 };
    const asked = ["--prune", "--keep", "1 block", "--dry-run"];
    const byDaemon = { store: "journal, by the daemon", facts: { ...facts, dryRun: true } };
    expect(await maintain(dataDir, asked)).toMatchObject({ code: 0, result: { stores: [byDaemon] } });
    const environment = { POLYTORUS_RETENTION__HISTORY: "2 days" };
    expect(await maintain(dataDir, ["--prune"], environment)).toMatchObject({ code: 2 });
    await kill("SIGTERM");
    const { result } = await maintain(dataDir, ["--prune"], environment);
    expect(result.stores.at(-1)).toMatchObject({ store: "journal", facts });
  });

  it("is asked what to do", async () => {
    expect(await maintain(temporaryDirectory(), [])).toMatchObject({ code: 2, error: { code: "VALIDATION_ERROR" } });
  });
});

describePostgres("PostgreSQL's tables", () => {
  async function followed(): Promise<{
    dataDir: string;
    options: PostgresOptions;
    environment: Record<string, string>;
  }> {
    const options = await createMigratedDatabase();
    const environment = { DATABASE_URL: urlOf(options) };
    const { dataDir, kill } = await seeded(environment);
    await kill("SIGTERM");
    const [position] = await query(options, "select head_height from smart_contracts.position");
    expect(position).toEqual({ head_height: "2" });
    return { dataDir, options, environment };
  }

  it("are vacuumed and analyzed, and hash to the root of the block that they are at", async () => {
    const { dataDir, options, environment } = await followed();
    const { code, result } = await maintain(dataDir, ["--vacuum", "--analyze", "--check"], environment);
    expect(code).toBe(0);
    const [embedded, , tables] = result.stores;
    expect(tables).toMatchObject({ store: "PostgreSQL tables", problems: [], facts: { tables: 8, height: 2 } });
    expect(tables.facts.stateRoot).toBe(embedded.facts.stateRoot);
    const [row] = await query(
      options,
      "select bool_and(reltuples >= 0) as analyzed from pg_class where relnamespace = 'smart_contracts'::regnamespace and relname in ('blocks', 'logs', 'contract_state')",
    );
    expect(row).toEqual({ analyzed: true });
  });

  it("lose their history below what is kept and nothing else, and in a dry run nothing", async () => {
    const { dataDir, options, environment } = await followed();
    // Years before what comes next: nothing of it is in the rollback window then, but for its 128 blocks.
    for (const table of ["blocks", "execution_history", "logs"]) await query(options, copiesOf(table, 300));
    const heights = async (table: string, column: string): Promise<unknown> =>
      (
        await query(
          options,
          `select min(${column})::int as lowest, max(${column})::int as highest from smart_contracts.${table}`,
        )
      )[0];
    const asked = ["--prune", "--keep", "1 block"];
    const facts = { blocks: 174, lowestHeightBefore: 0, lowestHeight: 174 };
    const dry = (await maintain(dataDir, [...asked, "--dry-run"], environment)).result;
    expect(dry.stores.at(-1)).toMatchObject({ store: "PostgreSQL tables", facts: { ...facts, dryRun: true } });
    expect(await heights("blocks", "height")).toEqual({ lowest: 0, highest: 302 });
    expect((await maintain(dataDir, asked, environment)).result.stores.at(-1)).toMatchObject({ facts });
    expect(await heights("blocks", "height")).toEqual({ lowest: 174, highest: 302 });
    expect(await heights("execution_history", "block_height")).toEqual({ lowest: 174, highest: 302 });
    expect(await heights("logs", "block_height")).toEqual({ lowest: 174, highest: 302 });
    expect((await maintain(dataDir, asked, environment)).result.stores.at(-1)).toMatchObject({ facts: { blocks: 0 } });
  });

  it.each([
    [
      "a balance",
      "update smart_contracts.contract_state set value = value || '\\x01' where ctid = (select min(ctid) from smart_contracts.contract_state)",
      /^the tables' state at height 2 hashes to/,
    ],
    [
      "a contract's status",
      "update smart_contracts.contracts set status = 'paused' where ctid = (select min(ctid) from smart_contracts.contracts)",
      /^the tables' state at height 2 hashes to/,
    ],
    [
      "a missing account",
      "delete from smart_contracts.accounts where ctid = (select min(ctid) from smart_contracts.accounts)",
      /^the tables' state at height 2 hashes to/,
    ],
    ["a missing block", "delete from smart_contracts.blocks where height = 1", /^blocks has no height 1$/],
    [
      "a block that does not follow",
      "update smart_contracts.blocks set block_hash = '\\x00' where height = 1",
      /^block 2 does not follow/,
    ],
  ])("are found out when %s was changed by hand", async (_, change, problem) => {
    const { dataDir, options, environment } = await followed();
    await query(options, change);
    const { code, result } = await maintain(dataDir, ["--check"], environment);
    expect(code).toBe(69);
    expect(result.stores.map((store: { problems: string[] }) => store.problems.length)).toEqual([0, 0, 1]);
    expect(result.stores[2].problems[0]).toMatch(problem);
  });

  it("are looked after while the daemon runs; compacting the embedded state is left out then, and said to be", async () => {
    const options = await createMigratedDatabase();
    const environment = { DATABASE_URL: urlOf(options) };
    const { dataDir } = await seeded(environment);
    const { code, result } = await maintain(dataDir, ["--vacuum"], environment);
    expect(code).toBe(0);
    expect(result.stores[0].facts.vacuum).toMatch(/^left out: process \d+ uses this data directory$/);
    expect(result.stores[1].facts).toEqual({ tables: 8 });
  });
});

/** A statement that puts block 2, with what belongs to it, at so many further heights, an hour later each. */
function copiesOf(table: string, copies: number): string {
  const height = table === "blocks" ? "height" : "block_height";
  const time = table === "blocks" ? ", 'block_time', block_time + copy * interval '1 hour'" : "";
  return `insert into smart_contracts.${table}
          select (jsonb_populate_record(old, jsonb_build_object('${height}', 2 + copy${time}))).*
            from smart_contracts.${table} as old, generate_series(1, ${copies}) as copy where ${height} = 2`;
}
