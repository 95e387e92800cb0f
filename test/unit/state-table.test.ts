/** The state table against a plain Map: whatever is written, reverted, applied or dropped, both hold the same. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter, compareBytes } from "../../src/encoding/bytes.ts";
import { readDelta } from "../../src/encoding/delta.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { fromBigInt, newUint256, toBigInt } from "../../src/encoding/uint256.ts";
import type { StateSnapshot } from "../../src/execution/ports.ts";
import { StateTable } from "../../src/execution/state-table.ts";

/** A store that applies deltas when told to, like LMDB behind the follower. */
class MapSnapshot implements StateSnapshot {
  readonly values = new Map<string, { key: Uint8Array; value: Uint8Array }>();
  seq = -1;

  get(key: Uint8Array): Uint8Array | undefined {
    return this.values.get(toHex(key))?.value;
  }
  range(start: Uint8Array, end: Uint8Array, options?: { reverse?: boolean }) {
    const inside = [...this.values.values()].filter(
      ({ key }) => compareBytes(key, start) >= 0 && compareBytes(key, end) < 0,
    );
    inside.sort((a, b) => compareBytes(a.key, b.key));
    return options?.reverse ? inside.reverse() : inside;
  }
  appliedSeq(): number {
    return this.seq;
  }
  apply(delta: Uint8Array): void {
    for (const { key, newValue } of readDelta(delta)) {
      if (newValue === undefined) this.values.delete(toHex(key));
      else this.values.set(toHex(key), { key: key.slice(), value: newValue.slice() });
    }
  }
}

const contract = Uint8Array.from([0x13, ...new Uint8Array(20).fill(9)]);
/** Short, inline-long and longer keys, some of them prefixes of others. */
const KEYS = [
  "a",
  "ab",
  "abc",
  "b",
  `bal:${"x".repeat(20)}`,
  `bal:${"y".repeat(20)}`,
  "k".repeat(25),
  "k".repeat(26),
  "k".repeat(300),
].map((text) => Buffer.from(text));
const VALUES = [
  undefined,
  new Uint8Array(0),
  Uint8Array.of(0),
  Uint8Array.of(0, 1),
  Uint8Array.of(7),
  new Uint8Array(32).fill(255),
  new Uint8Array(33).fill(1),
  new Uint8Array(300).fill(2),
];

