/** Queries of WebAssembly contracts, on the threads of the pool. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction } from "../../src/encoding/transaction.ts";
import type { EngineOptions } from "../../src/engine-options.ts";
import type { QueryOutcome } from "../../src/rpc/services.ts";
import {
  ALICE,
  BOB,
  balanceOf,
  CAROL,
  deployToken,
  openEngine,
  submit,
  type TestEngine,
  temporaryDirectory,
  transfer,
} from "../support/engine.ts";
import { contractText, wasmOf } from "../support/wasm-chain.ts";

/**
 * Sets the value under the first byte of its calldata to the next four; with one byte it answers the value. The byte 255 spins,
 * 254 reverts with the byte, 253 halts, 252 writes.
 */
const CELLS = toHex(
  wasmOf(
    contractText({
      call: `(local $op i32)
        (call $input_read (i32.const 0) (i32.const 0) (call $input_length))
        (local.set $op (i32.load8_u (i32.const 0)))
        (if (i32.eq (local.get $op) (i32.const 255)) (then (loop $l (br $l))))
        (if (i32.eq (local.get $op) (i32.const 254)) (then (call $revert (i32.const 0) (i32.const 1))))
        (if (i32.eq (local.get $op) (i32.const 253)) (then (unreachable)))
        (if (i32.gt_u (call $input_length) (i32.const 1))
          (then (call $state_set (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 4)))
          (else (drop (call $state_get (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 4)))
            (call $return_data (i32.const 16) (i32.const 4))))`,
    }),
  ),
);
const SPIN = "0xff";
const QUERY_GAS = 10_000_000_000;

let open: TestEngine | undefined;
const directories: { remove(): void }[] = [];

afterEach(async () => {
  await open?.engine.close();
  open = undefined;
  for (const directory of directories.splice(0)) directory.remove();
});

async function start(options: Partial<EngineOptions> = {}): Promise<{ test: TestEngine; cells: string }> {
  const directory = temporaryDirectory();
  directories.push(directory);
  open = await openEngine({ dataDir: directory.path, ...options });
  return { test: open, cells: await deployCells(open) };
}

async function deployCells({ engine }: TestEngine): Promise<string> {
  const [fate] = await submit(engine, [
    { kind: "deploy", sender: ALICE, gasLimit: 10_000_000, contract: { type: "wasm", code: CELLS } },
  ]);
  if (fate === undefined || "rejection" in fate) throw new Error(JSON.stringify(fate));
  return toHex(fate.receipt.contractAddress!);
}

/**
 * @param followsWrites as the front end says: false where the asker waits for no receipt.
 * @param bypassCache false: as users ask; it is then not sure that the query runs at all.
 */
function ask(
  to: string,
  calldata: string,
  { followsWrites = false, gasLimit = QUERY_GAS, bypassCache = true } = {},
): Promise<QueryOutcome> {
  return new Promise((resolve, reject) => {
    open!.engine.service.query(
      (out) => {
        encodeTransaction({ kind: "call", sender: BOB, gasLimit, to, calldata }, out);
        return 1;
      },
      { settle: resolve, fail: reject },
      bypassCache,
      followsWrites,
    );
  });
}

const word = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString("hex");
};
const cell = (key: number) => `0x${key.toString(16).padStart(2, "0")}`;
const put = (to: string, key: number, value: number, sender = ALICE) => ({
  kind: "call" as const,
  sender,
  gasLimit: 1_000_000,
  to,
  calldata: cell(key) + word(value),
});

it("sees, after a receipt, what the receipt speaks of, whatever else runs", async () => {
  const { test, cells } = await start({ queries: { threads: 2, timeoutMs: 10_000, waitingMax: 4_096 } });
  const token = await deployToken(test.engine, CAROL, "1000000000");
  let isOver = false;
  const load = (async () => {
    while (!isOver)
      await submit(
        test.engine,
        Array.from({ length: 50 }, () => transfer(token, CAROL, BOB, 1)),
      );
  })();
  const senders = [`0x${"01".repeat(20)}`, `0x${"02".repeat(20)}`, `0x${"03".repeat(20)}`, `0x${"04".repeat(20)}`];
  const holds = fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ key: fc.nat(3), value: fc.nat(0xfffffff0), pause: fc.nat(3) }), {
        minLength: 1,
        maxLength: 8,
      }),
      async (steps) => {
        // Each writer has cells of its own: nobody else changes what it reads back.
        await Promise.all(
          senders.map(async (sender, writer) => {
            for (const { key, value, pause } of steps) {
              const at = writer * 4 + key;
              const [fate] = await submit(test.engine, [put(cells, at, value + writer, sender)]);
              if (fate === undefined || "rejection" in fate) throw new Error(JSON.stringify(fate));
              const answer = await ask(cells, cell(at), { bypassCache: writer % 2 === 0 });
              expect(toHex(answer.returnData)).toBe(`0x${word(value + writer)}`);
              expect(answer.blockHeight).toBeGreaterThanOrEqual(fate.height);
              if (pause === 3) await new Promise((resolve) => setTimeout(resolve, 30));
            }
          }),
        );
      },
    ),
    { numRuns: 25 },
  );
  await holds.finally(() => {
    isOver = true;
  });
  await load;
});

