/** Whole stores taken from one place to another: what arrives is what was there, or nothing is. */
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/client.ts";
import { EngineError } from "../../src/errors.ts";
import { BackupSource } from "../../src/storage/copies/backup-source.ts";
import { DataDir } from "../../src/storage/data-dir.ts";
import { stateTools } from "../../src/tools/state.ts";
import { verifyChain } from "../../src/tools/verify-chain.ts";
import { startDaemon } from "../support/daemon.ts";
import { ALICE, BOB, deployment, deployToken, openEngine, rootOf, submit, transfer } from "../support/engine.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const RUN = { signal: new AbortController().signal, onProgress: () => undefined };
const at = (path: string) => ({ kind: "directory", path }) as const;

/** A data directory with a token, transfers, and a rollback in its log. Answers its newest root. */
async function chainIn(dataDir: string): Promise<{ root: string; token: string; height: number }> {
  const directory = DataDir.open(dataDir);
  const { engine } = await openEngine({ dataDir });
  const token = await deployToken(engine);
  for (let amount = 1; amount <= 5; amount++) await submit(engine, [transfer(token, ALICE, BOB, amount)]);
  await engine.service.blockRollback(4);
  await submit(engine, [transfer(token, ALICE, BOB, 1000)]);
  const root = rootOf(engine);
  await engine.close();
  directory.close();
  return { root, token, height: 5 };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "nothing",
    (problem: unknown) => (problem instanceof EngineError ? problem.code : String(problem)),
  );
}

const shared = { directory: "", file: "", exported: "", root: "", token: "", height: 0 };

beforeAll(async () => {
  const { mkdtempSync, rmSync } = await import("node:fs");
  const { tmpdir } = await import("node:os");
  const base = mkdtempSync(join(tmpdir(), "polytorus-copies-"));
  shared.directory = join(base, "data");
  Object.assign(shared, await chainIn(shared.directory));
  shared.file = join(base, "one.ptbackup");
  shared.exported = join(base, "state.ndjson");
  await stateTools.backup(at(shared.directory), { file: shared.file, replace: false }, RUN);
  const target = { format: "ndjson", schema: "", file: shared.exported, replace: false } as const;
  await stateTools.export(at(shared.directory), target, async () => {}, RUN);
  return () => rmSync(base, { recursive: true, force: true });
});

