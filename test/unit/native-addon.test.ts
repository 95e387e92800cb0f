/**
 * The addon's face: it exports what addon.ts declares and nothing else, and each function refuses arguments that are not what
 * it expects, with an error that says which one and what came. Only what is refused here keeps native code inside its arrays.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { encodeDelta } from "../../src/encoding/delta.ts";
import { RUN_NUMBERS } from "../../src/encoding/transfer-run.ts";
import { Analytics } from "../../src/engines/enhanced/analytics/analytics.ts";
import type { Addon } from "../../src/native/addon.ts";
import type { TfheAddon } from "../../src/native/tfhe-addon.ts";
import { requireAddon } from "../support/state-trees.ts";

type Functions<Face> = {
  [Name in keyof Face as Face[Name] extends (...args: never) => unknown ? Name : never]: Face[Name];
};
/** Arguments that are right, anew for every call. */
type RightArguments<Face> = { [Name in keyof Functions<Face>]: () => unknown[] };

const addon = requireAddon();
const TREE = "native-addon-test";
const handle = addon.treeAttach(TREE);
const directory = mkdtempSync(join(tmpdir(), "polytorus-test-"));
afterAll(() => {
  addon.treeRelease(TREE);
  rmSync(directory, { recursive: true });
});
const delta = encodeDelta([{ key: Uint8Array.of(0x13, 1), oldValue: undefined, newValue: Uint8Array.of(7) }]);
const { memory } = new Analytics().callers;
const keys = addon.tfhe.generateKeys(1);
const { keyId } = addon.tfhe.describeSecretKey(keys.secretKey);
const held = addon.tfhe.loadKey(keys.evaluationKey, "");
const context = new Uint8Array(32);
const file = addon.tfhe.encrypt(keys.secretKey, Uint8Array.of(1), context);
const { words } = addon.tfhe.expand(file);

const right: RightArguments<Addon> = {
  treeAttach: () => [TREE],
  treeRelease: () => ["no tree of this name"],
  treeApply: () => [handle, [], false, new Uint8Array(32)],
  treeRoot: () => [handle, new Uint8Array(32)],
  treeLeafCount: () => [handle],
  treeByteLength: () => [handle],
  treeProve: () => [handle, Uint8Array.of(1)],
  treeMatches: () => [handle, Uint8Array.of(1), false, Uint8Array.of(2)],
  treeSave: () => [handle, join(directory, "state.tree"), Uint8Array.of(1)],
  treeReadAhead: () => [join(directory, "none")],
  treeLoad: () => [TREE, join(directory, "none")],
  sha256Batch: () => [Uint8Array.of(1), Uint32Array.of(0, 1), 1, Uint8Array.of(1), new Uint8Array(32)],
  merkleRoot: () => [new Uint8Array(32), 1, new Uint8Array(32)],
  transfersRun: () => [
    new Uint8Array(4),
    new Uint32Array(16),
    new Uint32Array(16),
    new Uint32Array(48),
    new Uint8Array(147),
    new Uint32Array(2),
    new Uint32Array(1),
    Uint32Array.of(1),
    new Uint8Array(52),
    new Float64Array(RUN_NUMBERS).fill(1, 13, 14).fill(2 ** 32 - 1, 19, 23),
  ],
  rowChangesWrite: () => [
    new Uint32Array(16),
    new Uint32Array(16),
    new Uint8Array(4),
    new Uint8Array(100),
    Uint32Array.of(2 ** 32 - 1, 0, 0),
  ],
  changesApply: () => [
    delta.slice(),
    false,
    new Uint8Array(1024),
    new Uint32Array(8),
    new Uint32Array(16),
    Uint32Array.of(5, 4, 0, 0, 0),
  ],
  submissionRead: () => [Uint8Array.of(1, 2, 3), 1, 2, new Uint8Array(130), new Uint32Array(5)],
  receiptText: () => [new Uint8Array(224), 0, new Uint8Array(20)],
  summariesText: () => [new Uint8Array(224), 0, 0],
  executionsCount: () => [
    new Uint8Array(224),
    new Uint8Array(21),
    new Float64Array(2),
    Float64Array.of(0, 0, 2, 0, 0),
    new Float64Array(50),
    new Uint32Array(2296),
    memory.numbers.slice(),
    memory.words.slice(),
  ],
  stateGrowth: () => [delta.slice(), new Float64Array(3)],
};
const rightTfhe: RightArguments<TfheAddon> = {
  parameterSets: () => [],
  generateKeys: () => [1],
  describeSecretKey: () => [keys.secretKey.slice()],
  encrypt: () => [keys.secretKey.slice(), Uint8Array.of(1), context.slice()],
  decrypt: () => [keys.secretKey.slice(), words.slice()],
  phases: () => [keys.secretKey.slice(), words.slice()],
  expand: () => [file.slice()],
  write: () => [1, keyId.slice(), context.slice(), words.slice()],
  loadKey: () => [keys.evaluationKey.slice(), ""],
  attachKey: () => [keyId.slice(), ""],
  releaseKey: () => [1_000_000],
  keyCache: () => [addon.tfhe.keyCache().maxBytes],
  evaluate: () => [held.handle, words.slice(), Uint32Array.of(7, 0, 0, 0, 0), Uint32Array.of(1), 1, new Int32Array(2)],
};

