/**
 * The native counting of executions against analytics without it: the same entries must leave the same counts to the last
 * bit, in the same memory, whatever the runs are broken by; and the native growth of state is that of the portable reader.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { BlockEntry, ENTRY_HEADER_BYTES, ENTRY_VERSION, EntryKind } from "../../src/encoding/block-entry.ts";
import { alignUp, ByteWriter, writeU32, writeU64 } from "../../src/encoding/bytes.ts";
import { encodeDelta } from "../../src/encoding/delta.ts";
import { fromHex } from "../../src/encoding/hex.ts";
import type { Laps } from "../../src/encoding/laps.ts";
import { encodeReceipt } from "../../src/encoding/receipt.ts";
import { contractKey, contractStateKey } from "../../src/encoding/state-key.ts";
import { encodeTransaction } from "../../src/encoding/transaction.ts";
import { Analytics } from "../../src/engines/enhanced/analytics/analytics.ts";
import type { ExecutionCounter } from "../../src/engines/enhanced/analytics/execution-counter.ts";
import { GROWTH_NUMBERS, stateGrowth } from "../../src/engines/enhanced/analytics/state-growth.ts";
import { nativeExecutionCounter } from "../../src/native/execution-counter.ts";
import { requireAddon } from "../support/state-trees.ts";

const native = nativeExecutionCounter(requireAddon());

const START_MS = 1_700_000_000_000;
const address = (n: number) => `0x${n.toString(16).padStart(40, "0")}`;
const CONTRACTS = [1, 2].map((n) => address(0xc0000 + n));
const bytesOf = (hex: string) => fromHex(hex)!;

interface Executed {
  sender: number;
  contract: string;
  /** Undefined: plain value. */
  entrypoint: string | undefined;
  status: "success" | "reverted" | "halted";
  gasUsed: number;
}

interface Block {
  atMs: number;
  executed: readonly Executed[];
  laps: Laps;
  delta: Uint8Array;
}

function entryOf({ atMs, executed, delta }: Block, seq: number): BlockEntry {
  const [transactions, receipts] = [new ByteWriter(), new ByteWriter()];
  const count = executed.length;
  const head = new Uint8Array(ENTRY_HEADER_BYTES + 40 * count);
  executed.forEach(({ sender, contract, entrypoint, status, gasUsed }, i) => {
    while (transactions.length !== alignUp(transactions.length)) transactions.u8(0);
    writeU32(head, ENTRY_HEADER_BYTES + 32 * count + 4 * i, transactions.length);
    writeU32(head, ENTRY_HEADER_BYTES + 36 * count + 4 * i, receipts.length);
    const call = entrypoint === undefined ? { value: "1" } : { entrypoint, args: [String(i)] };
    const gasLimit = String(100_000 + gasUsed);
    encodeTransaction(
      { kind: "call", sender: address(sender), nonce: i, gasLimit, to: contract, ...call },
      transactions,
    );
    const halt = status === "halted" ? "OutOfGas" : undefined;
    encodeReceipt(
      { status, haltReason: halt, gasUsed, contractAddress: undefined, returnData: new Uint8Array(0), logs: [] },
      receipts,
    );
  });
  head[0] = EntryKind.block;
  head[1] = ENTRY_VERSION;
  writeU32(head, 4, count);
  writeU64(head, 8, seq);
  writeU64(head, 16, seq);
  writeU64(head, 24, atMs);
  writeU32(head, 40, transactions.length);
  writeU32(head, 44, receipts.length);
  writeU32(head, 48, delta.length);
  return BlockEntry.parse(Buffer.concat([head, transactions.take(), receipts.take(), delta]));
}

/** Counts what the native code counted, so that a test in which it never did can't pass. */
function watched(): ExecutionCounter & { counted: number; left: number } {
  return {
    counted: 0,
    left: 0,
    stateGrowth: native.stateGrowth,
    countRun(entry, call, laps, numbers, track, callers) {
      const before = numbers[0]!;
      native.countRun(entry, call, laps, numbers, track, callers);
      this.counted += numbers[0]! - before;
      if (numbers[0] === before) this.left++;
    },
  };
}

function sameBytes(...arrays: (Uint32Array | Float64Array)[]): boolean {
  const [a, b] = arrays.map(({ buffer }) => Buffer.from(buffer)) as [Buffer, Buffer];
  return a.equals(b);
}

function compare(blocks: readonly Block[], prepare: (analytics: Analytics) => void = () => {}) {
  const counter = watched();
  const [plain, counting] = [new Analytics(), new Analytics(undefined, -1, counter)];
  for (const analytics of [plain, counting]) {
    prepare(analytics);
    for (const [seq, block] of blocks.entries()) analytics.add(entryOf(block, seq), block.laps);
  }
  expect(counting.record()).toEqual(plain.record());
  const memories = [plain, counting].map(({ callers: { memory } }) => [memory.words, memory.numbers]);
  for (const [i, of] of memories[0]!.entries()) expect(sameBytes(of, memories[1]![i]!)).toBe(true);
  return { counter, record: plain.record() };
}

/** Runs of transactions alike, as blocks are made of, broken now and then; few callers, so that they come again. */
const run = fc.record({
  length: fc.integer({ min: 1, max: 40 }),
  contract: fc.constantFrom(...CONTRACTS),
  entrypoint: fc.constantFrom("transfer", "transfer", "transfer", "transferFrom", undefined),
  failing: fc.constantFrom(0, 0, 0, 7),
  gasUsed: fc.oneof(fc.integer({ min: 0, max: 100_000 }), fc.nat({ max: 2 ** 41 })),
  callers: fc.integer({ min: 1, max: 50 }),
});
const value = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined });
/** By contract, its keys with their values before and after; and records of contracts, which are no state of theirs. */
const delta = fc
  .uniqueArray(fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: 1, max: 400 }), value, value), {
    maxLength: 30,
    selector: ([contract, key]) => `${contract} ${key}`,
  })
  .map((changes) =>
    encodeDelta(
      changes
        .sort(([a], [b]) => a - b)
        .map(([contract, key, oldValue, newValue]) => {
          const of = bytesOf(CONTRACTS[contract] ?? address(contract * 1000 + key));
          return {
            key: contract === 3 ? contractKey(of) : contractStateKey(of, new Uint8Array(key).fill(key)),
            oldValue,
            newValue,
          };
        }),
    ),
  );
