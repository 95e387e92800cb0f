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
import { anyTransaction, nearlyRight, VALID_TRANSACTIONS } from "../support/request-arbitraries.ts";
import { ALICE, BOB, TOKEN, transfer } from "../support/requests.ts";
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

describe("the fast path of submissions", () => {
  it.each(VALID_TRANSACTIONS)("accepts what is right: %j", (valid) => {
    const plain: unknown = JSON.parse(JSON.stringify(valid));
    expect(isAccepted(plain)).toBe(true);
    expect(schema.refusal(plain)).toBeUndefined();
  });

  it("accepts nothing that the schema refuses", () => {
    let accepted = 0;
    fc.assert(
      fc.property(anyTransaction, (candidate) => {
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
      fc.property(anyTransaction, (candidate) => {
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
      transaction: fc.oneof(fc.constant(transfer(undefined)), nearlyRight),
      transactions: fc.oneof(fc.constant([transfer(undefined)]), nearlyRight),
      wait: fc.oneof(fc.constantFrom("durable", "executed", "accepted"), nearlyRight),
      receipts: fc.oneof(fc.constantFrom("full", "summary"), nearlyRight),
      address: fc.oneof(fc.constant(TOKEN), nearlyRight),
      entrypoint: fc.oneof(fc.constant("balanceOf"), nearlyRight),
      args: fc.oneof(fc.constant([ALICE]), nearlyRight),
      caller: fc.oneof(fc.constant(BOB), nearlyRight),
      gasLimit: fc.oneof(fc.constant("100000"), nearlyRight),
      cache: fc.oneof(fc.constantFrom("use", "bypass"), nearlyRight),
      at: fc.oneof(fc.constant(0), nearlyRight),
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
