/** U256 of the SDK against BigInt, over numbers around every limb's edge. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import { TestChain, type TestContract } from "../../contracts/sdk/testing/test-chain.ts";
import { alice } from "../support/contract-calls.ts";

const LIMIT = 1n << 256n;
const MASK = LIMIT - 1n;
const RUNS = 300;

let probe: TestContract;
beforeAll(async () => {
  probe = new TestChain().deploy(await loadArtifact("contracts/sdk/fixtures/probe"), [], { from: alice });
});

/** Any number, and often one that is next to a power of two: where carries and estimates go wrong. */
const edge = fc
  .tuple(fc.integer({ min: 0, max: 256 }), fc.bigInt({ min: -2n, max: 2n }))
  .map(([bits, near]) => BigInt.asUintN(256, (1n << BigInt(bits)) + near));
const number = fc.oneof(fc.bigInt({ min: 0n, max: MASK }), edge, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }));

/** The result, or the panic's code. */
function run(entrypoint: string, ...args: bigint[]): unknown {
  const report = probe.call(entrypoint, args.map(String), { from: alice });
  return report.status === "success" ? report.result : `${report.error?.name} ${report.error?.args["code"]}`;
}

function fitting(value: bigint): string {
  return value < 0n || value >= LIMIT ? "Panic 17" : value.toString();
}

describe("U256", () => {
  it("adds, subtracts and multiplies, and panics where the result does not fit", () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(run("add", a, b)).toBe(fitting(a + b));
        expect(run("subtract", a, b)).toBe(fitting(a - b));
        expect(run("multiply", a, b)).toBe(fitting(a * b));
        expect(run("wrappingAdd", a, b)).toBe(BigInt.asUintN(256, a + b).toString());
        expect(run("wrappingSubtract", a, b)).toBe(BigInt.asUintN(256, a - b).toString());
      }),
      { numRuns: RUNS },
    );
  });

  it("divides, and panics for zero", () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(run("divide", a, b)).toBe(b === 0n ? "Panic 18" : (a / b).toString());
        expect(run("remainder", a, b)).toBe(b === 0n ? "Panic 18" : (a % b).toString());
      }),
      { numRuns: RUNS },
    );
  });

  it("keeps all bits of a product that is divided again", () => {
    fc.assert(
      fc.property(number, number, number, (a, b, c) => {
        expect(run("mulDiv", a, b, c)).toBe(c === 0n ? "Panic 18" : fitting((a * b) / c));
      }),
      { numRuns: RUNS },
    );
  });

  it("corrects a quotient's limb that was estimated one too high", () => {
    // Knuth 4.3.1, exercise 21: dividends whose quotient digit needs the step that adds back.
    const dividend = (0x7fffffffn << 96n) | (0x80000000n << 64n);
    const divisor = (0x80000000n << 64n) | 1n;
    expect(run("divide", dividend, divisor)).toBe((dividend / divisor).toString());
    expect(run("remainder", dividend, divisor)).toBe((dividend % divisor).toString());
  });

  it("compares", () => {
    fc.assert(
      fc.property(number, number, fc.boolean(), (a, other, isSame) => {
        const b = isSame ? a : other;
        const bits = [a < b, a > b, a <= b, a >= b, a === b, a !== b];
        expect(Number(run("compare", a, b))).toBe(bits.reduce((sum, bit, i) => sum | (Number(bit) << i), 0));
      }),
      { numRuns: RUNS },
    );
  });

  it("reads and writes decimal text", () => {
    fc.assert(
      fc.property(number, (a) => {
        expect(run("decimal", a)).toBe(a.toString());
        expect(probe.query("parse", [a.toString()])).toBe(a.toString());
      }),
      { numRuns: RUNS },
    );
    expect(probe.call("parse", [LIMIT.toString()], { from: alice }).error).toEqual({
      name: "Panic",
      args: { code: "17" },
    });
    for (const text of ["", "-1", "1.0", "0x1"]) {
      expect(probe.call("parse", [text], { from: alice }).error).toMatchObject({ name: "Error" });
    }
  });

  it("narrows to 64 bits only what fits", () => {
    expect(run("toU64", (1n << 64n) - 1n)).toBe(((1n << 64n) - 1n).toString());
    expect(run("toU64", 1n << 64n)).toBe("Panic 17");
  });
});