it("sees what its asker submitted before it, answered or not", async () => {
  const { test, cells } = await start();
  await ask(cells, cell(1));
  for (let value = 1; value <= 50; value++) {
    const written = submit(test.engine, [put(cells, 1, value)]);
    expect(toHex((await ask(cells, cell(1), { followsWrites: true })).returnData)).toBe(`0x${word(value)}`);
    await written;
  }
});

it("sees a rollback, and blocks after it", async () => {
  const { test, cells } = await start();
  for (const value of [7, 8, 9]) await submit(test.engine, [put(cells, 1, value)]);
  expect(toHex((await ask(cells, cell(1))).returnData)).toBe(`0x${word(9)}`);
  await test.engine.service.blockRollback(2);
  expect(toHex((await ask(cells, cell(1))).returnData)).toBe(`0x${word(7)}`);
  await submit(test.engine, [put(cells, 1, 10)]);
  expect(toHex((await ask(cells, cell(1))).returnData)).toBe(`0x${word(10)}`);
  await test.engine.service.blockRollback(1);
  expect(toHex((await ask(cells, cell(1))).returnData)).toBe("0x00000000");
});

describe("answers as the executor would", () => {
  it.each([
    ["a value", "0x01"],
    ["a revert", "0xfe"],
    ["a halt", "0xfd"],
    ["a write", "0x0105000000"],
    ["too little gas", "0x01", 30],
    ["calldata of nothing", "0x"],
  ])("%s", async (_what, calldata, gasLimit = QUERY_GAS) => {
    const answers: unknown[] = [];
    for (const threads of [0, 1]) {
      const { test, cells } = await start({ queries: { threads, timeoutMs: 5_000, waitingMax: 10 } });
      await submit(test.engine, [put(cells, 1, 1_234_567)]);
      // Which rows were read is told by the first of a thread only, as far as they are the code's.
      for (let i = 0; i < 2; i++)
        answers.push({ ...(await ask(cells, calldata as string, { gasLimit: gasLimit as number })), reads: undefined });
      await test.engine.close();
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });
});

it("stops a query that spins, and no other: neighbours, transfers and short queries are answered", async () => {
  const { test, cells } = await start({ queries: { threads: 1, timeoutMs: 1_000, waitingMax: 4_096 } });
  const token = await deployToken(test.engine);
  await submit(test.engine, [put(cells, 1, 5)]);
  await ask(cells, cell(1));
  const asked = Array.from({ length: 40 }, (_, i) => ask(cells, i % 10 === 3 ? SPIN : cell(1)));
  const others = Array.from({ length: 20 }, () => submit(test.engine, [transfer(token, ALICE, BOB, 1)]));
  await Promise.all(others);
  expect(await balanceOf(test.engine, token, BOB)).toBe(20n);
  const results = await Promise.allSettled(asked);
  for (const [i, result] of results.entries()) {
    if (i % 10 === 3) expect(result).toMatchObject({ status: "rejected", reason: { code: "EXECUTION_TIMEOUT" } });
    else expect(result).toMatchObject({ status: "fulfilled", value: { status: "success" } });
  }
  expect(toHex((await ask(cells, cell(1))).returnData)).toBe(`0x${word(5)}`);
  expect(test.engine.service.health().backends["queries"]).toMatchObject({
    threads: 1,
    threadsMax: 1,
    waiting: 0,
    answered: 1 + 36 + 1,
    overran: 4,
    failed: 0,
    refused: 0,
  });
});

it("refuses with BUSY past its bound, and answers what it took", async () => {
  const { test, cells } = await start({ queries: { threads: 1, timeoutMs: 5_000, waitingMax: 8 } });
  await submit(test.engine, [put(cells, 1, 5)]);
  await ask(cells, cell(1));
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => ask(cells, cell(1))));
  const codes = results.map((result) => (result.status === "fulfilled" ? result.value.status : result.reason.code));
  expect(codes.filter((code) => code === "success").length).toBeGreaterThanOrEqual(8);
  expect(new Set(codes)).toEqual(new Set(["success", "BUSY"]));
  const refused = codes.filter((code) => code === "BUSY").length;
  expect(test.engine.service.health().backends["queries"]).toMatchObject({
    waitingMax: 8,
    answered: 1 + 20 - refused,
    refused,
  });
});

it("leaves a short contract's queries to the executor, and runs all there without threads or a log to follow", async () => {
  const { test } = await start();
  const token = await deployToken(test.engine);
  expect(await balanceOf(test.engine, token, ALICE)).toBe(1_000_000n);
  await test.engine.close();
  open = await openEngine();
  const cells = await deployCells(open);
  await submit(open.engine, [put(cells, 1, 77)]);
  for (let i = 0; i < 2; i++) expect(toHex((await ask(cells, cell(1))).returnData)).toBe(`0x${word(77)}`);
});
