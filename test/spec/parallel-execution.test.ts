/** Blocks shared out to threads, on a real engine: the same blocks as without them, whatever becomes of the threads. */
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import type { Engine } from "../../src/engine.ts";
import type { EngineOptions } from "../../src/engine-options.ts";
import { verifyChain } from "../../src/tools/verify-chain.ts";
import { type Fate, openEngine, rootOf, submit, type TestEngine, temporaryDirectory } from "../support/engine.ts";
import {
  BALANCES,
  CELL_CONTRACTS,
  DEPLOYER,
  deployments,
  goOn,
  instruction,
  PEOPLE,
  transaction,
} from "../support/parallel-workload.ts";

const GAS_FOR_MINUTES = 500_000_000_000;
const CALLS = 40;

let firstBlock: readonly TransactionJson[] = [];
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  firstBlock = await deployments();
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

interface Chain {
  test: TestEngine;
  /** Transactions that a helper ran, and that were taken over. */
  adopted: number;
  /** Transactions that a helper was not waited for. */
  late: number;
}

async function start(options: Partial<EngineOptions>, dataDir?: string): Promise<Chain> {
  const directory = dataDir === undefined ? temporaryDirectory() : { path: dataDir, remove: () => {} };
  const chain: Chain = { test: undefined as unknown as TestEngine, adopted: 0, late: 0 };
  chain.test = await openEngine({
    dataDir: directory.path,
    balances: BALANCES,
    telemetry: {
      durable(entry) {
        chain.adopted += entry.parallel?.adopted ?? 0;
        chain.late += entry.parallel?.late ?? 0;
      },
    },
    ...options,
  });
  opened.push({
    async close() {
      await chain.test.engine.close();
      directory.remove();
    },
  });
  return chain;
}

const call = (sender: string, to: string, program: string, gasLimit = 1_000_000): TransactionJson => ({
  kind: "call",
  sender,
  to,
  gasLimit,
  calldata: `0x${program}`,
});
const [A, B] = CELL_CONTRACTS as [string, string];
/** Calls of A, then calls of B: the executor takes the first contract, its helper the other. */
const block = (first: string, second: string): TransactionJson[] => [
  ...Array.from({ length: CALLS }, (_, i) => call(PEOPLE[i % 3]!, A, first)),
  ...Array.from({ length: CALLS }, (_, i) => call(PEOPLE[3 + (i % 3)]!, B, second)),
];
const ADD = instruction(1, 1, 1);

/** On a busy machine a thread may have to wait for its turn. */
const PATIENT = { parallelPatienceMs: 1_000 };