describe("backup and restore", () => {
  it("restores the chain with its history, from which an engine goes on", async () => {
    const dataDir = join(temporaryDirectory(), "restored");
    const restored = await stateTools.restore(shared.file, at(dataDir), { replace: false }, RUN);
    expect(restored).toMatchObject({ stateRoot: shared.root, height: shared.height });
    const report = await verifyChain(dataDir, RUN);
    expect(report.stateRoot).toBe(shared.root);
    expect(report.mismatch).toBeUndefined();
    const { engine } = await openEngine({ dataDir });
    expect(rootOf(engine)).toBe(shared.root);
    const [fate] = await submit(engine, [transfer(shared.token, ALICE, BOB, 7)]);
    expect(fate).toMatchObject({ receipt: { status: "success" }, height: shared.height + 1 });
    await engine.close();
  });

  it("refuses a backup in which any one byte is another, naming the place, before anything counts", async () => {
    const bytes = readFileSync(shared.file);
    const path = join(temporaryDirectory(), "changed.ptbackup");
    for (let offset = 0; offset < bytes.length; offset += offset < 400 ? 1 : 37) {
      const changed = Buffer.from(bytes);
      changed[offset]! ^= 0x40;
      writeFileSync(path, changed);
      const problem: unknown = await readAll(path).catch((thrown: unknown) => thrown);
      expect(problem, `byte ${offset}`).toBeInstanceOf(EngineError);
      const { code, facts } = problem as EngineError;
      expect(["BACKUP_DAMAGED", "FORMAT_UNSUPPORTED"], `byte ${offset}`).toContain(code);
      if (code === "BACKUP_DAMAGED") expect(facts["offset"]).toBeLessThanOrEqual(offset);
    }
  });

  it("refuses a backup that was cut anywhere, and leaves no data directory behind", async () => {
    const { length } = readFileSync(shared.file);
    for (const kept of [0, 15, 16, 24, 300, length - 40, length - 1]) {
      const directory = temporaryDirectory();
      const path = join(directory, "cut.ptbackup");
      writeFileSync(path, readFileSync(shared.file));
      truncateSync(path, kept);
      const target = join(directory, "restored");
      expect(await codeOf(stateTools.restore(path, at(target), { replace: false }, RUN))).toBe("BACKUP_DAMAGED");
      expect(existsSync(join(target, "FORMAT"))).toBe(false);
      expect(existsSync(join(target, "journal"))).toBe(false);
    }
  });

  it("writes over nothing unless told to, and then moves what was there aside", async () => {
    const dataDir = join(temporaryDirectory(), "data");
    await chainIn(dataDir);
    expect(await codeOf(stateTools.restore(shared.file, at(dataDir), { replace: false }, RUN))).toBe(
      "DATA_WOULD_BE_LOST",
    );
    const { replaced } = await stateTools.restore(shared.file, at(dataDir), { replace: true }, RUN);
    expect(readdirSync(replaced!)).toEqual(expect.arrayContaining(["journal", "state"]));
    const { engine } = await openEngine({ dataDir });
    expect(rootOf(engine)).toBe(shared.root);
    await engine.close();
    expect(await codeOf(stateTools.backup(at(shared.directory), { file: shared.file, replace: false }, RUN))).toBe(
      "DATA_WOULD_BE_LOST",
    );
  });

  it("never makes somebody else's directory a data directory", async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "thesis.tex"), "");
    for (const replace of [false, true])
      expect(await codeOf(stateTools.restore(shared.file, at(directory), { replace }, RUN))).toBe(
        "CONFIGURATION_ERROR",
      );
    expect(readdirSync(directory)).toEqual(["thesis.tex"]);
  });

  it("has nothing to back up where there is no chain", async () => {
    const directory = temporaryDirectory();
    const file = join(directory, "none.ptbackup");
    expect(await codeOf(stateTools.backup(at(directory), { file, replace: false }, RUN))).toBe("BLOCK_NOT_FOUND");
    expect(readdirSync(directory)).toEqual([]);
  });

  it("stops when it is told to, with nothing left", async () => {
    const directory = temporaryDirectory();
    const abort = new AbortController();
    const run = { signal: abort.signal, onProgress: () => abort.abort() };
    const target = join(directory, "restored");
    await expect(stateTools.restore(shared.file, at(target), { replace: false }, run)).rejects.toThrow(/abort/);
    expect(readdirSync(target).filter((name) => !name.startsWith("LOCK."))).toEqual([]);
  });
});

