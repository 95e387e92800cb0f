/** Our walk over a schema against TypeBox's compiler: one says where and why, both must say the same of yes and no. */
import fc from "fast-check";
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { describe, expect, it } from "vitest";
import type { MethodName } from "../../src/client/methods.ts";
import type { Method } from "../../src/rpc/method.ts";
import { METHODS } from "../../src/rpc/methods.ts";
import { Transaction } from "../../src/rpc/schemas.ts";
import { Validator } from "../../src/rpc/validate.ts";
import { anyTransaction, changed } from "../support/request-arbitraries.ts";

const NAMES = Object.keys(METHODS) as MethodName[];

describe("validation", () => {
  it("takes megabytes of hex, as a contract or a key may have", () => {
    const { validator } = METHODS.privacy_putKey;
    const part = { offset: 0, total: 1, sha256: `0x${"00".repeat(32)}`, data: `0x${"ab".repeat(8 * 1024 * 1024)}` };
    expect(validator.refusal(part)).toBeUndefined();
    expect(validator.refusal({ ...part, data: `${part.data}a` })).toMatchObject({ facts: { path: "data" } });
  });

  it("says of a topic all that it may be", () => {
    const { facts } = METHODS.contract_logs.validator.refusal({ topics: ["0x12"] })!;
    expect(facts).toMatchObject({
      path: "topics[0]",
      expected: "32 bytes as 0x and 64 hex digits, a list of such, or null",
    });
  });

  it("accepts of transactions what the compiled schema accepts", () => {
    const compiled = Compile(Transaction);
    const validator = new Validator(Transaction);
    fc.assert(
      fc.property(anyTransaction, (candidate) => {
        expect(validator.refusal(candidate) === undefined).toBe(compiled.Check(candidate));
      }),
      { numRuns: 5_000 },
    );
  });

  it.each(NAMES)("accepts of the parameters and results of %s what the compiled schemas accept", (name) => {
    const { params, result, example } = METHODS[name] as Method<MethodName>;
    for (const [schema, right] of [
      [params, example.params],
      [result, example.result],
    ] as const) {
      const compiled = Compile(schema);
      const validator = new Validator(schema);
      const keys = [
        ...Object.keys((schema as { properties?: object }).properties ?? {}),
        ...Object.keys(right),
        "other",
      ];
      fc.assert(
        fc.property(changed(right, keys), (candidate) => {
          expect(validator.refusal(candidate) === undefined).toBe(compiled.Check(candidate));
        }),
        { numRuns: 300 },
      );
    }
  });

  it.each<[what: string, schema: TSchema, value: unknown, path: string, expected: RegExp]>([
    [
      "a member inside an array",
      METHODS.tx_submitBatch.params,
      { transactions: [{ kind: "call", sender: 1 }] },
      "transactions[0].sender",
      /40 hex/,
    ],
    ["a kind that is not there", Transaction, { kind: "burn" }, "kind", /one of deploy, call/],
    ["a member that is missing", METHODS.block_commit.params, { height: 1 }, "stateRoot", /32 bytes/],
    ["a whole number out of range", METHODS.block_commit.params, { height: -1, stateRoot: "0x" }, "height", /2\^53/],
    ["something else than an object", METHODS.block_commit.params, [], "params", /object/],
  ])("names %s", (_what, schema, value, path, expected) => {
    expect(new Validator(schema).refusal(value)?.facts).toMatchObject({
      path,
      expected: expect.stringMatching(expected),
    });
  });
});