/** Runs blocks until a helper has done something. */
async function untilHelped(chain: Chain): Promise<void> {
  const before = chain.adopted;
  for (let i = 0; i < 1_000 && chain.adopted === before; i++) {
    await submit(chain.test.engine, block(ADD, ADD));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(chain.adopted).toBeGreaterThan(before);
}

function codes(fates: readonly Fate[]): string[] {
  return fates.map((fate) => ("rejection" in fate ? fate.rejection.code : fate.receipt.status));
}

async function applyBlock({ service }: Engine, transactions: readonly TransactionJson[]): Promise<string> {
  const parent = (await service.block("latest"))!;
  const { block: staged } = await service.blockExecute({
    height: parent.height + 1,
    parentHash: parent.blockHash,
    timestampMs: 1_000 * (parent.height + 1),
    encode: (out) => {
      for (const one of transactions) encodeTransaction(one, out);
      return transactions.length;
    },
  });
  return toHex((await service.blockCommit(staged.height, staged.stateRoot)).blockHash);
}

describe("a block shared out to threads", () => {
  it("is the block of an engine without them, over restarts and rollbacks", async () => {
    const directory = temporaryDirectory();
    const options = { mode: "driven" as const, parallelThreads: 2 };
    let helped = await start(options, directory.path);
    const alone = await start({ mode: "driven" });
    const both = async (transactions: readonly TransactionJson[]) => {
      const hash = await applyBlock(alone.test.engine, transactions);
      expect(await applyBlock(helped.test.engine, transactions)).toBe(hash);
    };
    let adopted = 0;
    await both(firstBlock);
    const steps = fc.sample(
      fc.record({
        transactions: fc.array(transaction, { minLength: 40, maxLength: 120 }),
        next: fc.oneof(
          { weight: 12, arbitrary: fc.constant("go on") },
          { weight: 2, arbitrary: fc.constant("roll back") },
          { weight: 1, arbitrary: fc.constant("restart") },
        ),
      }),
      { numRuns: 100, seed: 7 },
    );
    for (const { transactions, next } of steps) {
      await both(transactions);
      if (next === "roll back") {
        const { height } = (await alone.test.engine.service.block("latest"))!;
        for (const { test } of [alone, helped]) await test.engine.service.blockRollback(Math.max(1, height - 2));
      } else if (next === "restart") {
        adopted += helped.adopted;
        await helped.test.engine.close();
        opened.splice(0, 1);
        helped = await start(options, directory.path);
        opened.unshift(opened.pop()!);
      }
      expect(rootOf(helped.test.engine)).toBe(rootOf(alone.test.engine));
    }
    expect(adopted + helped.adopted).toBeGreaterThan(0);
    await helped.test.engine.close();
    opened.splice(0, 1);
    directory.remove();
  });

  it("is what comes of it in order where the executor knows, as it seals a block, what comes next", async () => {
    const directory = temporaryDirectory();
    const helped = await start({ parallelThreads: 1, ...PATIENT }, directory.path);
    opened.push({ close: async () => directory.remove() });
    await submit(helped.test.engine, firstBlock);
    for (let round = 0; round < 12; round++) {
      const batches = fc.sample(fc.array(transaction, { minLength: 60, maxLength: 90 }), { numRuns: 8, seed: round });
      const submitted: Promise<unknown>[] = [];
      for (const batch of batches) {
        submitted.push(submit(helped.test.engine, batch));
        // A batch of its own: some are with the executor at a time.
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(submitted);
    }
    expect(helped.adopted).toBeGreaterThan(0);
    const report = await verifyChain(directory.path, { signal: new AbortController().signal, onProgress: () => {} });
    expect(report.mismatch).toBeUndefined();
    expect(report.stateRoot).toBe(rootOf(helped.test.engine));
  });

  it("leaves out what spins in a thread, as what spins on the executor: no block, no nonce; its neighbours run", async () => {
    const chain = await start({ parallelThreads: 1, executionTimeoutMs: 5_000, ...PATIENT });
    await submit(chain.test.engine, firstBlock);
    await untilHelped(chain);
    const spin = call(DEPLOYER, B, instruction(4, 0, 0), GAS_FOR_MINUTES);
    const { nonce } = await chain.test.engine.service.account(BALANCES[0]!.address);
    const fates = await submit(chain.test.engine, [...block(ADD, ADD), spin, call(DEPLOYER, B, ADD)]);
    const expected: string[] = Array.from({ length: 2 * CALLS + 2 }, () => "success");
    expected[2 * CALLS] = "EXECUTION_TIMEOUT";
    expect(codes(fates)).toEqual(expected);
    expect((await chain.test.engine.service.account(BALANCES[0]!.address)).nonce).toBe(
      nonce + Math.ceil(CALLS / 3) + 1,
    );
    await untilHelped(chain);
  });

  it("waits for no thread that spins on a state that never was, and ends it", async () => {
    const chain = await start({ parallelThreads: 1, executionTimeoutMs: 5_000, ...PATIENT });
    await submit(chain.test.engine, firstBlock);
    const ended = () =>
      chain.test.reports.includes("warn: a helper of the executor did not finish in time and was ended");
    // On a busy machine a block may be made without the helper.
    for (let key = 7; key < 40; key++) {
      await untilHelped(chain);
      if (ended()) break;
      const [first, ...rest] = block(instruction(1, 2, 1), instruction(11, key, 0)).map((one) => ({
        ...one,
        gasLimit: GAS_FOR_MINUTES,
      }));
      // In order, B's cell is set by then: through A, which the helper has not seen.
      const set = { ...first!, calldata: `0x${goOn(B)}${instruction(1, key, 1)}` };
      expect(new Set(codes(await submit(chain.test.engine, [set, ...rest])))).toEqual(new Set(["success"]));
    }
    expect(ended()).toBe(true);
  });

  it("is run on the executor alone where there is nothing to share, or no store behind it", async () => {
    const chain = await start({ parallelThreads: 1 });
    await submit(chain.test.engine, firstBlock);
    for (let i = 0; i < 30; i++)
      await submit(
        chain.test.engine,
        Array.from({ length: CALLS }, () => call(DEPLOYER, A, ADD)),
      );
    expect(chain.adopted).toBe(0);
    const inMemory = await start({ parallelThreads: 1, dataDir: undefined });
    await submit(inMemory.test.engine, firstBlock);
    expect(codes(await submit(inMemory.test.engine, block(ADD, ADD)))).toEqual(
      Array.from({ length: 2 * CALLS }, () => "success"),
    );
    expect(inMemory.adopted).toBe(0);
  });
});
