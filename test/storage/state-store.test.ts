/** What every StateStore promises, over each of them. */
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { compareBytes, fromLatin1, toLatin1 } from "../../src/encoding/bytes.ts";
import { StorageError } from "../../src/errors.ts";
import type { StateEntry, StateStore } from "../../src/execution/ports.ts";
import type { BatchTarget } from "../../src/storage/batch-target.ts";
import { ChainIndex } from "../../src/storage/chain-index.ts";
import { ChangeTable } from "../../src/storage/change-table.ts";
import { LmdbSnapshot } from "../../src/storage/lmdb-snapshot.ts";
import { LmdbState } from "../../src/storage/lmdb-state.ts";
import { MemoryState } from "../../src/storage/memory-state.ts";
import { bundle } from "../support/bundle.ts";
import { encryptedDirectory } from "../support/encrypted-directory.ts";
import { ChainBuilder, type Changes, type Model } from "../support/entries.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const backends: { name: string; open: () => StateStore & BatchTarget }[] = [
  { name: "LmdbState", open: () => LmdbState.open(temporaryDirectory()) },
  { name: "LmdbState, encrypted", open: () => LmdbState.open(encryptedDirectory("state")) },
  { name: "MemoryState", open: () => new MemoryState() },
];

/** Lengths around each limit; long keys alike enough to fall into one group. */
const keySpecs = fc.record({
  repeat: fc.constantFrom(0, 1000, 1022, 1023, 1024, 1977, 2100, 65_550),
  tail: fc.string({ unit: "grapheme-ascii", maxLength: 3 }),
});
const keyOf = ({ repeat, tail }: { repeat: number; tail: string }) => fromLatin1(`\x13${"k".repeat(repeat)}${tail}`);
const stateValues = fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.constant(new Uint8Array(300).fill(7)));
const allKeys: [Uint8Array, Uint8Array] = [Uint8Array.of(1), Uint8Array.of(0xff)];

function shown(entries: Iterable<StateEntry>): [string, string][] {
  return Array.from(entries, ({ key, value }) => [toLatin1(key), toLatin1(value)]);
}

function expected(model: Model, start: Uint8Array, end: Uint8Array): [string, string][] {
  const rows: [string, string][] = [];
  for (const key of [...model.keys()].sort()) {
    const within = compareBytes(fromLatin1(key), start) >= 0 && compareBytes(fromLatin1(key), end) < 0;
    if (within) rows.push([key, toLatin1(model.get(key)!)]);
  }
  return rows;
}

function changesOf(pairs: readonly (readonly [Uint8Array, Uint8Array | undefined])[]): Changes {
  return new Map(pairs.map(([key, value]) => [toLatin1(key), value]));
}

