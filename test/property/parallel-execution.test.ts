/**
 * Transactions of a block run by helpers beside the executor, against all of them run in order; helpers that are late, behind,
 * or not there, and that have begun with the block before the one before it was sealed, or with another. The same bytes come
 * of it, and the same rejections.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { PolytorusAbi } from "../../src/engines/wasm/polytorus/polytorus-abi.ts";
import { WasmContractEngine } from "../../src/engines/wasm/wasm-engine.ts";
import type { ExecutedBlock, UpcomingBatch } from "../../src/execution/block-executor.ts";
import { Executor } from "../../src/execution/executor.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { InlineSpeculation, type Shortcoming } from "../support/inline-speculation.ts";
import {
  BALANCES,
  CELL_CONTRACTS,
  deployments,
  instruction,
  PEOPLE,
  transaction,
} from "../support/parallel-workload.ts";

const EMPTY_SNAPSHOT = { get: () => undefined, range: () => [], appliedSeq: () => -1 };
const ZERO = new Uint8Array(32);

let firstBlock: readonly TransactionJson[] = [];

beforeAll(async () => {
  firstBlock = await deployments();
});

const shortcoming: fc.Arbitrary<Shortcoming> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.nat(20).map((recordsMax) => ({ recordsMax })) },
  { weight: 2, arbitrary: fc.integer({ min: 2, max: 6 }).map((lateEvery) => ({ lateEvery })) },
  { weight: 1, arbitrary: fc.constant({ isDeaf: true }) },
  { weight: 1, arbitrary: fc.constant({ isUnready: true }) },
);
const blocks = fc.array(
  fc.record({
    submissions: fc.array(fc.array(transaction, { minLength: 20, maxLength: 60 }), { minLength: 1, maxLength: 3 }),
    shortcomings: fc.tuple(shortcoming, shortcoming),
    /** What the executor is told, before it seals the block, of the one that comes next. */
    upcoming: fc.constantFrom("it", "it", "nothing", "the batch after it", "it, and another time"),
  }),
  { minLength: 1, maxLength: 4 },
);

// ── both executors ────────────────────────────────────────────────────────────

const engines = () => [new BuiltinEngine(), new WasmContractEngine({ abis: [new PolytorusAbi()] })];

function executorWith(
  helpers: InlineSpeculation[],
  blockGasMax: number,
  upcoming?: () => UpcomingBatch | undefined,
): Executor {
  const executor = new Executor({
    snapshot: EMPTY_SNAPSHOT,
    tree: new PortableStateTree(),
    hasher: portableHasher,
    engines: engines(),
    parameters: { ...DEFAULT_PARAMETERS, blockGasMax },
    head: { seq: -1, height: -1, timestampMs: 0, blockHash: ZERO, stateRoot: ZERO },
    table: { pinned: true },
    helpers,
    upcoming,
  });
  executor.genesis(BALANCES);
  executor.execute(encode(firstBlock), [firstBlock.length], 0);
  return executor;
}

const timeOf = (block: number) => 1_000 * (block + 1);

function encode(transactions: readonly TransactionJson[]): Uint8Array {
  const out = new ByteWriter(1024);
  for (const one of transactions) encodeTransaction(one, out);
  return out.take();
}

function readable(executed: readonly ExecutedBlock[]) {
  return executed.map(({ entry, rejected, taken }) => ({
    taken,
    rejected: rejected.map(({ index, code, message }) => ({ index, code, message })),
    entry: entry === undefined ? "" : toHex(entry),
  }));
}

