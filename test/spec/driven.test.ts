/** Mode driven: the node brings the blocks. */
import { afterEach, describe, expect, it } from "vitest";
import type { BlockEntry } from "../../src/encoding/block-entry.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import type { Engine } from "../../src/engine.ts";
import {
  ALICE,
  BOB,
  balanceOf,
  deployment,
  heightOf,
  openEngine,
  receiptAt,
  rootOf,
  temporaryDirectory,
  transfer,
} from "../support/engine.ts";

const open: { engine: Engine; remove(): void }[] = [];

afterEach(async () => {
  for (const { engine, remove } of open.splice(0)) {
    await engine.close();
    remove();
  }
});

async function start(): Promise<{ engine: Engine; path: string }> {
  const directory = temporaryDirectory();
  const { engine } = await openEngine({ dataDir: directory.path, mode: "driven" });
  open.push({ engine, remove: directory.remove });
  return { engine, path: directory.path };
}

async function head(engine: Engine): Promise<BlockEntry> {
  return (await engine.service.block("latest"))!;
}

async function execute(
  engine: Engine,
  transactions: TransactionJson[],
  more: { height?: number; timestampMs?: number; parentHash?: Uint8Array } = {},
) {
  const parent = await head(engine);
  return await engine.service.blockExecute({
    height: more.height ?? parent.height + 1,
    parentHash: more.parentHash ?? parent.blockHash,
    timestampMs: more.timestampMs ?? parent.timestampMs + 1_000,
    encode: (out) => {
      for (const transaction of transactions) encodeTransaction(transaction, out);
      return transactions.length;
    },
  });
}

async function apply(engine: Engine, transactions: TransactionJson[]): Promise<BlockEntry> {
  const { block } = await execute(engine, transactions);
  return await engine.service.blockCommit(block.height, block.stateRoot);
}

describe("mode driven", () => {
  it("stages a block that nobody sees until it is committed", async () => {
    const { engine } = await start();
    const deployed = await apply(engine, [deployment()]);
    const token = toHex(receiptAt(deployed, 0).contractAddress!);
    const root = rootOf(engine);
    const { block } = await execute(engine, [transfer(token, ALICE, BOB, 5)]);
    expect([heightOf(engine), rootOf(engine), await balanceOf(engine, token, BOB)]).toEqual([1, root, 0n]);
    await engine.service.blockCommit(2, block.stateRoot);
    expect([heightOf(engine), rootOf(engine), await balanceOf(engine, token, BOB)]).toEqual([
      2,
      toHex(block.stateRoot),
      5n,
    ]);
  });

  it("takes the node's timestamp, and refuses one below the parent's", async () => {
    const { engine } = await start();
    const { block } = await execute(engine, [], { timestampMs: 12_345 });
    expect(block.timestampMs).toBe(12_345);
    await engine.service.blockCommit(1, block.stateRoot);
    await expect(execute(engine, [], { timestampMs: 12_344 })).rejects.toMatchObject({ code: "BLOCK_OUT_OF_ORDER" });
  });

  it("drops a block without a trace, and computes the same root again", async () => {
    const { engine } = await start();
    const root = rootOf(engine);
    const first = await execute(engine, [deployment()]);
    await engine.service.blockDiscard();
    expect(rootOf(engine)).toBe(root);
    const second = await execute(engine, [deployment()]);
    expect(toHex(second.block.stateRoot)).toBe(toHex(first.block.stateRoot));
    expect(toHex(second.block.blockHash)).toBe(toHex(first.block.blockHash));
  });

  it("refuses a root that it did not compute, and keeps the block staged", async () => {
    const { engine } = await start();
    const { block } = await execute(engine, [deployment()]);
    await expect(engine.service.blockCommit(1, new Uint8Array(32))).rejects.toMatchObject({ code: "ROOT_MISMATCH" });
    expect((await engine.service.blockCommit(1, block.stateRoot)).height).toBe(1);
  });

  it("answers a commit that is sent again as the first time", async () => {
    const { engine } = await start();
    const { block } = await execute(engine, [deployment()]);
    const first = await engine.service.blockCommit(1, block.stateRoot);
    const again = await engine.service.blockCommit(1, block.stateRoot);
    expect(toHex(again.blockHash)).toBe(toHex(first.blockHash));
    const otherRoot = engine.service.blockCommit(1, new Uint8Array(32));
    await expect(otherRoot).rejects.toMatchObject({ code: "NOT_STAGED" });
  });

  it("refuses to commit or discard when nothing is staged, and to stage twice", async () => {
    const { engine } = await start();
    await expect(engine.service.blockCommit(1, new Uint8Array(32))).rejects.toMatchObject({ code: "NOT_STAGED" });
    await expect(engine.service.blockDiscard()).rejects.toMatchObject({ code: "NOT_STAGED" });
    await execute(engine, []);
    await expect(execute(engine, [])).rejects.toMatchObject({ code: "ALREADY_STAGED" });
  });

  it("refuses a block that does not follow the head", async () => {
    const { engine } = await start();
    const { height, blockHash } = await head(engine);
    const refusal = { code: "BLOCK_OUT_OF_ORDER" };
    await expect(execute(engine, [], { height: height + 2 })).rejects.toMatchObject(refusal);
    await expect(execute(engine, [], { height })).rejects.toMatchObject(refusal);
    const parentHash = blockHash.slice();
    parentHash[31]! ^= 1;
    await expect(execute(engine, [], { parentHash })).rejects.toMatchObject({
      ...refusal,
      facts: {
        expected: { height: height + 1, parentHash: toHex(blockHash) },
        received: { height: height + 1, parentHash: toHex(parentHash) },
      },
    });
    expect((await execute(engine, [])).block.height).toBe(height + 1);
  });

  it("rolls back, dropping what is staged", async () => {
    const { engine } = await start();
    const deployed = await apply(engine, [deployment()]);
    const token = toHex(receiptAt(deployed, 0).contractAddress!);
    await apply(engine, [transfer(token, ALICE, BOB, 5)]);
    await execute(engine, [transfer(token, ALICE, BOB, 50)]);
    await engine.service.blockRollback(1);
    expect([heightOf(engine), rootOf(engine), await balanceOf(engine, token, BOB)]).toEqual([
      1,
      toHex(deployed.stateRoot),
      0n,
    ]);
    await apply(engine, [transfer(token, ALICE, BOB, 6)]);
    expect(await balanceOf(engine, token, BOB)).toBe(6n);
  });

  it("forgets a staged block over a restart", async () => {
    const { engine, path } = await start();
    const { block } = await execute(engine, [deployment()]);
    const root = rootOf(engine);
    await engine.close();
    const again = await openEngine({ dataDir: path, mode: "driven" });
    open[0]!.engine = again.engine;
    expect(rootOf(again.engine)).toBe(root);
    await expect(again.engine.service.blockCommit(1, block.stateRoot)).rejects.toMatchObject({ code: "NOT_STAGED" });
  });

  it("refuses tx_submit, and mode auto refuses blocks", async () => {
    const { engine } = await start();
    expect(() => engine.service.submit(() => 0, "durable", { settle: () => {}, fail: () => {} })).toThrow(
      expect.objectContaining({ code: "WRONG_MODE" }),
    );
    const auto = await openEngine();
    await expect(auto.engine.service.blockDiscard()).rejects.toMatchObject({ code: "WRONG_MODE" });
    await auto.engine.close();
  });
});
