/** What happens when a contract spins, or the executor's thread dies: nothing acknowledged is lost, neighbours run. */
import { rmSync } from "node:fs";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { TransactionJson } from "../../src/encoding/transaction.ts";
import type { Engine } from "../../src/engine.ts";
import { EngineError } from "../../src/errors.ts";
import { ExecutorThreads } from "../../src/sequencer/executor-threads.ts";
import {
  ALICE,
  BOB,
  BUILT,
  balanceOf,
  bytes,
  CAROL,
  deployToken,
  type Fate,
  openEngine,
  query,
  rootOf,
  submit,
  temporaryDirectory,
  transfer,
} from "../support/engine.ts";

const script = new URL("test-misbehaving-executor.js", BUILT);
const open: { engine: Engine; remove(): void }[] = [];

beforeAll(async () => {
  await build({
    entryPoints: [new URL("../support/misbehaving-executor.ts", import.meta.url).pathname],
    outfile: script.pathname,
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["lmdb", "secp256k1"],
    banner: { js: 'import { createRequire as r } from "node:module"; const require = r(import.meta.url);' },
    logLevel: "error",
  });
});

afterAll(() => rmSync(script, { force: true }));

afterEach(async () => {
  for (const { engine, remove } of open.splice(0)) {
    await engine.close();
    remove();
  }
});

async function start(stored: boolean): Promise<{ engine: Engine; token: string; bad: string }> {
  const directory = temporaryDirectory();
  const { engine } = await openEngine({
    dataDir: stored ? directory.path : undefined,
    executorThreads: new ExecutorThreads(script),
    // What does not spin must be done by then, also where others keep the processors busy.
    executionTimeoutMs: 1_000,
  });
  open.push({ engine, remove: directory.remove });
  const token = await deployToken(engine);
  const [fate] = await submit(engine, [
    { kind: "deploy", sender: ALICE, gasLimit: 10_000_000, contract: { type: "misbehaving" } },
  ]);
  if (fate === undefined || "rejection" in fate) throw new Error(JSON.stringify(fate));
  return { engine, token, bad: `0x${Buffer.from(fate.receipt.contractAddress!).toString("hex")}` };
}

function misbehave(bad: string, entrypoint: string): TransactionJson {
  return { kind: "call", sender: CAROL, gasLimit: 1_000_000, to: bad, entrypoint, args: [] };
}

function code(fate: Fate | undefined): string {
  return fate === undefined ? "nothing" : "rejection" in fate ? fate.rejection.code : fate.receipt.status;
}

for (const stored of [false, true]) {
  describe(`storage ${stored ? "embedded" : "memory"}`, () => {
    it("evicts a transaction that spins: no block, no nonce; the others of its batch run", async () => {
      const { engine, token, bad } = await start(stored);
      const fates = await submit(engine, [
        transfer(token, ALICE, BOB, 1),
        misbehave(bad, "spin"),
        transfer(token, ALICE, BOB, 2),
        misbehave(bad, "fine"),
      ]);
      expect(fates.map(code)).toEqual(["success", "EXECUTION_TIMEOUT", "success", "success"]);
      expect((await engine.service.account(bytes(CAROL))).nonce).toBe(1);
      expect(await balanceOf(engine, token, BOB)).toBe(3n);
    });

    it("answers everything that waited behind it", async () => {
      const { engine, token, bad } = await start(stored);
      const spinning = submit(engine, [misbehave(bad, "spin")]);
      const behind = Array.from({ length: 20 }, () => submit(engine, [transfer(token, ALICE, BOB, 1)]));
      const queries = Array.from({ length: 5 }, () => balanceOf(engine, token, ALICE));
      expect((await spinning).map(code)).toEqual(["EXECUTION_TIMEOUT"]);
      expect((await Promise.all(behind)).flat().map(code)).toEqual(new Array(20).fill("success"));
      await Promise.all(queries);
      expect(await balanceOf(engine, token, BOB)).toBe(20n);
    });

    it("fails a query that spins, and no other", async () => {
      const { engine, token, bad } = await start(stored);
      const results = await Promise.allSettled([
        balanceOf(engine, token, ALICE),
        query(engine, bad, "spin", []),
        balanceOf(engine, token, ALICE),
      ]);
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ code: "EXECUTION_TIMEOUT" });
    });

    it("loses nothing acknowledged when its thread ends, and keeps the root", async () => {
      const { engine, token, bad } = await start(stored);
      await submit(engine, [transfer(token, ALICE, BOB, 7)]);
      const root = rootOf(engine);
      const [fate] = await submit(engine, [misbehave(bad, "exit")]);
      expect(code(fate)).toBe("INTERNAL_ERROR");
      expect(rootOf(engine)).toBe(root);
      expect(await balanceOf(engine, token, BOB)).toBe(7n);
      expect(code((await submit(engine, [transfer(token, ALICE, BOB, 1)]))[0])).toBe("success");
    });

    it("fails a batch whose engine has a bug, keeps nothing of it, and goes on", async () => {
      const { engine, token, bad } = await start(stored);
      const root = rootOf(engine);
      await expect(submit(engine, [transfer(token, ALICE, BOB, 1), misbehave(bad, "fault")])).rejects.toBeInstanceOf(
        EngineError,
      );
      expect(rootOf(engine)).toBe(root);
      expect(code((await submit(engine, [transfer(token, ALICE, BOB, 1)]))[0])).toBe("success");
      expect(await balanceOf(engine, token, BOB)).toBe(1n);
    });
  });
}

describe("an executor that is lost again and again", () => {
  it("goes on however many of a batch spin: each is evicted alone", async () => {
    const { engine, token, bad } = await start(false);
    const spinning = Array.from({ length: 10 }, () => misbehave(bad, "spin"));
    const fates = await submit(engine, [...spinning, transfer(token, ALICE, BOB, 2)]);
    expect(fates.map(code)).toEqual([...new Array(10).fill("EXECUTION_TIMEOUT"), "success"]);
  });

  it("evicts nothing for simulations that spin, however often one is asked for", async () => {
    const { engine, token, bad } = await start(false);
    const simulate = () => engine.service.simulate([misbehave(bad, "spin")], undefined);
    for (let round = 0; round < 9; round++)
      await expect(simulate()).rejects.toMatchObject({ code: "EXECUTION_TIMEOUT" });
    const simulation = simulate();
    const behind = submit(engine, [transfer(token, ALICE, BOB, 1)]);
    await expect(simulation).rejects.toMatchObject({ code: "EXECUTION_TIMEOUT" });
    expect((await behind).map(code)).toEqual(["success"]);
    expect(await balanceOf(engine, token, BOB)).toBe(1n);
  });
});
