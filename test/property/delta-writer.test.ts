/** A block's delta by native code, against the same by TypeScript: whatever rows hold, byte for byte. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { ChangeNumber, type RowChangeWriter } from "../../src/encoding/row-changes.ts";
import { StateTag } from "../../src/encoding/state-key.ts";
import { fromBigInt, newUint256 } from "../../src/encoding/uint256.ts";
import { NONE } from "../../src/execution/state-rows.ts";
import { StateTable } from "../../src/execution/state-table.ts";
import { type Addon, loadAddon } from "../../src/native/addon.ts";
import { nativeRowChanges } from "../../src/native/row-changes.ts";
import { describeWith } from "../support/describe-with.ts";
import { NATIVE } from "../support/need.ts";

const addon = loadAddon();
const EMPTY_SNAPSHOT = { get: () => undefined, range: () => [], appliedSeq: () => -1 };
const ADDRESSES = [1, 2, 3, 4, 5].map((n) => new Uint8Array(20).fill(n));
const SPACES = [7, 8, 9].map((n) => Uint8Array.from([StateTag.state, ...new Uint8Array(20).fill(n)]));
/** On either side of what fits a row, and of what a delta has a short length for. */
const KEY_LENGTHS = [0, 1, 4, 20, 23, 24, 25, 26, 53, 254, 255, 256, 700];

const byte = fc.nat(255);
const amount = fc.oneof(
  fc.constantFrom(0n, 1n, 255n, 256n, 2n ** 32n, 2n ** 64n - 1n, 2n ** 192n - 1n, 2n ** 192n, 2n ** 256n - 1n),
  fc.bigInt(0n, 2n ** 130n),
);
const write = fc.oneof(
  fc.record({ kind: fc.constant("pay" as const), who: fc.nat(4), amount }),
  fc.record({
    kind: fc.constant("count" as const),
    who: fc.nat(4),
    nonce: fc.constantFrom(0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1),
  }),
  fc.record({
    kind: fc.constant("set" as const),
    space: fc.nat(SPACES.length - 1),
    key: fc.nat(KEY_LENGTHS.length - 1),
    // Mostly what fits a row.
    value: fc.oneof(
      { weight: 6, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 9 }).map((bytes) => bytes.map((b) => b || 1)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
      { weight: 1, arbitrary: fc.tuple(byte, byte).map(([n, b]) => new Uint8Array(300 + n).fill(b)) },
      { weight: 2, arbitrary: fc.constant(undefined) },
    ),
  }),
);
const step = fc.oneof(
  { weight: 20, arbitrary: write },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("revert" as const), part: fc.nat(3) }) },
);
const blocks = fc.array(fc.array(step, { maxLength: 60, size: "+1" }), { minLength: 1, maxLength: 4 });

type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

function run(table: StateTable, one: Step): void {
  switch (one.kind) {
    case "pay": {
      const limbs = newUint256();
      fromBigInt(one.amount, limbs);
      table.store(table.accountSlot(ADDRESSES[one.who]!, 0), limbs);
      return;
    }
    case "count":
      table.setNonce(table.accountSlot(ADDRESSES[one.who]!, 0), one.nonce);
      return;
    case "set": {
      const key = new Uint8Array(KEY_LENGTHS[one.key]!).fill(97);
      table.set(table.slot(table.space(SPACES[one.space]!), key), one.value);
      return;
    }
    case "revert":
      table.revert(Math.floor((table.checkpoint() * one.part) / 3));
  }
}

describeWith(NATIVE, "a delta written natively", () => {
  it("is the one that TypeScript writes, and native code has written of it", () => {
    const native = nativeRowChanges(addon as Addon);
    let nativeCount = 0;
    let leftCount = 0;
    const changes: RowChangeWriter = {
      write(arrays, numbers) {
        native.write(arrays, numbers);
        nativeCount += numbers[ChangeNumber.count]!;
        if (numbers[ChangeNumber.record] !== NONE) leftCount++;
      },
    };
    fc.assert(
      fc.property(blocks, fc.constantFrom(8, 64, 1024, 65_536), (input, initialBytes) => {
        const tables = [new StateTable(EMPTY_SNAPSHOT, { changes }), new StateTable(EMPTY_SNAPSHOT)];
        for (const [seq, steps] of input.entries()) {
          const deltas = tables.map((table) => {
            for (const one of steps) run(table, one);
            const out = new ByteWriter(initialBytes);
            const hasHandles = table.writeDelta(out);
            table.endBlock(seq);
            return { delta: toHex(out.written()), hasHandles };
          });
          expect(deltas[0]).toEqual(deltas[1]);
        }
      }),
      { numRuns: 400 },
    );
    expect(nativeCount).toBeGreaterThan(1_000);
    expect(leftCount).toBeGreaterThan(100);
  });
});
