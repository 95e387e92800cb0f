/** How long transactions took: what a stopwatch makes of its readings, and what they say of one transaction and of all. */
import { describe, expect, it } from "vitest";
import { appendLaps, forEachLaps, microsecondsAfter, microsecondsAt, microsecondsOf } from "../../src/encoding/laps.ts";
import { Stopwatch } from "../../src/execution/stopwatch.ts";

/** @param readings of the clock, one after the other. */
const stopwatch = (...readings: number[]) => {
  const made = new Stopwatch(() => readings.shift()!);
  made.start();
  return made;
};

describe("a stopwatch", () => {
  it("gives those that ran together equal shares, and one that ran alone its own", () => {
    const watch = stopwatch(100, 190, 200);
    for (const included of [0, 3, 3, 4]) watch.lap(included);
    expect(watch.laps()).toEqual([3, 30, 4, 10]);
  });

  it("counts to the next what was spent elsewhere on it", () => {
    const watch = stopwatch(0, 5, 6);
    watch.add(20);
    watch.lap(1);
    watch.lap(2);
    expect(watch.laps()).toEqual([1, 25, 2, 1]);
  });

  it("forgets what was taken back, laps and parts of laps", () => {
    const watch = stopwatch(0, 40, 50, 60, 66);
    for (const included of [4, 5, 6]) watch.lap(included);
    watch.lap(3);
    expect(watch.laps()).toEqual([3, 10]);
    watch.lap(4);
    expect(watch.laps()).toEqual([3, 10, 4, 6]);
    watch.lap(0);
    expect(watch.laps()).toEqual([]);
  });

  it("leaves the laps of a block to whoever took them", () => {
    const watch = stopwatch(0, 1, 2, 3);
    watch.lap(1);
    const laps = watch.laps();
    watch.start();
    watch.lap(1);
    expect(laps).toEqual([1, 1]);
  });
});

describe("laps", () => {
  it("say how long one transaction took, how long those behind it, and how long all of them", () => {
    const laps = [3, 30, 4, 10];
    expect([0, 2, 3, 4].map((index) => microsecondsAt(laps, index))).toEqual([30, 30, 10, 0]);
    expect(microsecondsOf(laps)).toBe(100);
    expect([0, 2, 3, 4].map((index) => microsecondsAfter(laps, index))).toEqual([70, 10, 0, 0]);
    expect(microsecondsOf([])).toBe(0);
  });

  it("of several blocks are read from one array of numbers as they were put there, one without any among them", () => {
    const numbers: number[] = [];
    const given: [number, number[]][] = [
      [7, [3, 30, 4, 10]],
      [8, []],
      [9, [1, 0.5]],
    ];
    for (const [seq, laps] of given) appendLaps(numbers, seq, laps);
    const read: [number, number[]][] = [];
    forEachLaps(Float64Array.from(numbers), (seq, laps) => read.push([seq, Array.from(laps)]));
    expect(read).toEqual(given);
  });
});