const block = fc.record({
  afterMs: fc.constantFrom(0, 1, 1_000, 59_000, 3_600_000),
  runs: fc.array(run, { maxLength: 6 }),
  lapLength: fc.constantFrom(0, 1, 3, 1_000),
  delta,
});

it("leaves the counts that analytics leave, to the last bit", () => {
  let counted = 0;
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 12 }), (specs) => {
      let atMs = START_MS;
      const blocks = specs.map(({ afterMs, runs, lapLength, delta }): Block => {
        atMs += afterMs;
        const executed = runs.flatMap(({ length, failing, callers, ...of }) =>
          Array.from({ length }, (_, i): Executed => {
            const status = failing > 0 && i % failing === 2 ? (i % 2 === 0 ? "reverted" : "halted") : "success";
            return { ...of, gasUsed: of.gasUsed + i, sender: 1 + (i % callers), status };
          }),
        );
        const laps: number[] = [];
        for (let i = lapLength; lapLength > 0 && i - lapLength < executed.length; i += lapLength)
          laps.push(Math.min(i, executed.length), i / 7);
        return { atMs, executed, laps, delta };
      });
      counted += compare(blocks).counter.counted;
    }),
    { numRuns: 40 },
  );
  expect(counted).toBeGreaterThan(1_000);
});

it("leaves to analytics who gets a place among the callers, whose minute is over, and the halving of the sketch", () => {
  // Three thousand callers for a thousand places; those who come late come often.
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const blocks = Array.from({ length: 100 }, (_, i): Block => {
    const executed = Array.from({ length: 400 }, (): Executed => {
      const sender = random(4) === 0 ? 2_900 + random(20) : 1 + random(3_000);
      return {
        sender,
        contract: CONTRACTS[0]!,
        entrypoint: "transfer",
        status: "success",
        gasUsed: 40_000 + random(9),
      };
    });
    return { atMs: START_MS + 2_000 * i, executed, laps: [400, 3.25], delta: new Uint8Array(0) };
  });
  const { counter, record } = compare(blocks, ({ callers }) => {
    callers.memory.state[2] = 10_000;
  });
  expect(counter.counted).toBeGreaterThan(30_000);
  expect(counter.left).toBeGreaterThan(1_000);
  expect(record.callers.forgotten).toBeGreaterThan(0);
  expect(record.callers.tracks[0]![1].bins).toBeDefined();
});

it("finds the growth of state that the portable reader finds, and says how much room that needs", () => {
  fc.assert(
    fc.property(delta, fc.nat({ max: 4 }), (bytes, room) => {
      const [portable, counted] = [0, 1].map(() => new Float64Array(room * GROWTH_NUMBERS)) as [
        Float64Array,
        Float64Array,
      ];
      expect(native.stateGrowth(bytes, counted)).toBe(stateGrowth(bytes, portable));
      expect(counted).toEqual(portable);
    }),
  );
});

it("refuses arrays that are too short instead of counting beside them", () => {
  const { memory } = new Analytics().callers;
  const track = { numbers: new Float64Array(50), bins: new Uint32Array(2296) };
  const entry = entryOf({ atMs: START_MS, executed: [], laps: [], delta: new Uint8Array(0) }, 0).bytes;
  const count = (change: Partial<Record<"entry" | "call", Uint8Array>>, lapNumbers = 0, of = track) =>
    native.countRun(
      change.entry ?? entry,
      change.call ?? new Uint8Array(29),
      new Float64Array(2),
      new Float64Array([0, 0, lapNumbers, 0, 0]),
      of,
      memory,
    );
  expect(() => count({})).not.toThrow();
  expect(() => count({ entry: entry.subarray(0, 200) })).toThrow(RangeError);
  expect(() => count({ call: new Uint8Array(20) })).toThrow(RangeError);
  expect(() => count({}, 4)).toThrow(RangeError);
  expect(() => count({}, 0, { ...track, bins: new Uint32Array(100) })).toThrow(RangeError);
});

it("forgets the contract executed longest ago, never one that each block goes on with, and keeps what it came to", () => {
  const executed = (contract: string): Executed => ({
    sender: 1,
    contract,
    entrypoint: "transfer",
    status: "success",
    gasUsed: 1,
  });
  for (const counter of [undefined, native]) {
    const analytics = new Analytics(undefined, -1, counter);
    const others = Array.from({ length: 1_001 }, (_, i) => address(0xd0000 + i));
    for (const [seq, other] of others.entries()) {
      const calls = [CONTRACTS[0]!, CONTRACTS[0]!, other, CONTRACTS[0]!].map(executed);
      analytics.add(entryOf({ atMs: START_MS, executed: calls, laps: [], delta: new Uint8Array(0) }, seq));
    }
    const isKept = (contract: string) => analytics.contract(bytesOf(contract)) !== undefined;
    expect([CONTRACTS[0]!, others[0]!, others[1]!, others[2]!, others.at(-1)!].map(isKept)).toEqual([
      true,
      false,
      false,
      true,
      true,
    ]);
    expect(analytics.track().executions).toBe(4 * others.length);
  }
});
