/** How transactions become durable blocks: mode auto. */
import { afterEach, describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction as encode } from "../../src/encoding/transaction.ts";
import type { Engine } from "../../src/engine.ts";
import { EngineError } from "../../src/errors.ts";
import {
  ALICE,
  BOB,
  balanceOf,
  bytes,
  CAROL,
  deployment,
  deployToken,
  type Fate,
  heightOf,
  openEngine,
  rootOf,
  submit,
  temporaryDirectory,
  transfer,
} from "../support/engine.ts";

const open: { engine: Engine; remove(): void }[] = [];

async function start(stored: boolean, options = {}): Promise<Engine> {
  const directory = temporaryDirectory();
  const { engine } = await openEngine({ dataDir: stored ? directory.path : undefined, ...options });
  open.push({ engine, remove: directory.remove });
  return engine;
}

afterEach(async () => {
  for (const { engine, remove } of open.splice(0)) {
    await engine.close();
    remove();
  }
});

function code(fate: Fate | undefined): string {
  return fate === undefined ? "nothing" : "rejection" in fate ? fate.rejection.code : fate.receipt.status;
}

const ID = `0x${"1d".repeat(32)}`;

for (const stored of [false, true]) {
  describe(`mode auto, storage ${stored ? "embedded" : "memory"}`, () => {
    it("executes a batch in one block, in order, and not atomically", async () => {
      const engine = await start(stored);
      const token = await deployToken(engine);
      const fates = await submit(engine, [
        transfer(token, ALICE, BOB, 10),
        transfer(token, BOB, CAROL, 11),
        transfer(token, BOB, CAROL, 10),
      ]);
      expect(fates.map(code)).toEqual(["success", "reverted", "success"]);
      expect(new Set(fates.map((fate) => ("height" in fate ? fate.height : -1))).size).toBe(1);
      expect(await balanceOf(engine, token, CAROL)).toBe(10n);
    });

    it("leaves a rejected transaction out of the block, its nonce unused and its neighbours alone", async () => {
      const engine = await start(stored);
      const token = await deployToken(engine);
      const fates = await submit(engine, [
        transfer(token, ALICE, BOB, 1),
        transfer(token, ALICE, BOB, 1, { nonce: 9 }),
        transfer(`0x${"77".repeat(20)}`, ALICE, BOB, 1),
        transfer(token, ALICE, BOB, 1),
      ]);
      expect(fates.map(code)).toEqual(["success", "NONCE_MISMATCH", "CONTRACT_NOT_FOUND", "success"]);
      expect(fates.map((fate) => ("index" in fate ? fate.index : -1))).toEqual([0, -1, -1, 1]);
      expect((await engine.service.account(bytes(ALICE))).nonce).toBe(3);
    });

    it("makes no block of rejected transactions alone", async () => {
      const engine = await start(stored);
      const height = heightOf(engine);
      const [fate] = await submit(engine, [transfer(`0x${"77".repeat(20)}`, ALICE, BOB, 1)]);
      expect(code(fate)).toBe("CONTRACT_NOT_FOUND");
      expect(heightOf(engine)).toBe(height);
    });

    it("runs a transaction once for one id, and answers the second request with the first receipt", async () => {
      const engine = await start(stored);
      const token = await deployToken(engine);
      const [first] = await submit(engine, [transfer(token, ALICE, BOB, 5, { id: ID })]);
      const [second] = await submit(engine, [transfer(token, ALICE, BOB, 5, { id: ID })]);
      expect(second).toEqual(first);
      expect(await balanceOf(engine, token, BOB)).toBe(5n);
    });

    it("runs it once when both requests are in flight, or in one batch", async () => {
      const engine = await start(stored);
      const token = await deployToken(engine);
      const again = transfer(token, ALICE, BOB, 5, { id: ID });
      const [one, two, [three, four]] = await Promise.all([
        submit(engine, [again]),
        submit(engine, [again]),
        submit(engine, [again, again]),
      ]);
      expect(two).toEqual(one);
      expect([three, four]).toEqual([one![0], one![0]]);
      expect(await balanceOf(engine, token, BOB)).toBe(5n);
    });

    it("refuses another transaction under a known id", async () => {
      const engine = await start(stored);
      const token = await deployToken(engine);
      await submit(engine, [transfer(token, ALICE, BOB, 5, { id: ID })]);
      const [conflict, other] = await submit(engine, [
        transfer(token, ALICE, BOB, 6, { id: ID }),
        transfer(token, ALICE, BOB, 7),
      ]);
      expect([code(conflict), code(other)]).toEqual(["ID_CONFLICT", "success"]);
      expect(await balanceOf(engine, token, BOB)).toBe(12n);
    });

    it("accepts before executing when asked to, and tells the hash that the block will have", async () => {
      const engine = await start(stored);
      const token = await deployToken(engine);
      const hash = await new Promise<Uint8Array | undefined>((resolve, reject) => {
        engine.service.submit(
          (out) => {
            encode(transfer(token, ALICE, BOB, 5, { nonce: 1 }), out);
            return 1;
          },
          "accepted",
          { settle: (outcome) => resolve(outcome.acceptedHash(0)), fail: reject },
        );
      });
      await submit(engine, [transfer(token, ALICE, BOB, 1)]);
      expect((await engine.service.transaction(hash!))?.index).toBe(0);
    });

    it("accepts by an id alone, and answers once with the hash, to whoever sends it again too", async () => {
      const engine = await start(stored);
      const token = await deployToken(engine);
      const answers: (string | undefined)[] = [];
      const send = () =>
        engine.service.submit(
          (out) => {
            encode(transfer(token, ALICE, BOB, 5, { id: `0x${"1d".repeat(32)}` }), out);
            return 1;
          },
          "accepted",
          {
            settle: (outcome) => answers.push(toHex(outcome.acceptedHash(0)!)),
            fail: (problem) => answers.push(problem.code),
          },
        );
      send();
      send();
      await expect.poll(() => answers.length).toBe(2);
      send();
      await submit(engine, [transfer(token, ALICE, BOB, 1)]);
      const [first] = answers;
      expect(answers).toEqual([first, first, first]);
      expect((await engine.service.transaction(fromHex(first!)!))?.index).toBe(0);
      expect(await balanceOf(engine, token, BOB)).toBe(6n);
    });

    it("rolls back to an earlier block, and goes on from there", async () => {
      const engine = await start(stored);
      const token = await deployToken(engine);
      await submit(engine, [transfer(token, ALICE, BOB, 5)]);
      const root = rootOf(engine);
      const height = heightOf(engine);
      const [lost] = await submit(engine, [transfer(token, ALICE, BOB, 6, { id: ID })]);
      await submit(engine, [transfer(token, ALICE, CAROL, 7)]);
      await engine.service.blockRollback(height);
      expect([rootOf(engine), heightOf(engine)]).toEqual([root, height]);
      expect([await balanceOf(engine, token, BOB), await balanceOf(engine, token, CAROL)]).toEqual([5n, 0n]);
      expect(await engine.service.transaction(bytes((lost as { hash: string }).hash))).toBeUndefined();
      const [again] = await submit(engine, [transfer(token, ALICE, BOB, 60, { id: ID })]);
      expect(code(again)).toBe("success");
      expect(await balanceOf(engine, token, BOB)).toBe(65n);
      expect(
        (await engine.service.logs({ address: bytes(token), limit: 10 })).items.map(({ block }) => block.height),
      ).toEqual([1, 2, 3]);
    });

    it("answers about the past: balances, roots and proofs at a height", async () => {
      const engine = await start(stored);
      const token = await deployToken(engine);
      const roots: string[] = [];
      for (let i = 0; i < 5; i++) {
        await submit(engine, [transfer(token, ALICE, BOB, 10)]);
        roots.push(rootOf(engine));
      }
      const now = rootOf(engine);
      const call = {
        kind: "call" as const,
        sender: ALICE,
        gasLimit: 1_000_000,
        to: token,
        entrypoint: "balanceOf",
        args: [BOB],
      };
      for (let i = 0; i < 5; i++) {
        const answer = await engine.service.queryAt(call, 2 + i);
        expect([BigInt(`0x${Buffer.from(answer.returnData).toString("hex")}`), answer.blockHeight]).toEqual([
          10n * BigInt(i + 1),
          2 + i,
        ]);
        const proof = await engine.service.stateProof(Uint8Array.from([0x10, ...bytes(ALICE)]), 2 + i);
        expect(`0x${Buffer.from(proof.stateRoot).toString("hex")}`).toBe(roots[i]);
      }
      expect(rootOf(engine)).toBe(now);
      expect(await balanceOf(engine, token, BOB)).toBe(50n);
    });

    it("gives a block's gas to whole submissions, and the rest to the next block", async () => {
      const { DEFAULT_PARAMETERS } = await import("../../src/execution/parameters.ts");
      const engine = await start(stored, { parameters: { ...DEFAULT_PARAMETERS, blockGasMax: 200_000 } });
      const token = await deployToken(engine);
      const fates = await Promise.all(
        Array.from({ length: 12 }, () =>
          submit(engine, [transfer(token, ALICE, BOB, 1), transfer(token, ALICE, BOB, 1)]),
        ),
      );
      expect(fates.flat().map(code)).toEqual(new Array(24).fill("success"));
      const heights = fates.map((pair) => pair.map((fate) => ("height" in fate ? fate.height : -1)));
      for (const [a, b] of heights) expect(a).toBe(b);
      expect(new Set(heights.flat()).size).toBeGreaterThan(3);
      expect(await balanceOf(engine, token, BOB)).toBe(24n);
    });

    it("rejects what of one submission does not fit a block's gas", async () => {
      const { DEFAULT_PARAMETERS } = await import("../../src/execution/parameters.ts");
      const engine = await start(stored, { parameters: { ...DEFAULT_PARAMETERS, blockGasMax: 200_000 } });
      const token = await deployToken(engine);
      const fates = await submit(
        engine,
        Array.from({ length: 8 }, () => transfer(token, ALICE, BOB, 1)),
      );
      expect(fates.map(code)).toContain("BLOCK_GAS_EXCEEDED");
      expect(code(fates[0])).toBe("success");
      expect(await balanceOf(engine, token, BOB)).toBe(BigInt(fates.filter((fate) => code(fate) === "success").length));
    });

    it("refuses submissions past its backlog with BUSY, and has run nothing of them", async () => {
      const engine = await start(stored, { submissionBacklogBytes: 64 * 1024 });
      const token = await deployToken(engine);
      const batch = Array.from({ length: 100 }, () => transfer(token, ALICE, BOB, 1));
      const results = await Promise.allSettled(Array.from({ length: 40 }, async () => submit(engine, batch)));
      const refused = results.filter((result) => result.status === "rejected");
      const done = results.length - refused.length;
      expect(refused.length).toBeGreaterThan(0);
      for (const { reason } of refused) expect((reason as EngineError).code).toBe("BUSY");
      expect(await balanceOf(engine, token, BOB)).toBe(BigInt(done * 100));
    });
  });
}

