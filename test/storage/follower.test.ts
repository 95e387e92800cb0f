/** Follower against a plain model, over any chain of blocks and rollbacks, with restarts and crashes in between. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { fromLatin1, toLatin1 } from "../../src/encoding/bytes.ts";
import { readDelta } from "../../src/encoding/delta.ts";
import { MalformedBytesError, StorageError } from "../../src/errors.ts";
import { nativeCoalescer } from "../../src/native/change-table.ts";
import type { BatchTarget } from "../../src/storage/batch-target.ts";
import { ChangeTable } from "../../src/storage/change-table.ts";
import { Follower, type FollowerOptions } from "../../src/storage/follower.ts";
import { LmdbState } from "../../src/storage/lmdb-state.ts";
import { MemoryState } from "../../src/storage/memory-state.ts";
import { ChainBuilder, type Changes, EntryList, type Model } from "../support/entries.ts";
import { NATIVE } from "../support/need.ts";
import { requireAddon } from "../support/state-trees.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const keyNumbers = fc.nat(14);
/** Short keys, long keys in one group, keys of several spaces. */
const keyOf = (n: number): string => `${"\x10\x13\x13"[n % 3]}${"c".repeat(20)}${"k".repeat(n > 10 ? 1500 : n)}${n}`;
const blocks = fc.array(fc.tuple(keyNumbers, fc.option(fc.string({ maxLength: 5 }), { nil: undefined })), {
  maxLength: 8,
});

type Move = { block: [number, string | undefined][] } | { back: number };
const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof({ weight: 4, arbitrary: fc.record({ block: blocks }) }, fc.record({ back: fc.nat(5) })),
  { minLength: 1, maxLength: 40 },
);

function play(list: readonly Move[]): { chain: ChainBuilder; states: Model[] } {
  const chain = new ChainBuilder();
  const states: Model[] = [];
  for (const move of list) {
    if ("block" in move) {
      const changes: Changes = new Map(
        move.block.map(([n, value]) => [keyOf(n), value === undefined ? value : fromLatin1(value)]),
      );
      chain.block({ changes });
    } else if (chain.headHeight >= 0) chain.rollBack(Math.max(0, chain.headHeight - move.back));
    else continue;
    states.push(chain.state);
  }
  return { chain, states };
}

function contents(state: Pick<MemoryState, "range">): Record<string, string> {
  const rows = Array.from(state.range(Uint8Array.of(1), Uint8Array.of(0xff)), ({ key, value }) => [
    toLatin1(key),
    toLatin1(value),
  ]);
  return Object.fromEntries(rows);
}

function plain(model: Model | undefined): Record<string, string> {
  return Object.fromEntries(Array.from(model ?? [], ([key, value]) => [key, toLatin1(value)]));
}

function followerOf(target: BatchTarget, source: EntryList, options: FollowerOptions = {}, nowMs = () => 0): Follower {
  return new Follower(options, { source, target, nowMs });
}

function latin1(value: Uint8Array | undefined): string | undefined {
  return value && toLatin1(value);
}

