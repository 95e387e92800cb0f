/** uint256 arithmetic beside bigint's. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  add,
  byteLength,
  copyLimbs,
  fromBigInt,
  isMax,
  isZero,
  type Limbs,
  lessThan,
  newUint256,
  readBigEndian,
  subtract,
  toBigInt,
  writeBigEndian,
  writeShortest,
} from "../../src/encoding/uint256.ts";

const LIMIT = 2n ** 256n;
const MAX = LIMIT - 1n;

function limbs(value: bigint): Limbs {
  const out = newUint256();
  fromBigInt(value, out);
  return out;
}

function bigEndian(value: bigint, length = 32): Uint8Array {
  return Uint8Array.from(
    Buffer.from(
      value
        .toString(16)
        .padStart(2 * length, "0")
        .slice(-2 * length),
      "hex",
    ),
  ).slice(0, length);
}

/** Any number, and those around the edges of limbs, where carries and borrows run. */
const uint256 = fc.oneof(
  fc.bigInt(0n, MAX),
  fc.tuple(fc.nat(8), fc.bigInt(-2n, 2n)).map(([limb, difference]) => {
    const value = 2n ** BigInt(32 * limb) + difference;
    return value < 0n ? 0n : value > MAX ? MAX : value;
  }),
);

function holds(predicate: (a: bigint, b: bigint) => void): void {
  fc.assert(fc.property(uint256, uint256, predicate), { numRuns: 2000 });
}

describe("uint256", () => {
  it("goes from bigint to limbs and back, at any offset", () =>
    holds((a, b) => {
      const both = new Uint32Array(16);
      fromBigInt(a, both, 0);
      fromBigInt(b, both, 8);
      expect([toBigInt(both, 0), toBigInt(both, 8)]).toEqual([a, b]);
      copyLimbs(both, 0, both, 8);
      expect(toBigInt(both, 8)).toBe(a);
    }));

  it("adds modulo 2^256 and tells when the sum does not fit", () =>
    holds((a, b) => {
      const sum = limbs(a);
      expect(add(sum, limbs(b))).toBe(a + b > MAX);
      expect(toBigInt(sum)).toBe((a + b) % LIMIT);
    }));

  it("subtracts modulo 2^256 and tells when the difference is below zero", () =>
    holds((a, b) => {
      const difference = limbs(a);
      expect(subtract(difference, limbs(b))).toBe(b > a);
      expect(toBigInt(difference)).toBe((LIMIT + a - b) % LIMIT);
    }));

  it("takes itself as both operands", () =>
    holds((a) => {
      const doubled = limbs(a);
      expect(add(doubled, doubled)).toBe(2n * a > MAX);
      expect(toBigInt(doubled)).toBe((2n * a) % LIMIT);
      const nothing = limbs(a);
      expect(subtract(nothing, nothing)).toBe(false);
      expect(isZero(nothing)).toBe(true);
    }));

  it("compares as bigint does", () =>
    holds((a, b) => {
      expect(lessThan(limbs(a), limbs(b))).toBe(a < b);
      expect(lessThan(limbs(a), limbs(a))).toBe(false);
    }));

  it("knows zero and 2^256-1 from their neighbours", () => {
    expect([0n, 1n, 2n ** 255n, MAX].map((value) => isZero(limbs(value)))).toEqual([true, false, false, false]);
    expect([0n, MAX - 1n, MAX - 2n ** 255n, MAX].map((value) => isMax(limbs(value)))).toEqual([
      false,
      false,
      false,
      true,
    ]);
    holds((a) => {
      expect([isZero(limbs(a)), isMax(limbs(a))]).toEqual([a === 0n, a === MAX]);
    });
  });

  it("writes and reads 32 bytes, most significant first, in place", () =>
    holds((a) => {
      const bytes = new Uint8Array(40).fill(0xee);
      writeBigEndian(limbs(a), 0, bytes, 4);
      expect(bytes).toEqual(Uint8Array.from([...Array(4).fill(0xee), ...bigEndian(a), ...Array(4).fill(0xee)]));
      const read = newUint256();
      readBigEndian(bytes, 4, 32, read);
      expect(toBigInt(read)).toBe(a);
    }));

  it("has a shortest form without leading zeros, and zero has no byte", () => {
    expect(byteLength(limbs(0n))).toBe(0);
    holds((a) => {
      const length = byteLength(limbs(a));
      expect(length).toBe(a === 0n ? 0 : Math.ceil(a.toString(16).length / 2));
      const bytes = new Uint8Array(length + 1).fill(0xee);
      writeShortest(limbs(a), 0, length, bytes, 0);
      expect(bytes).toEqual(Uint8Array.from([...bigEndian(a, length), 0xee]));
      const read = limbs(MAX);
      readBigEndian(bytes, 0, length, read);
      expect(toBigInt(read)).toBe(a);
    });
  });
});