describe("after a restart", () => {
  it("knows ids, receipts, roots and balances, and goes on with the same state", async () => {
    const directory = temporaryDirectory();
    let { engine } = await openEngine({ dataDir: directory.path });
    const token = await deployToken(engine);
    const [first] = await submit(engine, [transfer(token, ALICE, BOB, 5, { id: ID })]);
    const root = rootOf(engine);
    await engine.close();
    ({ engine } = await openEngine({ dataDir: directory.path }));
    open.push({ engine, remove: directory.remove });
    expect(rootOf(engine)).toBe(root);
    expect(await submit(engine, [transfer(token, ALICE, BOB, 5, { id: ID })])).toEqual([first]);
    expect(await balanceOf(engine, token, BOB)).toBe(5n);
    const [next] = await submit(engine, [transfer(token, ALICE, BOB, 1)]);
    expect(code(next)).toBe("success");
  });

  it("refuses a data directory of another chain than the one that is named", async () => {
    const directory = temporaryDirectory();
    const { engine } = await openEngine({ dataDir: directory.path });
    const { chainId } = engine.parameters;
    await engine.close();
    const parameters = { ...engine.parameters, chainId: 5 };
    const named = (id: number) => ({ parameters: { chainId: id }, balances: [] });
    await expect(openEngine({ dataDir: directory.path, parameters, named: named(5) })).rejects.toMatchObject({
      code: "CONFIGURATION_ERROR",
      facts: { what: "chainId", expected: String(chainId), received: "5" },
    });
    for (const options of [{ named: named(chainId) }, {}]) {
      const again = await openEngine({ dataDir: directory.path, parameters, ...options });
      expect(again.engine.parameters.chainId).toBe(chainId);
      await again.engine.close();
    }
    directory.remove();
  });

  it("refuses a submission once it is stopping", async () => {
    const { engine } = await openEngine();
    const closing = engine.close();
    await expect(submit(engine, [deployment()])).rejects.toBeInstanceOf(EngineError);
    await closing;
  });
});