describe("Follower", () => {
  it("leads to the model's state wherever it flushes, stops, or loses what it had buffered", async () => {
    await fc.assert(
      fc.asyncProperty(
        moves,
        fc.array(fc.record({ read: fc.nat(12), next: fc.constantFrom("flush", "restart", "crash", "read on") }), {
          maxLength: 12,
        }),
        fc.constantFrom(1, 400, 1_000_000),
        async (list, script, stepBytesMax) => {
          const { chain, states } = play(list);
          const source = new EntryList(chain.entries, 5);
          const last = chain.entries.length - 1;
          const directory = temporaryDirectory();
          let state = LmdbState.open(directory);
          let follower = followerOf(state, source, { stepBytesMax });
          for (const { read, next } of script) {
            const durableSeq = Math.min(last, follower.bufferedSeq + read);
            while (follower.bufferedSeq < durableSeq) follower.read(durableSeq);
            if (next === "read on") continue;
            if (next !== "crash") follower.flush();
            if (next !== "flush") {
              await state.close();
              state = LmdbState.open(directory);
              follower = followerOf(state, source, { stepBytesMax });
            }
            expect(contents(state)).toEqual(plain(states[state.appliedSeq()]));
          }
          while (follower.bufferedSeq < last) follower.read(last);
          expect(follower.flush().appliedSeq).toBe(last);
          expect(contents(state)).toEqual(plain(chain.state));
          expect(state.chain()).toMatchObject({ lastSeq: last, headHeight: chain.headHeight });
          await state.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  it("writes each key of a window once", () => {
    const chain = new ChainBuilder();
    for (let n = 0; n < 50; n++)
      chain.block({
        changes: new Map([
          ["\x13hot", Uint8Array.of(n)],
          [`\x13${n}`, Uint8Array.of(1)],
        ]),
      });
    const follower = followerOf(new MemoryState(), new EntryList(chain.entries, 100));
    follower.read(49);
    expect(follower.flush()).toMatchObject({ appliedSeq: 49, rows: 51 });
  });

  it("never shows an applied seq above the durable one", () => {
    const chain = new ChainBuilder();
    for (let n = 0; n < 10; n++) chain.block();
    const follower = followerOf(new MemoryState(), new EntryList(chain.entries));
    follower.read(3);
    expect(follower.flush().appliedSeq).toBe(3);
  });

  it("is due after its window, at once when it holds too much, and later when the last flush was slow", () => {
    let now = 0;
    const chain = new ChainBuilder();
    for (let n = 0; n < 4; n++) chain.block({ changes: new Map([[`\x13${n}`, new Uint8Array(n === 3 ? 5000 : 10)]]) });
    const slow = new MemoryState();
    const write = slow.write.bind(slow);
    slow.write = (changes, index) => {
      now += 700;
      write(changes, index);
    };
    const follower = followerOf(
      slow,
      new EntryList(chain.entries),
      { windowMs: 500, bufferedBytesMax: 4000 },
      () => now,
    );
    expect(follower.dueMs).toBe(Number.POSITIVE_INFINITY);
    follower.read(0);
    expect(follower.dueMs).toBe(500);
    now = 500;
    expect(follower.flush().flushMs).toBe(700);
    now = 2000;
    follower.read(1);
    expect(follower.dueMs).toBe(2700);
    follower.read(3);
    expect(follower.dueMs).toBe(2000);
  });

  it("counts its backlog in entries and bytes", () => {
    const chain = new ChainBuilder();
    for (let n = 0; n < 10; n++) chain.block();
    const size = chain.entries[0]!.length;
    const follower = followerOf(new MemoryState(), new EntryList(chain.entries, 100));
    follower.read(3);
    expect(follower.backlog(9)).toEqual({ entries: 10, bytes: 10 * size });
    follower.flush();
    expect(follower.backlog(9)).toEqual({ entries: 6, bytes: 6 * size });
  });

  it("refuses a log that lacks an entry, or a block to be taken back", () => {
    const chain = new ChainBuilder();
    for (let n = 0; n < 3; n++) chain.block();
    expect(() => followerOf(new MemoryState(), new EntryList([])).read(0)).toThrow(StorageError);
    chain.rollBack(0);
    const source = new EntryList(chain.entries, 100);
    const follower = followerOf(new MemoryState(), source);
    source.read = () => undefined;
    source.entries = (fromSeq) => chain.entries.slice(fromSeq);
    expect(() => follower.read(3)).toThrow(/no longer in the log/);
  });
});

const coalescers = [
  { name: "portable", coalescer: undefined },
  ...(NATIVE.isMet ? [{ name: "native", coalescer: nativeCoalescer(requireAddon()) }] : []),
];

describe.each(coalescers)("ChangeTable, $name", ({ coalescer }) => {
  it("takes from a delta what the delta's reader reads, either way", () => {
    fc.assert(
      fc.property(moves, (list) => {
        for (const bytes of play(list).chain.entries) {
          const { delta } = BlockEntry.parse(bytes);
          for (const direction of ["forward", "backward"] as const) {
            const table = new ChangeTable(coalescer);
            table.applyDelta(delta, direction);
            const rows = Array.from(table.ordered(), (record) => [
              toLatin1(table.key(record)),
              latin1(table.value(record)),
            ]);
            const expected = Array.from(readDelta(delta), ({ key, newValue, oldValue }) => [
              toLatin1(key),
              latin1(direction === "forward" ? newValue : oldValue),
            ]);
            expect(rows).toEqual(expected.sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)));
          }
        }
      }),
    );
  });

  it("keeps the last value of every key over thousands of deltas, each key once", () => {
    const table = new ChangeTable(coalescer);
    const builder = new ChainBuilder();
    const last = new Map<string, string | undefined>();
    let random = 1;
    const next = (below: number) => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      return Math.floor((random / 4294967296) * below);
    };
    for (let block = 0; block < 300; block++) {
      const changes = new Map<string, Uint8Array | undefined>();
      for (let n = next(60); n >= 0; n--) {
        const key = `${next(2) ? "\x13" : "\x10"}${"k".repeat(next(40))}${next(500)}`;
        changes.set(key, next(5) ? new Uint8Array(next(next(20) ? 40 : 900)).fill(block) : undefined);
      }
      for (const [key, value] of changes) last.set(key, latin1(value));
      table.applyDelta(builder.block({ changes }).delta, "forward");
    }
    const rows = Array.from(table.ordered(), (record) => [toLatin1(table.key(record)), latin1(table.value(record))]);
    expect(rows).toEqual([...last].sort(([a], [b]) => (a < b ? -1 : 1)));
    expect(table.size).toBe(last.size);
  });

  it("orders keys that nest a thousand deep, and many of the same length", () => {
    const table = new ChangeTable(coalescer);
    const keys = Array.from({ length: 2000 }, (_, n) => "k".repeat(1 + ((n * 7919) % 2000)));
    for (let n = 0; n < 5000; n++) keys.push(`m${((n * 2654435761) % 4294967296).toString(36)}`);
    for (const key of keys) table.set(fromLatin1(key), Uint8Array.of(1));
    const ordered = Array.from(table.ordered(), (record) => toLatin1(table.key(record)));
    expect(ordered).toEqual([...new Set(keys)].sort());
  });

  it.each([
    ["a record", (delta: Uint8Array) => delta.subarray(0, delta.length - 1)],
    ["a value's tag", (delta: Uint8Array) => delta.with(delta.length - 1, 254)],
    ["a group", (delta: Uint8Array) => Uint8Array.from([...delta, 9])],
  ])("refuses a delta that is damaged in %s", (_what, damage) => {
    const { delta } = new ChainBuilder().block({ changes: new Map([["\x13key", Uint8Array.of(1)]]) });
    const table = new ChangeTable(coalescer);
    expect(() => table.applyDelta(damage(delta), "forward")).toThrow(MalformedBytesError);
  });
});