for (const backend of backends) {
  describe(backend.name, () => {
    it("is empty before the first entry", async () => {
      const store = backend.open();
      expect(store.appliedSeq()).toBe(-1);
      expect(store.get(Uint8Array.of(0x13, 1))).toBeUndefined();
      expect(store.get(new Uint8Array(0))).toBeUndefined();
      expect([...store.range(...allKeys)]).toEqual([]);
      await store.close();
    });

    it("gets and ranges, both ways, exactly what was applied, for keys of every length", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(fc.tuple(keySpecs, fc.option(stateValues, { nil: undefined })), { maxLength: 12 }), {
            maxLength: 4,
          }),
          fc.array(fc.tuple(keySpecs, keySpecs), { maxLength: 4 }),
          async (blockSpecs, ranges) => {
            const blocks = blockSpecs.map((pairs) => pairs.map(([spec, value]) => [keyOf(spec), value] as const));
            const store = backend.open();
            const chain = new ChainBuilder();
            for (const pairs of blocks)
              await store.apply([{ entry: chain.block({ changes: changesOf(pairs) }), undone: [] }]);
            expect(store.appliedSeq()).toBe(blocks.length - 1);
            for (const [key] of blocks.flat()) {
              const value = store.get(key);
              expect(value && toLatin1(value)).toEqual(
                chain.state.has(toLatin1(key)) ? toLatin1(chain.state.get(toLatin1(key))!) : undefined,
              );
            }
            for (const [start, end] of [allKeys, ...ranges.map((pair) => pair.map(keyOf) as typeof allKeys)]) {
              const rows = expected(chain.state, start, end);
              expect(shown(store.range(start, end))).toEqual(rows);
              expect(shown(store.range(start, end, { reverse: true }))).toEqual(rows.toReversed());
            }
            await store.close();
          },
        ),
        { numRuns: 60 },
      );
    });

    it("keeps empty values and values of 2 MiB", async () => {
      const store = backend.open();
      const chain = new ChainBuilder();
      const big = Uint8Array.from({ length: 2 * 1024 * 1024 }, (_, i) => i);
      const changes: Changes = new Map([
        ["\x12empty", new Uint8Array(0)],
        ["\x12big", big],
        [`\x12${"k".repeat(3000)}`, big],
      ]);
      await store.apply([{ entry: chain.block({ changes }), undone: [] }]);
      expect(store.get(fromLatin1("\x12empty"))).toHaveLength(0);
      expect(Buffer.compare(store.get(fromLatin1("\x12big"))!, big)).toBe(0);
      expect(Buffer.compare(store.get(fromLatin1(`\x12${"k".repeat(3000)}`))!, big)).toBe(0);
      await store.close();
    });

    it("takes back the blocks of a rollback", async () => {
      const store = backend.open();
      const chain = new ChainBuilder();
      const put = (key: string, value: string | undefined): Changes =>
        new Map([[key, value === undefined ? undefined : fromLatin1(value)]]);
      const first = chain.block({ changes: put("\x13a", "1") });
      const second = chain.block({ changes: put("\x13a", undefined) });
      const third = chain.block({ changes: put("\x13b", "3") });
      await store.apply([first, second, third].map((entry) => ({ entry, undone: [] })));
      await store.apply([{ entry: chain.rollBack(0), undone: [third, second] }]);
      expect(shown(store.range(...allKeys))).toEqual([["\x13a", "1"]]);
      expect(store.appliedSeq()).toBe(3);
      expect(store.chain()).toMatchObject({ headHeight: 0, headSeq: 0 });
      await store.close();
    });

    it("refuses a gap, and a rollback without its blocks, and is then as before", async () => {
      const store = backend.open();
      const chain = new ChainBuilder();
      const [first, , third] = [0, 1, 2].map((n) => chain.block({ changes: new Map([[`\x13${n}`, fromLatin1("v")]]) }));
      await store.apply([{ entry: first!, undone: [] }]);
      await expect(store.apply([{ entry: third!, undone: [] }])).rejects.toThrow(StorageError);
      const second = BlockEntry.parse(chain.entries[1]!);
      const rollback = chain.rollBack(0);
      await expect(store.apply([second, third!, rollback].map((entry) => ({ entry, undone: [] })))).rejects.toThrow(
        /takes back/,
      );
      expect(store.appliedSeq()).toBe(0);
      expect(shown(store.range(...allKeys))).toEqual([["\x130", "v"]]);
      await store.close();
    });

    it("leaves the same bytes when a batch comes twice", async () => {
      const store = backend.open();
      const chain = new ChainBuilder();
      const batch = [1, 2].map((n) => ({
        entry: chain.block({ changes: new Map([["\x13a", Uint8Array.of(n)]]) }),
        undone: [],
      }));
      await store.apply(batch);
      await store.apply(batch.slice(0, 1));
      await store.apply(batch);
      expect(store.appliedSeq()).toBe(1);
      expect(store.get(fromLatin1("\x13a"))?.[0]).toBe(2);
      await store.close();
    });

    it("refuses a key of its own space and an empty one", () => {
      for (const key of [Uint8Array.of(0, 1), new Uint8Array(0)]) {
        expect(() => new ChangeTable().set(key, Uint8Array.of(1))).toThrow(/key/);
      }
    });
  });
}

