import { describe, expect, it } from "vitest";
import { encodeDelta, readDelta, type StateChange } from "../../src/encoding/delta.ts";
import { contractStateKey } from "../../src/encoding/state-key.ts";
import { MalformedBytesError } from "../../src/errors.ts";

const contract = new Uint8Array(20).fill(0xcc);
const bytes = (...values: number[]) => Uint8Array.from(values);

function roundTrip(changes: readonly StateChange[]): StateChange[] {
  return [...readDelta(encodeDelta(changes))].map(({ key, newValue, oldValue }) => ({ key, newValue, oldValue }));
}

describe("delta", () => {
  it("has the bytes of its specification", () => {
    const delta = encodeDelta([
      { key: bytes(0x10, 0xaa), newValue: bytes(1, 2), oldValue: undefined },
      { key: bytes(0x10, 0xbb), newValue: undefined, oldValue: bytes() },
      { key: contractStateKey(contract, bytes(7)), newValue: bytes(3), oldValue: bytes(4) },
    ]);
    expect([...delta]).toEqual([
      ...[1, 0x10, 2, 0, 0, 0], // accounts: two records
      ...[1, 0, 0xaa, 2, 1, 2, 255],
      ...[1, 0, 0xbb, 255, 0],
      ...[21, 0x13, ...contract, 1, 0, 0, 0], // the contract's state: one record
      ...[1, 0, 7, 1, 3, 1, 4],
    ]);
  });

  it("is empty when nothing changed", () => {
    expect(encodeDelta([])).toHaveLength(0);
    expect([...readDelta(new Uint8Array())]).toEqual([]);
  });

  it("carries values of every length around the change to four length bytes", () => {
    const changes = [0, 1, 252, 253, 254, 255, 256, 65_536].map((length) => ({
      key: bytes(0x10, length & 255, length >> 8, length >> 16),
      newValue: new Uint8Array(length).fill(length),
      oldValue: undefined,
    }));
    expect(roundTrip(changes)).toEqual(changes);
  });

  it("carries a suffix of 65,535 bytes and refuses a longer one", () => {
    const longest = { key: new Uint8Array(1 + 65_535).fill(0x10), newValue: bytes(1), oldValue: undefined };
    expect(roundTrip([longest])).toEqual([longest]);
    expect(() => encodeDelta([{ ...longest, key: new Uint8Array(2 + 65_535).fill(0x10) }])).toThrow(RangeError);
  });

  it("says where each record begins", () => {
    const delta = encodeDelta([
      { key: bytes(0x10, 1), newValue: bytes(9), oldValue: undefined },
      { key: bytes(0x10, 2), newValue: bytes(9), oldValue: undefined },
    ]);
    expect([...readDelta(delta)].map(({ offset }) => offset)).toEqual([6, 12]);
  });

  it.each([
    ["a prefix that runs past the end", [2, 0x10], 1, "prefix runs past the end"],
    ["a record count that runs past the end", [1, 0x10, 1, 0], 2, "record count runs past the end"],
    ["a suffix length that runs past the end", [0, 1, 0, 0, 0, 1], 5, "suffix length runs past the end"],
    ["a suffix that runs past the end", [0, 1, 0, 0, 0, 2, 0, 7], 7, "suffix runs past the end"],
    ["a record with one value", [0, 1, 0, 0, 0, 0, 0, 255], 8, "value runs past the end"],
    ["a value that runs past the end", [0, 1, 0, 0, 0, 0, 0, 255, 2, 1], 9, "value runs past the end"],
    ["the reserved value length 254", [0, 1, 0, 0, 0, 0, 0, 255, 254], 8, "254 is no value length"],
    [
      "a long value of 4 GiB that is not there",
      [0, 1, 0, 0, 0, 0, 0, 253, 255, 255, 255, 255],
      12,
      "value runs past the end",
    ],
    ["fewer records than counted", [0, 2, 0, 0, 0, 0, 0, 255, 255], 9, "suffix length runs past the end"],
  ])("refuses %s, saying where", (_, encoded, offset, problem) => {
    expect(() => [...readDelta(Uint8Array.from(encoded))]).toThrow(new MalformedBytesError("delta", offset, problem));
  });
});
