/**
 * Traces held against what the blocks say, over random transactions: calls into calls, every way to end, any gas limit.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter, compareBytes } from "../../src/encoding/bytes.ts";
import { portableHasher } from "../../src/encoding/hash.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { decodeReceipt } from "../../src/encoding/receipt.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { BuiltinEngine } from "../../src/engines/builtin/builtin-engine.ts";
import { CallTracer, type Trace, type TraceLimits } from "../../src/execution/call-tracer.ts";
import { Executor, type Head, headOf } from "../../src/execution/executor.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { CallTreeEngine, treeSteps } from "../support/call-tree-engine.ts";
import { ALICE, BOB, bytes, deployment } from "../support/engine.ts";
import { expectGasToAddUp, expectTraceOf, netWrites, stateChanges } from "../support/trace-rules.ts";

const NOBODY = `0x${"77".repeat(20)}`;
const CALL_DEPTH_MAX = 4;

class Chain {
  readonly entries: Uint8Array[] = [];
  readonly executor: Executor;

  constructor() {
    const zero = new Uint8Array(32);
    this.executor = new Executor({
      snapshot: { get: () => undefined, range: () => [], appliedSeq: () => -1 },
      tree: new PortableStateTree(),
      hasher: portableHasher,
      engines: [new BuiltinEngine(), new CallTreeEngine()],
      parameters: { ...DEFAULT_PARAMETERS, callDepthMax: CALL_DEPTH_MAX },
      head: { seq: -1, height: -1, timestampMs: 0, blockHash: zero, stateRoot: zero },
      table: { pinned: true },
    });
    this.entries.push(this.executor.genesis([{ address: bytes(ALICE), balance: 10_000n }]));
  }

  run(transactions: readonly TransactionJson[]): BlockEntry {
    const out = new ByteWriter();
    for (const transaction of transactions) encodeTransaction(transaction, out);
    const { entry } = this.executor.executeOne(out.take(), transactions.length, 1);
    this.entries.push(entry!);
    return new BlockEntry(entry!);
  }

  deploy(contract: Record<string, unknown>): string {
    const block = this.run([{ kind: "deploy", sender: ALICE, gasLimit: 10_000_000, contract }]);
    return toHex(decodeReceipt(block.bytes, block.receiptAt(0)).contractAddress!);
  }

  /** Has it traced as a daemon does: the blocks from its own on are taken back, and put on again. */
  trace(block: BlockEntry, index: number): Trace {
    const above = this.entries.slice(block.height).reverse();
    const parent: Head = headOf(new BlockEntry(this.entries[block.height - 1]!));
    return this.executor.before(above, parent, () => this.executor.trace(block.bytes, index), false);
  }
}

const limits = fc.record({
  framesMax: fc.constantFrom(0, 1, 3),
  stepsMax: fc.constantFrom(0, 2, 9),
  bytesMax: fc.constantFrom(0, 30, 400),
});

it("says of any transaction what its receipt and its block say, and leaves the state as it is", () => {
  const world = new Chain();
  const trees = [1, 2].map((n) => world.deploy({ type: "tree", n }));
  const token = world.deploy(deployment().contract as Record<string, unknown>);
  const steps = treeSteps({ trees, token, accounts: [ALICE, BOB, NOBODY] });
  const call = fc.record({
    to: fc.constantFrom(...trees),
    steps,
    gasLimit: fc.constantFrom(60_000, 100_000, 1_000_000, 10_000_000),
    value: fc.constantFrom("0", "0", "3"),
  });
  fc.assert(
    fc.property(
      fc.array(call, { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      limits,
      (calls, inOneBlock, cut: TraceLimits) => {
        const chain = new Chain();
        for (const n of [1, 2]) chain.deploy({ type: "tree", n });
        chain.run([deployment()]);
        const transactions = calls.map(
          ({ to, steps: script, gasLimit, value }): TransactionJson => ({
            kind: "call",
            sender: ALICE,
            gasLimit,
            to,
            value,
            entrypoint: "run",
            args: [script],
          }),
        );
        const blocks = inOneBlock
          ? [chain.run(transactions)]
          : transactions.map((transaction) => chain.run([transaction]));
        const root = toHex(chain.executor.blocks.root());
        for (const block of blocks) {
          for (let index = 0; index < block.transactionCount; index++) {
            const trace = chain.trace(block, index);
            expectTraceOf(block, index, trace);
            if (block.transactionCount === 1) expect(netWrites(trace)).toEqual(stateChanges(block));
          }
        }
        expect(toHex(chain.executor.blocks.root())).toBe(root);

        // The same again without room: what is left out is counted, gas still adds up, and nothing else changes.
        const tracer = new CallTracer(cut);
        chain.executor.blocks.engine.observe(tracer);
        const again = chain.run([transactions[0]!]);
        chain.executor.blocks.engine.observe(undefined);
        if (again.transactionCount === 1) {
          const trace = tracer.trace();
          expectGasToAddUp(trace, again.gasUsed);
          expect(trace.frames.length).toBeLessThanOrEqual(cut.framesMax);
          const kept = trace.frames.reduce(
            (total, frame) => total + frame.steps.filter(({ op }) => op !== "call").length,
            0,
          );
          expect(kept).toBeLessThanOrEqual(cut.stepsMax);
        }
      },
    ),
    { numRuns: 150 },
  );
});

it("shows a deployment that calls, and one that fails", () => {
  const chain = new Chain();
  const tree = chain.deploy({ type: "tree" });
  for (const end of [[], [{ do: "revert" }]]) {
    const steps = [
      { do: "write", key: "a" },
      { do: "call", to: tree, steps: [{ do: "log", topics: 1 }], sharePercent: 50, isStatic: false, value: 0 },
      ...end,
    ];
    const block = chain.run([
      { kind: "deploy", sender: ALICE, gasLimit: 1_000_000, contract: { type: "tree", steps } },
    ]);
    const trace = chain.trace(block, 0);
    expectTraceOf(block, 0, trace);
    expect(trace.intrinsic).toMatchObject({ deployBase: 32_000, admission: 17 });
    expect(trace.frames.map(({ kind, depth }) => [kind, depth])).toEqual([
      ["deploy", 0],
      ["call", 1],
    ]);
    expect(compareBytes(trace.frames[1]!.address, fromHex(tree)!)).toBe(0);
    expect(trace.frames[0]!.message).toEqual({ type: "tree", steps });
  }
});

it("refuses to call a trace what ran otherwise than before", () => {
  const chain = new Chain();
  const tree = chain.deploy({ type: "tree" });
  const run: TransactionJson = {
    kind: "call",
    sender: ALICE,
    gasLimit: 1_000_000,
    to: tree,
    entrypoint: "run",
    args: [[{ do: "write", key: "a" }]],
  };
  const block = chain.run([run]);
  const forged = block.bytes.slice();
  forged[block.receiptAt(0) + 8]! ^= 1;
  expect(() => chain.trace(new BlockEntry(forged), 0)).toThrow(/ran otherwise/);
});