describe("LmdbState on disk", () => {
  const change = (value: number) => {
    const table = new ChangeTable();
    table.set(fromLatin1("\x13a"), Uint8Array.of(value));
    return table;
  };
  const chainOf = (length: number) => {
    const chain = new ChainIndex();
    for (let seq = 0; seq < length; seq++) chain.add({ seq, height: seq, isRollback: false });
    return chain;
  };

  it("holds one commit for a reader until it refreshes, iterators longer", async () => {
    const directory = temporaryDirectory();
    const state = LmdbState.open(directory);
    state.write(change(1), chainOf(1));
    const reader = LmdbSnapshot.open(directory);
    const iterator = reader.range(...allKeys);
    state.write(change(2), chainOf(2));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([reader.appliedSeq(), reader.get(fromLatin1("\x13a"))?.[0]]).toEqual([0, 1]);
    const first = iterator.next();
    expect(reader.refresh()).toBe(1);
    expect(reader.get(fromLatin1("\x13a"))?.[0]).toBe(2);
    expect(first.value?.value[0]).toBe(1);
    expect(iterator.next().done).toBe(true);
    await reader.close();
    await state.close();
  });

  it("reopens with state, applied seq and chain as committed", async () => {
    const directory = temporaryDirectory();
    const state = LmdbState.open(directory);
    state.write(change(9), chainOf(3));
    await state.close();
    const again = LmdbState.open(directory);
    expect([again.appliedSeq(), again.get(fromLatin1("\x13a"))?.[0], again.chain().headHeight]).toEqual([2, 9, 2]);
    await again.close();
  });

  it("shows nothing of a write that fails half way", async () => {
    const state = LmdbState.open(temporaryDirectory());
    state.write(change(1), chainOf(1));
    const broken = chainOf(2);
    broken.encode = () => {
      throw new Error("broken");
    };
    expect(() => state.write(change(2), broken)).toThrow(StorageError);
    expect([state.refresh(), state.get(fromLatin1("\x13a"))?.[0]]).toEqual([0, 1]);
    state.write(change(3), chainOf(2));
    expect([state.appliedSeq(), state.get(fromLatin1("\x13a"))?.[0]]).toEqual([1, 3]);
    await state.close();
  });

  it("lets another thread read whole commits while this one writes", async () => {
    const directory = temporaryDirectory();
    const state = LmdbState.open(directory);
    const script = await bundle({
      code: `
        import { parentPort, workerData } from "node:worker_threads";
        import { LmdbSnapshot } from "./src/storage/lmdb-snapshot.ts";
        const reader = LmdbSnapshot.open(workerData);
        const seen = new Set();
        let torn = 0;
        for (let seq = -1; seq < 199; ) {
          seq = reader.refresh();
          if (seq >= 0 && seen.size === 0) parentPort.postMessage("reading");
          if (seq >= 0) seen.add(seq);
          for (let k = 0; seq >= 0 && k < 50; k++) {
            const value = reader.get(Uint8Array.of(0x13, k));
            if (Buffer.from(value).readUInt32LE(0) !== seq) torn++;
          }
        }
        await reader.close();
        parentPort.postMessage({ torn, commits: seen.size });`,
    });
    const worker = new Worker(script, { workerData: directory });
    const next = <T>() =>
      new Promise<T>((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      });
    let message = next<unknown>();
    for (let seq = 0; seq < 200; seq++) {
      const table = new ChangeTable();
      const value = Buffer.alloc(4);
      value.writeUInt32LE(seq);
      for (let k = 0; k < 50; k++) table.set(Uint8Array.of(0x13, k), value);
      state.write(table, chainOf(seq + 1));
      // The thread has to be there before the rest is written: it may take longer to start than all of it.
      if (seq === 0) {
        expect(await message).toBe("reading");
        message = next();
      } else await new Promise((resolve) => setImmediate(resolve));
    }
    const { torn, commits } = (await message) as { torn: number; commits: number };
    expect(torn).toBe(0);
    expect(commits).toBeGreaterThan(1);
    await state.close();
  });
});