describe("helpers beside the executor", () => {
  for (const [name, blockGasMax, helperCount] of [
    ["one helper", 1e13, 1],
    ["two helpers", 1e13, 2],
    ["two helpers, and blocks whose gas ends inside a batch", 4_000_000, 2],
  ] as const) {
    it(`make the blocks of running in order, byte for byte: ${name}`, () => {
      const counts = { adopted: 0, conflict: 0, left: 0, late: 0 };
      fc.assert(
        fc.property(blocks, (input) => {
          const parameters = { ...DEFAULT_PARAMETERS, blockGasMax };
          const helpers = Array.from({ length: helperCount }, () => new InlineSpeculation(engines(), parameters));
          let upcoming: UpcomingBatch | undefined;
          const pair = [executorWith(helpers, blockGasMax, () => upcoming), executorWith([], blockGasMax)] as const;
          const batches = input.map(({ submissions }) => encode(submissions.flat()));
          for (const [block, { submissions, shortcomings, upcoming: told }] of input.entries()) {
            helpers.forEach((helper, i) => {
              helper.shortcoming = shortcomings[i]!;
            });
            const ahead = block + (told === "the batch after it" ? 2 : 1);
            const batch = told === "nothing" ? undefined : batches[ahead];
            upcoming = batch && {
              batch,
              count: input[ahead]!.submissions.flat().length,
              timestampMs: told === "it, and another time" ? 7_000 : timeOf(ahead),
            };
            const ends = submissions.map((_, i) => submissions.slice(0, i + 1).flat().length);
            const [shared, ordered] = pair.map((executor) => executor.execute(batches[block]!, ends, timeOf(block)));
            expect(readable(shared!)).toEqual(readable(ordered!));
            for (const { parallel } of shared!)
              for (const key of ["adopted", "conflict", "left", "late"] as const) counts[key] += parallel?.[key] ?? 0;
          }
          expect(toHex(pair[0].blocks.root())).toBe(toHex(pair[1].blocks.root()));
        }),
        { numRuns: 40 },
      );
      for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(3);
    });
  }

  it("divide the contract that has most of the calls while these seldom meet, and leave it whole when they do", () => {
    const helper = new InlineSpeculation(engines(), DEFAULT_PARAMETERS);
    const executor = executorWith([helper], 1e13);
    const [few, many] = CELL_CONTRACTS as [string, string];
    const share = (keyOf: (i: number) => number) => {
      const calls = Array.from({ length: 120 }, (_, i): TransactionJson => {
        const calldata = `0x${instruction(1, keyOf(i), 1)}`;
        return { kind: "call", sender: PEOPLE[i % 6]!, to: i % 4 === 0 ? few : many, gasLimit: 1_000_000, calldata };
      });
      const [{ parallel, rejected }] = executor.execute(encode(calls), [calls.length], 1_000) as [ExecutedBlock];
      expect(rejected).toEqual([]);
      return parallel;
    };
    const ofItsOwn = (i: number) => i;
    const oneOfAll = () => 0;
    const half = share(ofItsOwn)!;
    expect(half).toMatchObject({ conflict: 0, left: 0, late: 0 });
    expect(half.adopted).toBeGreaterThanOrEqual(55);
    expect(half.adopted).toBeLessThanOrEqual(65);
    expect(share(oneOfAll)!.conflict).toBeGreaterThan(20);
    // Helpers were of little use: a block without them.
    expect(share(oneOfAll)).toBeUndefined();
    // The executor has the one, its helper the other.
    expect(share(oneOfAll)).toEqual({ adopted: 30, conflict: 0, left: 0, late: 0 });
    expect(share(ofItsOwn)!.adopted).toBeGreaterThanOrEqual(55);
  });

  it("begin with the next block before the one before it is sealed, and anew where another comes", () => {
    const helper = new InlineSpeculation(engines(), DEFAULT_PARAMETERS);
    let upcoming: UpcomingBatch | undefined;
    const executor = executorWith([helper], 1e13, () => upcoming);
    const batchOf = (key: number) =>
      encode(
        Array.from({ length: 80 }, (_, i) => {
          const to = CELL_CONTRACTS[i % 2]!;
          return {
            kind: "call",
            sender: PEOPLE[i % 6]!,
            to,
            gasLimit: 1_000_000,
            calldata: `0x${instruction(1, key + i, 1)}`,
          };
        }),
      );
    const adoptedOf = (batch: Uint8Array) => executor.execute(batch, [80], 1_000)[0]!.parallel?.adopted;
    const [first, second, third, fourth] = [0, 40, 80, 120].map(batchOf) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    upcoming = { batch: second, count: 80, timestampMs: 1_000 };
    expect(adoptedOf(first)).toBeGreaterThan(30);
    expect(helper.tasks).toBe(2);
    upcoming = { batch: third, count: 80, timestampMs: 1_000 };
    expect(adoptedOf(second)).toBeGreaterThan(30);
    expect(helper.tasks).toBe(3);
    upcoming = undefined;
    expect(adoptedOf(fourth)).toBeGreaterThan(30);
    expect(helper.tasks).toBe(4);
  });
});