function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value);
}

type Callable = Record<string, (...args: unknown[]) => unknown>;
const calls = [
  ...Object.entries(right).map(([name, make]) => ({ name, face: addon as unknown as Callable, make })),
  ...Object.entries(rightTfhe).map(([name, make]) => ({ name, face: addon.tfhe as unknown as Callable, make })),
];
/** One for each argument of each function. */
const each = calls.flatMap(({ name, face, make }) =>
  make().map((value, index) => ({
    name,
    index,
    value,
    callWith: (other: unknown) => () => face[name]!(...make().with(index, other)),
  })),
);
const arrays = each.filter(({ value }) => ArrayBuffer.isView(value));

/** Every array must have something in it, except of those that may be empty. */
const MAY_BE_EMPTY = new Set([
  "treeProve 1",
  "treeMatches 1",
  "treeMatches 3",
  "treeSave 2",
  "sha256Batch 3",
  "transfersRun 0",
  "transfersRun 1",
  "rowChangesWrite 0",
  "rowChangesWrite 1",
  "rowChangesWrite 2",
  "rowChangesWrite 3",
  "changesApply 0",
  "changesApply 3",
  "receiptText 0",
  "receiptText 2",
  "summariesText 0",
  "stateGrowth 0",
  "stateGrowth 1",
  "encrypt 1",
  "decrypt 1",
  "phases 1",
  "write 3",
]);

