/** Circuits of the builder compute what whole numbers do, at every width, over random values and the edges. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readBristol } from "../../src/engines/privacy/circuit/bristol-reader.ts";
import { writeBristol } from "../../src/engines/privacy/circuit/bristol-writer.ts";
import type { Circuit } from "../../src/engines/privacy/circuit/circuit.ts";
import { CircuitBuilder, type Word } from "../../src/engines/privacy/circuit/circuit-builder.ts";
import { evaluateCircuit } from "../../src/engines/privacy/circuit/evaluate.ts";
import { countCircuit, levelsOf } from "../../src/engines/privacy/circuit/levels.ts";
import {
  addWords,
  andWords,
  constantWord,
  isEqual,
  isLess,
  lookupWord,
  multiplyWords,
  orWords,
  selectWord,
  subtractWords,
  xorWords,
} from "../../src/engines/privacy/circuit/word-operations.ts";

type Build = (builder: CircuitBuilder, a: Word, b: Word) => Word;
type Model = (a: bigint, b: bigint, bits: bigint) => bigint;
const wrap = (value: bigint, bits: bigint) => BigInt.asUintN(Number(bits), value);

const OPERATIONS: Record<string, { build: Build; model: Model }> = {
  add: { build: (c, a, b) => addWords(c, a, b).sum, model: (a, b, bits) => wrap(a + b, bits) },
  carry: { build: (c, a, b) => [addWords(c, a, b).carry], model: (a, b, bits) => (a + b) >> bits },
  subtract: { build: (c, a, b) => subtractWords(c, a, b).difference, model: (a, b, bits) => wrap(a - b, bits) },
  less: { build: (c, a, b) => [isLess(c, a, b)], model: (a, b) => (a < b ? 1n : 0n) },
  and: { build: andWords, model: (a, b) => a & b },
  or: { build: orWords, model: (a, b) => a | b },
  xor: { build: xorWords, model: (a, b) => a ^ b },
  equal: { build: (c, a, b) => [isEqual(c, a, b)], model: (a, b) => (a === b ? 1n : 0n) },
  smaller: { build: (c, a, b) => selectWord(c, isLess(c, a, b), a, b), model: (a, b) => [a, b][a < b ? 0 : 1]! },
  multiply: { build: (c, a, b) => multiplyWords(c, a, b), model: (a, b, bits) => wrap(a * b, bits) },
  "multiply by a constant": {
    build: (c, a) => multiplyWords(c, a, constantWord(wrap(0xa7n, BigInt(a.length)), a.length)),
    model: (a, _, bits) => wrap(a * wrap(0xa7n, bits), bits),
  },
};

function circuitOf(build: Build, bits: number): Circuit {
  const builder = new CircuitBuilder();
  const [a, b] = [builder.input(bits), builder.input(bits)];
  builder.output(build(builder, a, b));
  return builder.finish();
}

/** Random values, and those where carries run all the way. */
function values(bits: number): fc.Arbitrary<bigint> {
  const max = (1n << BigInt(bits)) - 1n;
  return fc.oneof(fc.bigInt({ min: 0n, max }), fc.constantFrom(0n, 1n, max, max - 1n, 1n << BigInt(bits - 1)));
}

describe("words of a circuit", () => {
  for (const [name, { build, model }] of Object.entries(OPERATIONS)) {
    it.each([8, 16, 32, 64, 128])(`${name} on %i bits is that of whole numbers`, (bits) => {
      const circuit = circuitOf(build, bits);
      fc.assert(
        fc.property(values(bits), values(bits), (a, b) => {
          expect(evaluateCircuit(circuit, [a, b])).toEqual([model(a, b, BigInt(bits))]);
        }),
        { numRuns: 40 },
      );
    });
  }

  it("looks up what a table holds", () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt(0n, 255n), { minLength: 256, maxLength: 256 }), values(8), (table, index) => {
        const builder = new CircuitBuilder();
        builder.output(lookupWord(builder, builder.input(8), table, 8));
        expect(evaluateCircuit(builder.finish(), [index])).toEqual([table[Number(index)]]);
      }),
      { numRuns: 20 },
    );
  });

  it("is the same function after a way through Bristol Fashion", () => {
    const circuit = circuitOf(OPERATIONS["multiply"]!.build, 16);
    const again = readBristol(Buffer.from(writeBristol(circuit)));
    fc.assert(
      fc.property(values(16), values(16), (a, b) => {
        expect(evaluateCircuit(again, [a, b])).toEqual(evaluateCircuit(circuit, [a, b]));
      }),
    );
  });
});

describe("what a circuit costs", () => {
  it("is two bootstraps a bit for an addition, one for a comparison", () => {
    expect(countCircuit(circuitOf(OPERATIONS["add"]!.build, 64))).toMatchObject({ gates: 2 * 64 - 1, depth: 64 });
    expect(countCircuit(circuitOf(OPERATIONS["less"]!.build, 64)).gates).toBe(64);
  });

  it("is nothing for what does not depend on an input", () => {
    const builder = new CircuitBuilder();
    const a = builder.input(8);
    builder.output(subtractWords(builder, a, a).difference);
    builder.output(addWords(builder, a, constantWord(0n, 8)).sum);
    const circuit = builder.finish();
    expect(countCircuit(circuit).gates).toBe(0);
    expect(evaluateCircuit(circuit, [77n])).toEqual([0n, 77n]);
  });

  it("counts a gate once however often it is asked for", () => {
    const builder = new CircuitBuilder();
    const [a, b] = [builder.input(32), builder.input(32)];
    builder.output(addWords(builder, a, b).sum);
    builder.output(addWords(builder, b, a).sum);
    expect(countCircuit(builder.finish()).gates).toBe(2 * 32 - 1);
  });

  it("grows with the logarithm of the width for the columns of a product", () => {
    const { depth } = countCircuit(circuitOf(OPERATIONS["multiply"]!.build, 64));
    expect(depth).toBeLessThan(64 + 20);
  });

  it("puts every gate on a level above those of its operands", () => {
    const circuit = circuitOf(OPERATIONS["multiply"]!.build, 16);
    const { order, ends } = levelsOf(circuit);
    const seen = new Set<number>();
    const first = 1 + 32;
    let at = 0;
    for (const end of ends) {
      const level = [...order.subarray(at, end)];
      for (const gate of level)
        for (const literal of circuit.operands.subarray(3 * gate, 3 * gate + 3)) {
          const wire = literal >>> 1;
          expect(wire < first || seen.has(wire)).toBe(true);
        }
      for (const gate of level) seen.add(first + gate);
      at = end;
    }
    expect(seen.size).toBe(circuit.kinds.length);
  });
});