describe("state export and import", () => {
  it("begins a data directory with the exported block: equal root, equal answers, and nothing before it", async () => {
    const dataDir = join(temporaryDirectory(), "imported");
    const done = await stateTools.import(shared.exported, at(dataDir), { replace: false, validate: true }, RUN);
    expect(done).toMatchObject({ stateRoot: shared.root, height: shared.height, validated: true, resumedRows: 0 });
    for (const round of ["first start", "after a stop"]) {
      const { engine } = await openEngine({ dataDir });
      const [fate] = await submit(engine, [transfer(shared.token, ALICE, BOB, 7)]);
      expect(fate, round).toMatchObject({ receipt: { status: "success" } });
      expect(await codeOf(engine.service.block(shared.height - 1)), round).toBe("PRUNED");
      expect((await engine.service.block(shared.height))?.height, round).toBe(shared.height);
      const logs = await engine.service.logs({ address: undefined, limit: 100 } as never);
      expect(logs.items.every(({ block }) => block.height >= shared.height)).toBe(true);
      await engine.close();
    }
    const { from, to, prunedBelow, mismatch } = await verifyChain(dataDir, RUN);
    expect({ from, to, prunedBelow, mismatch }).toEqual({
      from: shared.height,
      to: shared.height + 2,
      prunedBelow: shared.height,
      mismatch: undefined,
    });
  });

  it("gives the same roots as the original when both go on with the same block", async () => {
    const base = temporaryDirectory();
    const [restored, imported] = [join(base, "restored"), join(base, "imported")];
    await stateTools.restore(shared.file, at(restored), { replace: false }, RUN);
    await stateTools.import(shared.exported, at(imported), { replace: false, validate: true }, RUN);
    const roots: string[] = [];
    for (const dataDir of [restored, imported]) {
      const { engine } = await openEngine({ dataDir, now: () => 1_900_000_000_000 });
      await submit(engine, [transfer(shared.token, ALICE, BOB, 7)]);
      roots.push(`${rootOf(engine)} ${String((await engine.service.block("latest"))!.blockHash)}`);
      await engine.close();
    }
    expect(roots[0]).toBe(roots[1]);
  });

  it("exports the same bytes again from what was imported", async () => {
    const base = temporaryDirectory();
    await stateTools.import(shared.exported, at(join(base, "imported")), { replace: false, validate: true }, RUN);
    const target = { format: "ndjson", schema: "", file: join(base, "again.ndjson"), replace: false } as const;
    await stateTools.export(at(join(base, "imported")), target, async () => {}, RUN);
    expect(readFileSync(target.file, "utf8")).toBe(readFileSync(shared.exported, "utf8"));
  });

  it("refuses an export of which any line was changed, left out or doubled", async () => {
    const base = temporaryDirectory();
    const path = join(base, "changed.ndjson");
    const lines = readFileSync(shared.exported, "utf8").trimEnd().split("\n");
    const variants: [string, string[]][] = lines.flatMap((line, i) => {
      const digit = line.length - 5;
      const other = line[digit] === "0" ? "1" : "0";
      const changed = lines.with(i, line.slice(0, digit) + other + line.slice(digit + 1));
      return [
        [`line ${i + 1} changed`, changed],
        [`line ${i + 1} left out`, lines.toSpliced(i, 1)],
        [`line ${i + 1} doubled`, lines.toSpliced(i, 0, line)],
      ] as [string, string[]][];
    });
    for (const [what, text] of variants) {
      writeFileSync(path, `${text.join("\n")}\n`);
      const target = join(base, "imported");
      const code = await codeOf(stateTools.import(path, at(target), { replace: false, validate: true }, RUN));
      expect(code, what).toBe("BACKUP_DAMAGED");
      expect(existsSync(join(target, "FORMAT")), what).toBe(false);
    }
  });

  it("compares nothing with --skip-validation, and says so", async () => {
    const base = temporaryDirectory();
    const path = join(base, "changed.ndjson");
    const text = readFileSync(shared.exported, "utf8");
    writeFileSync(path, text.replace(/"sha256":"./, '"sha256":"x'));
    const settings = { replace: false, validate: false };
    const done = await stateTools.import(path, at(join(base, "imported")), settings, RUN);
    expect(done).toMatchObject({ validated: false, height: shared.height });
  });

  it("writes json that parses, with every row decoded", async () => {
    let text = "";
    const target = { format: "json", schema: "", file: undefined, replace: false } as const;
    const print = async (part: string): Promise<void> => {
      text += part;
    };
    await stateTools.export(at(shared.directory), target, print, RUN);
    const document = JSON.parse(text);
    expect(document.manifest.stateRoot).toBe(shared.root);
    expect(document.contracts).toEqual([expect.objectContaining({ address: shared.token, type: "erc20" })]);
    expect(document.accounts).toContainEqual({ address: ALICE, nonce: 5, balance: "0" });
  });
});

describe("copies of a chain in memory", () => {
  it("takes a running daemon's whole log to a data directory, whose daemon goes on from it", async () => {
    const base = temporaryDirectory();
    const ipc = join(base, "memory.ipc");
    const args = ["--http", "off", "--storage", "memory", "--ipc", ipc];
    const daemon = await startDaemon(join(base, "unused"), { args });
    onTestFinished(() => daemon.kill("SIGKILL"));
    const client = await connect({ ipc });
    const { contractAddress } = (await client.call("tx_submit", { transaction: deployment(ALICE, "1000") })) as {
      contractAddress: string;
    };
    for (let amount = 1; amount <= 20; amount++)
      await client.call("tx_submit", { transaction: transfer(contractAddress, ALICE, BOB, amount) });
    const { stateRoot } = await client.call("state_root", {});
    await client.close();
    const dataDir = join(base, "data");
    const from = { kind: "daemon", ipc } as const;
    expect(await stateTools.copy(from, at(dataDir), { replace: false }, RUN)).toMatchObject({ stateRoot, height: 21 });
    expect((await verifyChain(dataDir, RUN)).stateRoot).toBe(stateRoot);
    expect(await codeOf(stateTools.copy(at(dataDir), from, { replace: false }, RUN))).toBe("VALIDATION_ERROR");
  });
});

async function readAll(path: string): Promise<void> {
  const source = await BackupSource.open(path);
  try {
    for await (const _ of source.parts());
  } finally {
    await source.close();
  }
}
