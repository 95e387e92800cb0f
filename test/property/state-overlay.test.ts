/** A table over a snapshot and the deltas that it lacks, against a plain Map, whatever is read before, between and after them. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { compareBytes } from "../../src/encoding/bytes.ts";
import { encodeDelta, type StateChange } from "../../src/encoding/delta.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { spaceLength } from "../../src/encoding/state-key.ts";
import { StateOverlay } from "../../src/execution/state-overlay.ts";
import { StateTable } from "../../src/execution/state-table.ts";

const contract = (n: number) => Uint8Array.from([0x13, ...new Uint8Array(20).fill(n)]);
/** Spaces of two contracts, and one whose tag is a space of its own. */
const PREFIXES = [contract(1), contract(2), Uint8Array.of(0x11)];
const SUFFIXES = ["", "a", "ab", "b", "k".repeat(26), "k".repeat(300)].map((text) => Buffer.from(text));
const VALUES = [
  undefined,
  new Uint8Array(0),
  Uint8Array.of(7),
  new Uint8Array(32).fill(9),
  new Uint8Array(300).fill(1),
];
const KEYS = PREFIXES.flatMap((prefix) => SUFFIXES.map((suffix) => Uint8Array.from([...prefix, ...suffix])));

/** As of the last delta that the snapshot has. */
class MapSnapshot {
  readonly values = new Map<string, Uint8Array>();

  get(key: Uint8Array) {
    return this.values.get(toHex(key));
  }
  range(start: Uint8Array, end: Uint8Array, { reverse = false } = {}) {
    const keys = [...this.values.keys()].map((hex) => Buffer.from(hex.slice(2), "hex")).sort(compareBytes);
    const inside = keys.filter((key) => compareBytes(key, start) >= 0 && compareBytes(key, end) < 0);
    return (reverse ? inside.reverse() : inside).map((key) => ({ key, value: this.get(key)! }));
  }
  appliedSeq() {
    return 0;
  }
  take(values: ReadonlyMap<string, Uint8Array>) {
    this.values.clear();
    for (const [name, value] of values) this.values.set(name, value);
  }
}

function put(values: Map<string, Uint8Array>, key: Uint8Array, value: Uint8Array | undefined): void {
  if (value === undefined) values.delete(toHex(key));
  else values.set(toHex(key), value);
}

/** Keys by space, as an executor writes them. */
function deltaOf(model: Map<string, Uint8Array>, changes: readonly (readonly [number, number])[]): Uint8Array {
  const last = new Map(changes);
  const records = [...last].sort(([a], [b]) => a - b);
  return encodeDelta(
    records.map(
      ([key, value]): StateChange => ({
        key: KEYS[key]!,
        newValue: VALUES[value],
        oldValue: model.get(toHex(KEYS[key]!)),
      }),
    ),
  );
}

const key = fc.nat(KEYS.length - 1);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ block: fc.array(fc.tuple(key, fc.nat(VALUES.length - 1)), { minLength: 1, maxLength: 6 }) }),
  },
  { weight: 2, arbitrary: fc.record({ read: key }) },
  {
    weight: 1,
    arbitrary: fc.record({ range: fc.nat(PREFIXES.length - 1), from: fc.nat(5), to: fc.nat(6), reverse: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constant({ back: true as const }) },
  { weight: 1, arbitrary: fc.constant({ applied: true as const }) },
  { weight: 2, arbitrary: fc.record({ lacking: fc.nat(3) }) },
);

it("reads every key and range as of the last delta, taken back ones too", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const snapshot = new MapSnapshot();
      const overlay = new StateOverlay(snapshot);
      const table = new StateTable(overlay);
      const model = new Map<string, Uint8Array>();
      const blocks: { delta: Uint8Array; before: Map<string, Uint8Array>; seq: number }[] = [];
      let snapshotSeq = 0;
      let seq = 0;
      const lay = (delta: Uint8Array, direction: "forward" | "backward") => {
        seq++;
        for (const part of overlay.add(delta, direction)) table.overwrite(part, direction, seq);
      };
      const replace = (values: ReadonlyMap<string, Uint8Array>) => {
        model.clear();
        for (const [name, value] of values) model.set(name, value);
      };
      for (const now of steps) {
        if ("block" in now) {
          const delta = deltaOf(model, now.block);
          blocks.push({ delta, before: new Map(model), seq: seq + 1 });
          for (const [at, value] of now.block) put(model, KEYS[at]!, VALUES[value]);
          lay(delta, "forward");
        } else if ("back" in now) {
          const block = blocks.pop();
          if (block === undefined) continue;
          lay(block.delta, "backward");
          replace(block.before);
        } else if ("applied" in now) {
          snapshot.take(model);
          snapshotSeq = seq;
          overlay.clear();
          table.forget();
        } else if ("lacking" in now) {
          // A store never goes back: it lacks blocks that it has not had.
          const lacking =
            now.lacking === 0 ? [] : blocks.slice(-now.lacking).filter((block) => block.seq > snapshotSeq);
          snapshot.take(lacking[0]?.before ?? model);
          snapshotSeq = lacking[0] === undefined ? seq : lacking[0].seq - 1;
          overlay.moved(lacking.map(({ delta }) => delta));
          table.applied(snapshotSeq);
        } else if ("read" in now) {
          const value = table.get(table.slotOfKey(KEYS[now.read]!));
          expect(value && toHex(value)).toEqual(
            model.get(toHex(KEYS[now.read]!)) && toHex(model.get(toHex(KEYS[now.read]!))!),
          );
        } else {
          const prefix = PREFIXES[now.range]!;
          const start = SUFFIXES[now.from]!;
          const end = SUFFIXES[now.to];
          if (end !== undefined && compareBytes(start, end) > 0) continue;
          const found = [...table.range(table.space(prefix), start, end, now.reverse)];
          const expected = [...model]
            .map(([name, value]) => ({ whole: Buffer.from(name.slice(2), "hex"), value }))
            .filter(({ whole }) => toHex(whole.subarray(0, spaceLength(whole))) === toHex(prefix))
            .map(({ whole, value }) => ({ key: whole.subarray(prefix.length), value }))
            .filter(
              (entry) => compareBytes(entry.key, start) >= 0 && (end === undefined || compareBytes(entry.key, end) < 0),
            )
            .sort((a, b) => compareBytes(a.key, b.key) * (now.reverse ? -1 : 1));
          const text = (entries: { key: Uint8Array; value: Uint8Array }[]) =>
            entries.map((entry) => `${toHex(entry.key)}=${toHex(entry.value)}`);
          expect(text(found)).toEqual(text(expected));
        }
      }
      for (const each of KEYS) {
        const value = table.get(table.slotOfKey(each));
        expect(value && toHex(value)).toEqual(model.get(toHex(each)) && toHex(model.get(toHex(each))!));
      }
    }),
    { numRuns: 600 },
  );
});
