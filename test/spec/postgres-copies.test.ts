/** Whole stores taken to PostgreSQL's log and back: equal roots everywhere, all or nothing. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { PostgresConfig } from "../../src/config/config.ts";
import { EngineError } from "../../src/errors.ts";
import { BlobFiles } from "../../src/storage/blobs/blob-files.ts";
import { DataDir } from "../../src/storage/data-dir.ts";
import type { PostgresOptions } from "../../src/storage/postgres-options.ts";
import { stateTools } from "../../src/tools/state.ts";
import { verifyChain } from "../../src/tools/verify-chain.ts";
import { ALICE, BOB, deployToken, openEngine, rootOf, submit, transfer } from "../support/engine.ts";
import { createDatabase, createMigratedDatabase, describePostgres, query } from "../support/postgres.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const RUN = { signal: new AbortController().signal, onProgress: () => undefined };
const at = (path: string) => ({ kind: "directory", path }) as const;
const inDatabase = (options: PostgresOptions) => ({ kind: "postgres", postgres: options as PostgresConfig }) as const;

async function chainIn(dataDir: string): Promise<{ root: string; token: string }> {
  const directory = DataDir.open(dataDir);
  const { engine } = await openEngine({ dataDir });
  const token = await deployToken(engine);
  for (let amount = 1; amount <= 30; amount++) await submit(engine, [transfer(token, ALICE, BOB, amount)]);
  await engine.service.blockRollback(28);
  await submit(engine, [transfer(token, ALICE, BOB, 1000)]);
  const root = rootOf(engine);
  await engine.close();
  directory.close();
  return { root, token };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "nothing",
    (problem: unknown) => (problem instanceof EngineError ? problem.code : String(problem)),
  );
}

describePostgres("copies to and from PostgreSQL", () => {
  it("copies a data directory to a log, from which a daemon in strict starts, and back to another directory", async () => {
    const base = temporaryDirectory();
    const { root, token } = await chainIn(join(base, "data"));
    const options = await createMigratedDatabase();
    const there = await stateTools.copy(at(join(base, "data")), inDatabase(options), { replace: false }, RUN);
    expect(there).toMatchObject({ stateRoot: root });
    const back = await stateTools.copy(inDatabase(options), at(join(base, "back")), { replace: false }, RUN);
    expect(back).toMatchObject({ stateRoot: root, seq: there.seq });
    expect((await verifyChain(join(base, "back"), RUN)).stateRoot).toBe(root);

    const { engine } = await openEngine({
      dataDir: join(base, "joined"),
      postgres: { options, durability: "strict", address: "http://joined", leaseMs: 10_000 },
    });
    expect(rootOf(engine)).toBe(root);
    const [fate] = await submit(engine, [transfer(token, ALICE, BOB, 7)]);
    expect(fate).toMatchObject({ receipt: { status: "success" } });
    await engine.close();
  });

  it("exports from a log what it exports from the directory, and a backup of it restores to both", async () => {
    const base = temporaryDirectory();
    const { root } = await chainIn(join(base, "data"));
    const options = await createMigratedDatabase();
    await stateTools.copy(at(join(base, "data")), inDatabase(options), { replace: false }, RUN);
    for (const [name, from] of [
      ["directory", at(join(base, "data"))],
      ["log", inDatabase(options)],
    ] as const) {
      const target = { format: "ndjson", schema: "", file: join(base, `${name}.ndjson`), replace: false } as const;
      await stateTools.export(from, target, async () => {}, RUN);
    }
    const exported = readFileSync(join(base, "log.ndjson"), "utf8");
    expect(exported).toBe(readFileSync(join(base, "directory.ndjson"), "utf8"));

    const file = join(base, "log.ptbackup");
    await stateTools.backup(inDatabase(options), { file, replace: false }, RUN);
    const other = await createMigratedDatabase();
    for (const to of [at(join(base, "restored")), inDatabase(other)])
      expect(await stateTools.restore(file, to, { replace: false }, RUN)).toMatchObject({ stateRoot: root });
  });

  it("changes nothing where a log is already, migrations are missing, or the source has no genesis", async () => {
    const base = temporaryDirectory();
    const from = at(join(base, "data"));
    await chainIn(from.path);
    const options = await createMigratedDatabase();
    const to = inDatabase(options);
    expect(await codeOf(stateTools.backup(to, { file: join(base, "none"), replace: false }, RUN))).toBe(
      "BLOCK_NOT_FOUND",
    );
    await stateTools.copy(from, to, { replace: false }, RUN);
    const [before] = await query(options, "select count(*) as entries from smart_contracts.block_log");
    for (const replace of [false, true])
      expect(await codeOf(stateTools.copy(from, to, { replace }, RUN))).toBe("DATA_WOULD_BE_LOST");
    expect(await query(options, "select count(*) as entries from smart_contracts.block_log")).toEqual([before]);

    const empty = inDatabase(await createDatabase());
    expect(await codeOf(stateTools.copy(from, empty, { replace: false }, RUN))).toBe("MIGRATIONS_PENDING");

    const target = { format: "ndjson", schema: "", file: join(base, "s.ndjson"), replace: false } as const;
    await stateTools.export(from, target, async () => {}, RUN);
    const imported = join(base, "imported");
    await stateTools.import(target.file, at(imported), { replace: false, validate: true }, RUN);
    const other = inDatabase(await createMigratedDatabase());
    expect(await codeOf(stateTools.copy(at(imported), other, { replace: false }, RUN))).toBe("PRUNED");
    expect(existsSync(join(base, "none"))).toBe(false);
  });

  it("leaves nothing in the database when the log that comes is damaged", async () => {
    const base = temporaryDirectory();
    await chainIn(join(base, "data"));
    const options = await createMigratedDatabase();
    await stateTools.copy(at(join(base, "data")), inDatabase(options), { replace: false }, RUN);
    await query(
      options,
      "update smart_contracts.block_log set entry = overlay(entry placing '\\x00' from 120) where seq = 20",
    );
    const other = await createMigratedDatabase();
    const moved = stateTools.copy(inDatabase(options), inDatabase(other), { replace: false }, RUN);
    expect(await codeOf(moved)).toBe("BACKUP_DAMAGED");
    expect(await query(other, "select 1 from smart_contracts.block_log limit 1")).toEqual([]);
    expect(await query(other, "select 1 from smart_contracts.leader")).toEqual([]);
  });

  it("fills the tables of an empty schema with an export, from which a daemon in journal follows on", async () => {
    const base = temporaryDirectory();
    const { root, token } = await chainIn(join(base, "data"));
    const target = { format: "ndjson", schema: "", file: join(base, "s.ndjson"), replace: false } as const;
    await stateTools.export(at(join(base, "data")), target, async () => {}, RUN);
    const dataDir = join(base, "imported");
    await stateTools.import(target.file, at(dataDir), { replace: false, validate: true }, RUN);

    const bare = await createMigratedDatabase();
    const journal = (options: PostgresOptions) =>
      ({ options, durability: "journal", address: "http://imported", leaseMs: 10_000 }) as const;
    // Without the state the tables can't follow a log that begins after it.
    expect(await codeOf(openEngine({ dataDir, postgres: journal(bare) }))).toBe("DATABASE_IN_USE");

    const options = await createMigratedDatabase();
    const to = inDatabase(options);
    const done = await stateTools.import(target.file, to, { replace: false, validate: true }, RUN);
    expect(done).toMatchObject({ stateRoot: root, validated: true });
    expect(await codeOf(stateTools.import(target.file, to, { replace: false, validate: true }, RUN))).toBe(
      "DATA_WOULD_BE_LOST",
    );
    const { engine } = await openEngine({ dataDir, postgres: journal(options) });
    await submit(engine, [transfer(token, ALICE, BOB, 7)]);
    const next = rootOf(engine);
    await engine.close();
    const [position] = await query(options, "select encode(state_root, 'hex') as root from smart_contracts.position");
    expect(`0x${String(position!["root"])}`).toBe(next);
    const balances = await query(options, "select balance::text from smart_contracts.token_balances order by 1");
    expect(balances.map(({ balance }) => balance)).toEqual(["1385", "998615"]);
  });

  it("changes no table when a line of the export was changed", async () => {
    const base = temporaryDirectory();
    await chainIn(join(base, "data"));
    const target = { format: "ndjson", schema: "", file: join(base, "s.ndjson"), replace: false } as const;
    await stateTools.export(at(join(base, "data")), target, async () => {}, RUN);
    const text = readFileSync(target.file, "utf8");
    writeFileSync(target.file, text.replace(/("key":"0x13[^\n]*"value":"0x)../, "$1ff"));
    const options = await createMigratedDatabase();
    for (const [validate, code] of [
      [true, "BACKUP_DAMAGED"],
      [false, "nothing"],
    ] as const) {
      const work = stateTools.import(target.file, inDatabase(options), { replace: false, validate }, RUN);
      expect(await codeOf(work)).toBe(code);
      if (validate) expect(await query(options, "select 1 from smart_contracts.accounts")).toEqual([]);
    }
  });

  it("lets a replica begin with an import, and hands no log over that does not begin at genesis", async () => {
    const base = temporaryDirectory();
    const { root, token } = await chainIn(join(base, "data"));
    const options = await createMigratedDatabase();
    await stateTools.copy(at(join(base, "data")), inDatabase(options), { replace: false }, RUN);
    const target = { format: "ndjson", schema: "", file: join(base, "s.ndjson"), replace: false } as const;
    await stateTools.export(at(join(base, "data")), target, async () => {}, RUN);
    const dataDir = join(base, "imported");
    await stateTools.import(target.file, at(dataDir), { replace: false, validate: true }, RUN);
    const strict = (postgres: PostgresOptions) =>
      ({ options: postgres, durability: "strict", address: "http://imported", leaseMs: 10_000 }) as const;
    const { engine } = await openEngine({ dataDir, postgres: strict(options) });
    expect(rootOf(engine)).toBe(root);
    expect(await submit(engine, [transfer(token, ALICE, BOB, 7)])).toMatchObject([{ receipt: { status: "success" } }]);
    await engine.close();
    const empty = await createMigratedDatabase();
    expect(await codeOf(openEngine({ dataDir, postgres: strict(empty) }))).toBe("PRUNED");
  });

  it("takes keys and ciphertexts along, to PostgreSQL and back, and leaves one daemon's own notes behind", async () => {
    const base = temporaryDirectory();
    await chainIn(join(base, "data"));
    const [first, second, own] = [Buffer.from("key one"), Buffer.from("key two"), Buffer.from("\0shared")];
    const bytes = Buffer.from("a ciphertext");
    const before = BlobFiles.open(join(base, "data", "blobs"), { bytesMax: 1e6 });
    const known = before.byteLength;
    await before.commit([
      { name: first, facts: { type: "euint64" }, bytes },
      { name: second, facts: { type: "ebool" }, bytes },
      { name: own, facts: { change: 7 } },
    ]);
    await before.close();
    const options = await createMigratedDatabase();
    await stateTools.copy(at(join(base, "data")), inDatabase(options), { replace: false }, RUN);
    await stateTools.copy(inDatabase(options), at(join(base, "back")), { replace: false }, RUN);
    const after = BlobFiles.open(join(base, "back", "blobs"), { bytesMax: 1e6 });
    expect(after.name(first)).toMatchObject({ type: "euint64" });
    expect(after.name(second)).toMatchObject({ type: "ebool" });
    expect(after.name(own)).toBeUndefined();
    expect(after.byteLength).toBe(known + bytes.length);
    const hash = createHash("sha256").update(bytes).digest();
    expect(Buffer.from(after.read(hash)!).equals(bytes)).toBe(true);
    // Both names refer to it: it goes with the second.
    await after.commit([{ name: first, facts: undefined }]);
    expect(after.read(hash)).toBeDefined();
    await after.commit([{ name: second, facts: undefined }]);
    expect(after.read(hash)).toBeUndefined();
    await after.close();
  });
});
