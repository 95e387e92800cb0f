/** Bristol Fashion in and out: circuits made elsewhere, and everything that the reader refuses. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readBristol } from "../../src/engines/privacy/circuit/bristol-reader.ts";
import { writeBristol } from "../../src/engines/privacy/circuit/bristol-writer.ts";
import { evaluateCircuit } from "../../src/engines/privacy/circuit/evaluate.ts";
import { countCircuit } from "../../src/engines/privacy/circuit/levels.ts";
import { RejectedError } from "../../src/errors.ts";

const MASK = (1n << 64n) - 1n;
const PAIRS: [bigint, bigint][] = [
  [0n, 0n],
  [MASK, 1n],
  [1n, MASK],
  [0x0123456789abcdefn, 0xfedcba9876543210n],
  [MASK, MASK],
];

const vector = (name: string) => readFileSync(new URL(`../vectors/bristol/${name}.txt`, import.meta.url));
const parse = (text: string) => readBristol(Buffer.from(text, "utf8"));

function refusal(text: string): Record<string, unknown> {
  try {
    parse(text);
  } catch (problem) {
    expect(problem).toBeInstanceOf(RejectedError);
    const { code, facts } = problem as RejectedError;
    return { code, rule: facts["rule"], at: text.slice(facts["offset"] as number).split(/\s/)[0], line: facts["line"] };
  }
  return {};
}

describe("Bristol Fashion", () => {
  it("computes what circuits made elsewhere say they do", () => {
    const adder = readBristol(vector("adder64"));
    const subtracter = readBristol(vector("sub64"));
    for (const [a, b] of PAIRS) {
      expect(evaluateCircuit(adder, [a, b])).toEqual([(a + b) & MASK]);
      expect(evaluateCircuit(subtracter, [a, b])).toEqual([(a - b) & MASK]);
    }
    const isZero = readBristol(vector("zero_equal"));
    expect(evaluateCircuit(isZero, [0n])).toEqual([1n]);
    expect(evaluateCircuit(isZero, [1n << 63n])).toEqual([0n]);
  });

  it("needs no gate for a negation", () => {
    expect(countCircuit(readBristol(vector("zero_equal"))).byKind).toEqual({ and: 63, xor: 0, majority: 0, parity: 0 });
  });

  it("writes what it reads back as the same function", () => {
    for (const name of ["adder64", "sub64"]) {
      const once = readBristol(vector(name));
      const again = parse(writeBristol(once));
      for (const pair of PAIRS) expect(evaluateCircuit(again, pair)).toEqual(evaluateCircuit(once, pair));
    }
  });

  it("reads every operation of the format", () => {
    const text =
      "7 13\n2 2 2\n1 2\n\n4 2 0 1 2 3 4 5 MAND\n1 1 1 6 EQ\n1 1 4 7 EQW\n1 1 5 8 INV\n2 1 7 6 9 XOR\n2 1 8 6 10 AND\n4 2 9 10 6 6 11 12 MAND\n";
    const circuit = parse(text);
    for (const [a, b] of [
      [3n, 1n],
      [2n, 2n],
      [0n, 3n],
    ] as const) {
      const and = a & b;
      expect(evaluateCircuit(circuit, [a, b])).toEqual([(~and & 1n) | (~and & 2n)]);
    }
  });

  const header = "2 4\n1 2\n1 1\n\n";
  it.each([
    ["a gate that uses a wire before it is set", `${header}2 1 0 3 2 AND\n1 1 2 3 INV\n`, "order", "3"],
    ["a wire that is set twice", `${header}2 1 0 1 2 AND\n1 1 0 2 INV\n`, "twice", "2"],
    ["a wire that the header does not have", `${header}2 1 0 4 2 AND\n1 1 2 3 INV\n`, "wire", "4"],
    ["an input that a gate sets", `${header}2 1 0 1 1 AND\n1 1 0 3 INV\n`, "twice", "1"],
    ["an operation that there is not", `${header}2 1 0 1 2 NAND\n1 1 2 3 INV\n`, "operation", "NAND"],
    ["too few gates", `${header}2 1 0 1 3 AND\n`, "count", ""],
    ["too many gates", `${header}2 1 0 1 2 AND\n1 1 2 3 INV\n1 1 2 3 INV\n`, "count", "1"],
    ["a gate of the wrong shape", `${header}1 2 0 2 3 INV\n`, "gate", "1"],
    ["a number that is none", `${header}2 1 0 0x1 2 AND\n`, "number", "0x1"],
    ["a wire that nothing sets", "1 4\n1 2\n1 1\n\n2 1 0 1 3 AND\n", "undefined", ""],
    ["more gates than a circuit may have", "9000000 9000001\n1 1\n1 1\n\n", "limit", "9000000"],
    ["an empty file", "", "header", ""],
    ["bytes that are no text", `${header}2 1 0 1 2 A\u0000D\n`, "text", "\u0000D"],
  ])("refuses %s, and says where", (_, text, rule, at) => {
    expect(refusal(text)).toMatchObject({ code: "CODE_REJECTED", rule, at });
  });
});
