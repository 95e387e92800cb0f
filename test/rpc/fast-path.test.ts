/** Submissions and queries are checked by hand and by the encoder: nothing that they let through may the schema refuse. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { decodeTransaction, encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { METHODS } from "../../src/rpc/methods.ts";
import { Transaction } from "../../src/rpc/schemas.ts";
import { checkTransactionObject } from "../../src/rpc/transaction-batch.ts";
import { Validator } from "../../src/rpc/validate.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { ALICE, BOB, DEPLOY, HASH, TOKEN, transfer } from "../support/requests.ts";
import { openFakeDaemon } from "../support/rpc-target.ts";

const schema = new Validator(Transaction);

/** The very check of the fast path. */
function isAccepted(transaction: unknown): boolean {
  try {
    checkTransactionObject(transaction);
    encodeTransaction(transaction, new ByteWriter());
    return true;
  } catch {
    return false;
  }
}

const VALID: Record<string, unknown>[] = [
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
  ...new Set(VALID.flatMap((transaction) => Object.keys(transaction))),
  "gas",
  "__proto__",
  "constructor",
  "raw",
];
const KINDS = ["deploy", "call", "upgrade", "setStatus", "setAdmin", "toString", "constructor", "__proto__"];

/** Values near the ones that are right: of another type, one digit short, beyond a bound, wrapped. */
const value = fc.oneof(
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

const transaction = fc
  .tuple(
    fc.constantFrom(...VALID),
    fc.array(fc.tuple(fc.constantFrom(...KEYS), fc.option(value, { nil: undefined })), { maxLength: 3 }),
  )
  .map(([base, changes]) => {
    const changed: Record<string, unknown> = { ...base };
    for (const [key, change] of changes) {
      // As JSON.parse would: an own property, whatever its name.
      if (change === undefined) delete changed[key];
      else Object.defineProperty(changed, key, { value: change, enumerable: true, configurable: true, writable: true });
    }
    return JSON.parse(JSON.stringify(changed)) as unknown;
  });

describe("the fast path of submissions", () => {
  it.each(VALID)("accepts what is right: %j", (valid) => {
    const plain: unknown = JSON.parse(JSON.stringify(valid));
    expect(isAccepted(plain)).toBe(true);
    expect(schema.refusal(plain)).toBeUndefined();
  });

  it("accepts nothing that the schema refuses", () => {
    let accepted = 0;
    fc.assert(
      fc.property(transaction, (candidate) => {
        if (!isAccepted(candidate)) return;
        accepted++;
        expect(schema.refusal(candidate)).toBeUndefined();
      }),
      { numRuns: 10_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  it("accepts nothing that reads back as another transaction", () => {
    fc.assert(
      fc.property(transaction, (candidate) => {
        if (!isAccepted(candidate)) return;
        const first = new ByteWriter();
        encodeTransaction(candidate as TransactionJson, first);
        const second = new ByteWriter();
        const readBack = decodeTransaction(first.bytes, 0);
        if ((candidate as TransactionJson).nonce === undefined) readBack.nonce = undefined;
        encodeTransaction(readBack, second);
        expect(toHex(second.take())).toBe(toHex(first.take()));
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("the fast path around a transaction", () => {
  const params = fc.record(
    {
      transaction: fc.oneof(fc.constant(transfer(undefined)), value),
      transactions: fc.oneof(fc.constant([transfer(undefined)]), value),
      wait: fc.oneof(fc.constantFrom("durable", "executed", "accepted"), value),
      receipts: fc.oneof(fc.constantFrom("full", "summary"), value),
      address: fc.oneof(fc.constant(TOKEN), value),
      entrypoint: fc.oneof(fc.constant("balanceOf"), value),
      args: fc.oneof(fc.constant([ALICE]), value),
      caller: fc.oneof(fc.constant(BOB), value),
      gasLimit: fc.oneof(fc.constant("100000"), value),
      cache: fc.oneof(fc.constantFrom("use", "bypass"), value),
      at: fc.oneof(fc.constant(0), value),
    },
    { requiredKeys: [] },
  );

  it.each(["tx_submit", "tx_submitBatch", "contract_query"] as const)(
    "answers no result to %s that the schema refuses",
    async (name) => {
      const daemon = await openFakeDaemon();
      const socket = await RawSocket.open(daemon.ipc);
      const keys = Object.keys((METHODS[name].params as unknown as { properties: object }).properties);
      const ofThisMethod = params.map((all) =>
        Object.fromEntries(Object.entries(all).filter(([key]) => keys.includes(key))),
      );
      const { validator } = METHODS[name];
      await fc.assert(
        fc.asyncProperty(ofThisMethod, async (generated) => {
          const sent: unknown = JSON.parse(JSON.stringify(generated));
          const { result, error } = await socket.ask(name, sent);
          expect(error?.data.code).not.toBe("INTERNAL_ERROR");
          // In a batch a transaction that is wrong stands in its place; the rest must be right.
          const checked =
            name === "tx_submitBatch" && Array.isArray((sent as { transactions?: unknown }).transactions)
              ? { ...(sent as object), transactions: [transfer(0)] }
              : sent;
          if (result !== undefined) expect(validator.refusal(checked)).toBeUndefined();
        }),
        { numRuns: 500 },
      );
      expect(daemon.logLines).toEqual([]);
      await daemon.close();
    },
  );
});
