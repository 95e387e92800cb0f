/** Questions while blocks are being made: about the past, and about what is not committed yet. */
import { afterEach, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction } from "../../src/encoding/transaction.ts";
import type { Engine } from "../../src/engine.ts";
import {
  ALICE,
  BOB,
  balanceOf,
  bytes,
  deployment,
  deployToken,
  heightOf,
  openEngine,
  receiptAt,
  rootOf,
  submit,
  transfer,
} from "../support/engine.ts";

const open: Engine[] = [];

afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

async function start(mode: "auto" | "driven"): Promise<Engine> {
  const { engine } = await openEngine({ mode });
  open.push(engine);
  return engine;
}

const ROUNDS = 200;

it("answers from the state of a height, and leaves the newest state as it is, while blocks are made", async () => {
  const engine = await start("auto");
  const token = await deployToken(engine);
  await submit(engine, [transfer(token, ALICE, BOB, 1)]);
  const at = heightOf(engine);
  const root = rootOf(engine);
  const sent: Promise<unknown>[] = [];
  const asked: Promise<[balance: string, root: string]>[] = [];
  const ask = async (): Promise<[string, string]> => {
    const call = { sender: ALICE, gasLimit: 1_000_000, to: token, entrypoint: "balanceOf", args: [BOB] };
    const answer = await engine.service.queryAt({ kind: "call", ...call }, at);
    const proof = await engine.service.stateProof(bytes(`0x10${ALICE.slice(2)}`), at);
    return [toHex(answer.returnData), toHex(proof.stateRoot)];
  };
  for (let round = 0; round < ROUNDS; round++) {
    sent.push(submit(engine, [transfer(token, ALICE, BOB, 1)]));
    await new Promise((resolve) => setImmediate(resolve));
    if (round % 5 === 0) asked.push(ask());
  }
  await Promise.all(sent);
  const one = toHex(Buffer.from("1".padStart(64, "0"), "hex"));
  expect(new Set((await Promise.all(asked)).map(String))).toEqual(new Set([String([one, root])]));
  expect(await balanceOf(engine, token, BOB)).toBe(BigInt(ROUNDS + 1));
  expect((await engine.service.account(bytes(ALICE))).nonce).toBe(ROUNDS + 2);
});

it("shows nothing of a block that is being executed for the node, and does not wait for its commit", async () => {
  const engine = await start("driven");
  const execute = async (transactions: Parameters<typeof encodeTransaction>[0][]) => {
    const parent = (await engine.service.block("latest"))!;
    return await engine.service.blockExecute({
      height: parent.height + 1,
      parentHash: parent.blockHash,
      timestampMs: parent.timestampMs,
      encode: (out) => {
        for (const transaction of transactions) encodeTransaction(transaction, out);
        return transactions.length;
      },
    });
  };
  const { block: first } = await execute([deployment()]);
  await engine.service.blockCommit(first.height, first.stateRoot);
  const token = toHex(receiptAt(first, 0).contractAddress!);
  const staging = execute(Array.from({ length: 500 }, () => transfer(token, ALICE, BOB, 1)));
  await new Promise((resolve) => setImmediate(resolve));
  expect(await balanceOf(engine, token, BOB)).toBe(0n);
  expect((await engine.service.account(bytes(ALICE))).nonce).toBe(1);
  const { block } = await staging;
  expect(await balanceOf(engine, token, BOB)).toBe(0n);
  await engine.service.blockCommit(block.height, block.stateRoot);
  expect(await balanceOf(engine, token, BOB)).toBe(500n);
});
