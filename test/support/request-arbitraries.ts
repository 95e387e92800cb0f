/** Requests that are right, and requests that are nearly right. */
import fc from "fast-check";
import { ALICE, BOB, DEPLOY, HASH, TOKEN, transfer } from "./requests.ts";

/** One of each kind and form. */
export const VALID_TRANSACTIONS: Record<string, unknown>[] = [
  transfer(0),
  transfer(undefined, { value: "5", id: HASH, validUntilHeight: 7 }),
  transfer(1, { entrypoint: undefined, args: undefined, calldata: "0xa9059cbb" }),
  transfer(2, { entrypoint: undefined, args: undefined, msg: { transfer: { amount: "1" } } }),
  { ...DEPLOY, nonce: "3", salt: HASH },
  { kind: "upgrade", sender: ALICE, gasLimit: 5, to: TOKEN, contract: { type: "wasm", code: "0x" } },
  { kind: "setStatus", sender: ALICE, gasLimit: 5, to: TOKEN, status: "paused" },
  { kind: "setAdmin", sender: ALICE, gasLimit: 5, to: TOKEN, admin: null },
  { kind: "setAdmin", sender: ALICE, gasLimit: 5, to: TOKEN, admin: BOB },
] as unknown as Record<string, unknown>[];

const KEYS = [
  ...new Set(VALID_TRANSACTIONS.flatMap((transaction) => Object.keys(transaction))),
  "gas",
  "__proto__",
  "constructor",
  "raw",
];
const KINDS = ["deploy", "call", "upgrade", "setStatus", "setAdmin", "toString", "constructor", "__proto__"];

/** Values near the ones that are right: of another type, one digit short, beyond a bound, wrapped. */
export const nearlyRight = fc.oneof(
  fc.constantFrom<unknown>(
    0,
    1,
    -1,
    1.5,
    2 ** 53,
    1e21,
    Number.NaN,
    null,
    true,
    false,
    "",
    "0",
    "00",
    "-1",
    "1e3",
    "0x",
    "0x1",
    "0x12",
    HASH,
    ALICE,
    ALICE.toUpperCase(),
    ALICE.slice(1),
    "é".repeat(128),
    [],
    {},
    [["5"]],
    ["5"],
    { type: "erc20" },
    { type: 3 },
  ),
  fc.constantFrom(...KINDS),
  fc.bigInt({ min: 0n, max: 2n ** 260n }).map(String),
  fc.string(),
  fc.jsonValue(),
  fc.array(fc.jsonValue(), { maxLength: 4 }),
);

/** A copy with some members replaced or taken away, as JSON.parse gives it. */
export function changed(base: object, keys: readonly string[]): fc.Arbitrary<unknown> {
  const change = fc.tuple(fc.constantFrom(...keys), fc.option(nearlyRight, { nil: undefined }));
  return fc.array(change, { maxLength: 3 }).map((changes) => {
    const copy: Record<string, unknown> = { ...base };
    for (const [key, value] of changes) {
      // An own property, whatever its name.
      if (value === undefined) delete copy[key];
      else Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
    }
    return JSON.parse(JSON.stringify(copy)) as unknown;
  });
}

export const anyTransaction = fc.constantFrom(...VALID_TRANSACTIONS).chain((base) => changed(base, KEYS));