type Step =
  | { do: "set"; key: number; value: number }
  | { do: "checkpoint" }
  | { do: "revert" }
  | { do: "endBlock" }
  | { do: "apply" }
  | { do: "dropBlock" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("set" as const),
      key: fc.nat(KEYS.length - 1),
      value: fc.nat(VALUES.length - 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("checkpoint" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("revert" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("endBlock" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("apply" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("dropBlock" as const) }) },
);

function shown(entries: Iterable<{ key: Uint8Array; value: Uint8Array }>): string[] {
  return [...entries].map(({ key, value }) => `${toHex(key)}=${toHex(value)}`);
}

describe("StateTable", () => {
  it("holds what a plain map holds, over writes, reverts, blocks, dropped blocks and a store that lags behind", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.boolean(), (steps, small) => {
        const snapshot = new MapSnapshot();
        const table = new StateTable(snapshot, small ? { rowsMax: 3 } : {});
        let model = new Map<string, Uint8Array>();
        let atBlock = new Map(model);
        const checkpoints: { table: number; model: Map<string, Uint8Array> }[] = [];
        const unapplied: { seq: number; delta: Uint8Array }[] = [];
        let blocks: { delta: Uint8Array; before: Map<string, Uint8Array> }[] = [];
        let seq = 0;
        for (const action of steps) {
          switch (action.do) {
            case "set": {
              const key = KEYS[action.key]!;
              const value = VALUES[action.value];
              table.set(table.slot(table.space(contract), key), value);
              if (value === undefined) model.delete(toHex(key));
              else model.set(toHex(key), value);
              break;
            }
            case "checkpoint":
              checkpoints.push({ table: table.checkpoint(), model: new Map(model) });
              break;
            case "revert": {
              const checkpoint = checkpoints.pop();
              if (checkpoint === undefined) break;
              table.revert(checkpoint.table);
              model = checkpoint.model;
              break;
            }
            case "endBlock": {
              const out = new ByteWriter();
              table.writeDelta(out);
              const delta = out.take();
              table.endBlock(seq);
              unapplied.push({ seq, delta });
              blocks.push({ delta, before: atBlock });
              seq++;
              atBlock = new Map(model);
              checkpoints.length = 0;
              break;
            }
            case "apply":
              for (const entry of unapplied.splice(0, 2)) {
                snapshot.apply(entry.delta);
                snapshot.seq = entry.seq;
                // A block that the store has is durable: it is not dropped any more.
                blocks = [];
              }
              if (table.checkpoint() === 0) table.applied(snapshot.seq);
              break;
            case "dropBlock": {
              const dropped = table.checkpoint() === 0 ? blocks.pop() : undefined;
              if (dropped === undefined || unapplied.pop() === undefined) break;
              table.overwrite(dropped.delta, "backward", snapshot.seq);
              model = new Map(dropped.before);
              atBlock = new Map(model);
              checkpoints.length = 0;
              break;
            }
          }
          for (const key of KEYS) {
            const value = table.get(table.slot(table.space(contract), key));
            expect(value === undefined ? undefined : toHex(value)).toBe(
              model.has(toHex(key)) ? toHex(model.get(toHex(key))!) : undefined,
            );
          }
          const expected = [...model]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, value]) => `${key}=${toHex(value)}`);
          expect(shown(table.range(table.space(contract), new Uint8Array(0), undefined))).toEqual(expected);
          expect(shown(table.range(table.space(contract), new Uint8Array(0), undefined, true))).toEqual(
            expected.reverse(),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it("writes a delta that leads from the block's first state to its last, and back", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(KEYS.length - 1), fc.nat(VALUES.length - 1)), { maxLength: 40 }),
        (writes) => {
          const table = new StateTable(new MapSnapshot());
          const space = table.space(contract);
          table.set(table.slot(space, KEYS[0]!), VALUES[4]);
          table.set(table.slot(space, KEYS[6]!), VALUES[7]);
          table.endBlock(0);
          const before = shown(table.range(space, new Uint8Array(0), undefined));
          for (const [key, value] of writes) table.set(table.slot(space, KEYS[key]!), VALUES[value]);
          const after = shown(table.range(space, new Uint8Array(0), undefined));
          const out = new ByteWriter();
          table.writeDelta(out);
          table.endBlock(1);
          for (const record of readDelta(out.written()))
            expect(record.newValue && toHex(record.newValue)).not.toBe(record.oldValue && toHex(record.oldValue));
          table.overwrite(out.written(), "backward", 2);
          expect(shown(table.range(space, new Uint8Array(0), undefined))).toEqual(before);
          table.overwrite(out.written(), "forward", 3);
          expect(shown(table.range(space, new Uint8Array(0), undefined))).toEqual(after);
        },
      ),
    );
  });

  it("keeps its own bytes, and gives out others, where store and caller have Buffers", () => {
    const snapshot = new MapSnapshot();
    const key = Buffer.concat([contract, Buffer.from("k")]);
    snapshot.values.set(toHex(key), { key, value: Buffer.alloc(40, 1) });
    const table = new StateTable(snapshot);
    const slot = table.slot(table.space(contract), Buffer.from("k"));
    table.get(slot)!.fill(9);
    expect(table.get(slot)).toEqual(new Uint8Array(40).fill(1));
    const given = Buffer.alloc(40, 2);
    table.set(slot, given);
    given.fill(9);
    expect(table.get(slot)).toEqual(new Uint8Array(40).fill(2));
  });

  it("keeps a uint256 under its shortest bytes, and zero as absent", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.bigInt(0n, 2n ** 256n - 1n), fc.constantFrom(0n, 1n, 255n, 256n, 2n ** 32n, 2n ** 255n)),
        (amount) => {
          const table = new StateTable(new MapSnapshot());
          const address = new Uint8Array(20).fill(3);
          const slot = table.addressSlot(table.space(contract), Buffer.from("bal:").readUInt32LE(0), address, 0);
          const limbs = newUint256();
          fromBigInt(amount, limbs);
          table.store(slot, limbs);
          const bytes = table.get(table.slot(table.space(contract), Buffer.concat([Buffer.from("bal:"), address])));
          const hex = amount.toString(16);
          expect(bytes === undefined ? undefined : toHex(bytes)).toBe(
            amount === 0n ? undefined : `0x${hex.length % 2 ? "0" : ""}${hex}`,
          );
          table.load(slot, limbs);
          expect(toBigInt(limbs)).toBe(amount);
        },
      ),
    );
  });

  it("keeps accounts of any nonce and balance, and an empty one as absent", () => {
    const table = new StateTable(new MapSnapshot());
    const address = new Uint8Array(20).fill(1);
    const slot = table.accountSlot(address, 0);
    expect(table.get(slot)).toBeUndefined();
    table.setNonce(slot, 2 ** 40 + 5);
    expect(toHex(table.get(slot)!)).toBe("0x06010000000005");
    table.setNonce(slot, 0);
    expect(table.get(slot)).toBeUndefined();
  });

  it("finds every row again after it has grown many times", () => {
    const table = new StateTable(new MapSnapshot());
    const space = table.space(contract);
    const key = (i: number) => Buffer.from(`key ${i} ${i % 3 === 0 ? "long".repeat(9) : ""}`);
    for (let i = 0; i < 20_000; i++) table.set(table.slot(space, key(i)), Buffer.from([1, i & 255]));
    for (let i = 0; i < 20_000; i++) expect(table.get(table.slot(space, key(i)))).toEqual(Uint8Array.of(1, i & 255));
  });
});
