/** Arrays that grow in place: what was written stays, and nothing is left beside them. */
import { describe, expect, it } from "vitest";
import { GrowingWords } from "../../src/execution/growing-words.ts";
import type { StateSnapshot } from "../../src/execution/ports.ts";
import { StateTable } from "../../src/execution/state-table.ts";
import { ChangeTable } from "../../src/storage/change-table.ts";

const MIB = 1024 ** 2;

describe("GrowingWords", () => {
  it("keeps what was written while it grows; new words are zero, earlier views empty", () => {
    const array = new GrowingWords(1000);
    const before = array.words;
    for (let count = 1000; count <= 1_024_000; count *= 2) {
      array.grow(count);
      expect(array.words).toHaveLength(count);
      expect(array.words.subarray(0, count / 2).every((word, i) => word === (count === 1000 ? 0 : i + 1))).toBe(true);
      expect(array.words.subarray(count / 2).every((word) => word === 0)).toBe(true);
      array.words.forEach((_, i, words) => {
        words[i] = i + 1;
      });
    }
    expect(before).toHaveLength(0);
  });

  it("refuses to be larger than 32 bits address, and is then as before", () => {
    const array = new GrowingWords(3);
    array.words.set([1, 2, 3]);
    expect(() => array.grow(2 ** 30 + 1)).toThrow(RangeError);
    expect([...array.words]).toEqual([1, 2, 3]);
  });
});

describe("Tables that grow", () => {
  const nothing: StateSnapshot = { get: () => undefined, range: () => [], appliedSeq: () => -1 };

  /** What V8 counts of memory outside its heap, more than before: garbage included. */
  function takenBy(fill: () => void): number {
    const before = process.memoryUsage().external;
    fill();
    return process.memoryUsage().external - before;
  }

  it("a state table of 200,000 rows leaves nothing of its smaller arrays to the collector", () => {
    const table = new StateTable(nothing, { pinned: true });
    const key = new Uint8Array(20);
    const words = new Uint32Array(key.buffer);
    const taken = takenBy(() => {
      const space = table.space(Uint8Array.of(1));
      for (let i = 0; i < 200_000; i++) {
        words[0] = i;
        table.slot(space, key);
      }
    });
    expect(table.byteLength).toBeGreaterThan(14 * MIB);
    expect(taken).toBeLessThan(20 * MIB);
  });

  it("a table of 200,000 changes does not either", () => {
    const table = new ChangeTable();
    const key = new Uint8Array(40).fill(1);
    const words = new Uint32Array(key.buffer);
    const value = new Uint8Array(8);
    const taken = takenBy(() => {
      for (let i = 0; i < 200_000; i++) {
        words[9] = i;
        table.set(key, value);
      }
    });
    expect(table.byteLength).toBeGreaterThan(13 * MIB);
    expect(taken).toBeLessThan(21 * MIB);
  });
});