describe("the addon", () => {
  it("exports what is declared and no more, all of which is called", () => {
    expect(Object.keys(addon).sort()).toEqual([...Object.keys(right), "isa", "tfhe"].sort());
    expect(Object.keys(addon.tfhe).sort()).toEqual(Object.keys(rightTfhe).sort());
    const files = [
      "change-table",
      "execution-counter",
      "hash",
      "row-changes",
      "state-tree",
      "tfhe",
      "transfers",
      "wire-codec",
    ];
    const callers = files.map((name) => readFileSync(`src/native/${name}.ts`, "utf8")).join("\n");
    expect(calls.filter(({ name }) => !new RegExp(`addon\\.${name}\\b`).test(callers))).toEqual([]);
  });

  it.each(calls)("takes right arguments: $name", ({ name, face, make }) => {
    expect(() => face[name]!(...make())).not.toThrow();
  });

  it.each(each)("refuses another type: $name, argument $index", ({ name, index, value, callWith }) => {
    const others = [null, 7n, {}, () => {}, "text", true, 5, [], new Float32Array(8), new DataView(new ArrayBuffer(8))];
    // Left out, it only reads.
    if (name !== "keyCache") others.push(undefined as never);
    for (const other of others.filter((other) => kindOf(other) !== kindOf(value))) {
      expect(callWith(other), String(other)).toThrow(TypeError);
      expect(callWith(other), String(other)).toThrow(new RegExp(`^argument ${index}: expected .+, received .+`));
    }
  });

  it.each(arrays)("refuses a detached array: $name, argument $index", ({ value, index, callWith }) => {
    const detached = (value as Uint8Array).slice();
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    expect(callWith(detached)).toThrow(RangeError);
    expect(callWith(detached)).toThrow(new RegExp(`^argument ${index}: expected .+, received \\w+ of 0`));
  });

  it.each(arrays.filter(({ name, index }) => !MAY_BE_EMPTY.has(`${name} ${index}`)))(
    "refuses an array with nothing in it: $name, argument $index",
    ({ value, callWith }) => {
      expect(callWith((value as Uint8Array).slice(0, 0))).toThrow();
    },
  );

  it.each(each.filter(({ value }) => typeof value === "number"))(
    "refuses a number that is negative, broken or beyond its range: $name, argument $index",
    ({ index, callWith }) => {
      for (const other of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53 + 2, -(2 ** 32)]) {
        expect(callWith(other), String(other)).toThrow(RangeError);
        expect(callWith(other), String(other)).toThrow(new RegExp(`^argument ${index}: expected a whole number`));
      }
    },
  );

  it.each(each.filter(({ value }) => typeof value === "string"))(
    "refuses text with a zero byte, which would end it: $name, argument $index",
    ({ value, callWith }) => expect(callWith(`${value}\0`)).toThrow(RangeError),
  );

  it("reads all deltas of a list before the bytes of any, which an accessor could take away", () => {
    const first = delta.slice();
    const list = [first, delta];
    Object.defineProperty(list, 1, {
      get: () => {
        structuredClone(first.buffer, { transfer: [first.buffer] });
        return delta;
      },
    });
    expect(() => addon.treeApply(handle, list, false, new Uint8Array(32))).toThrow(/detached/);
    expect(() => addon.treeApply(handle, [delta, undefined as never], false, new Uint8Array(32))).toThrow(
      /^argument 1: expected Uint8Array/,
    );
  });

  it("refuses a change table whose parts do not fit together", () => {
    const [bytes, direction, arena, records, slots] = right.changesApply() as Parameters<Addon["changesApply"]>;
    const apply = (part: { arena?: Uint8Array; slots?: Uint32Array; used?: number; count?: number }) => () =>
      addon.changesApply(
        bytes,
        direction,
        part.arena ?? arena,
        records,
        part.slots ?? slots,
        Uint32Array.of(5, part.used ?? 4, part.count ?? 0, 0, 0),
      );
    const problem = "a change table whose arrays fit together";
    expect(apply({ arena: new Uint8Array(1025).subarray(1) })).toThrow(problem);
    expect(apply({ slots: new Uint32Array(8) })).toThrow(problem);
    expect(apply({ slots: new Uint32Array(17) })).toThrow(problem);
    expect(apply({ used: 0 })).toThrow(problem);
    expect(apply({ used: 5 })).toThrow(problem);
    expect(apply({ used: 1028 })).toThrow(problem);
    expect(apply({ count: 9 })).toThrow(problem);
    expect(apply({})()).toBe(true);
  });

  it.each([
    ["a record that is none of theirs", 1, 0, 16],
    ["more in the output than there is room for", 0, 101, 16],
    ["no record of those that it begins with", 0, 0, 15],
  ])("refuses changes of rows with %s", (_, record, length, undoWords) => {
    const [rows, , longKeys, out] = right.rowChangesWrite() as Parameters<Addon["rowChangesWrite"]>;
    const write = (undo: Uint32Array, numbers: Uint32Array) => () =>
      addon.rowChangesWrite(rows, undo, longKeys, out, numbers);
    expect(write(new Uint32Array(undoWords), Uint32Array.of(record, length, 0))).toThrow(RangeError);
  });

  it("stops before a record of a row that is none of theirs, and before a key outside of them", () => {
    const row = new Uint32Array(16);
    const stopsAt = (undo: Uint32Array) => {
      const numbers = new Uint32Array(3);
      addon.rowChangesWrite(row, undo, new Uint8Array(4), new Uint8Array(900), numbers);
      return [...numbers];
    };
    const undo = new Uint32Array(16).fill(2 ** 32 - 1, 13, 14);
    expect(stopsAt(undo)).toEqual([2 ** 32 - 1, 0, 0]);
    expect(stopsAt(undo.with(0, 1))).toEqual([0, 0, 0]);
    row.set([2, 30], 3);
    row[7] = 1 | (255 << 8);
    expect(stopsAt(undo)).toEqual([0, 0, 0]);
    row[7] = 1 | (25 << 8);
    expect(stopsAt(undo)).toEqual([0, 0, 0]);
  });

  it.each([
    ["a place below 0", 12, -1],
    ["a place that is not whole", 14, 0.5],
    ["a place beyond 32 bits", 16, 2 ** 32],
    ["a price that is none", 5, Number.NaN],
    ["a price beyond 2^53", 11, 2 ** 54],
    ["a flag that is none", 24, 2],
    ["a chain that ends in no record", 20, 3],
    ["more transfers than there is room for", 13, 2],
  ])("refuses a run of transfers with %s", (_, place, value) => {
    const wrong = right.transfersRun() as Parameters<Addon["transfersRun"]>;
    wrong[9][place] = value;
    expect(() => addon.transfersRun(...wrong)).toThrow(RangeError);
  });
});
