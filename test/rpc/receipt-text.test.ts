/** Receipts are concatenated, never stringified: the text must be the JSON that an object of the same facts would give. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeError } from "../../src/encoding/abi.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { decodeErc20Error, decodeErc20Log, ERC20_ERRORS, ERC20_EVENTS } from "../../src/encoding/erc20-abi.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { decodeReceipt, encodeReceipt, type Receipt } from "../../src/encoding/receipt.ts";
import { encodeTransaction } from "../../src/encoding/transaction.ts";
import { receiptLength, receiptText, viewOf } from "../../src/rpc/receipt-text.ts";
import { ALICE, HASH, TOKEN, transfer } from "../support/requests.ts";

const address = fc.uint8Array({ minLength: 20, maxLength: 20 });
const addressWord = address.map((bytes) => Uint8Array.from([...new Uint8Array(12), ...bytes]));
const word = fc.oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }), addressWord, fc.constant(new Uint8Array(32)));
const bytes = fc.oneof(word, fc.uint8Array({ maxLength: 100 }));
const topic = fc.oneof(...Object.values(ERC20_EVENTS).map(({ topic }) => fc.constant(topic)), word);
const log = fc.record({
  address,
  topics: fc.oneof(fc.tuple(topic, addressWord, addressWord), fc.array(fc.oneof(topic, word), { maxLength: 4 })),
  data: bytes,
});
const revertData = fc.oneof(
  bytes,
  fc.constant(encodeError(ERC20_ERRORS.ERC20InsufficientBalance, [ALICE, "1", "2"])),
  fc.constant(encodeError(ERC20_ERRORS.EnforcedPause, [])),
);
const receipt: fc.Arbitrary<Receipt> = fc
  .record({
    status: fc.constantFrom("success", "reverted", "halted"),
    gasUsed: fc.maxSafeNat(),
    contractAddress: fc.option(address, { nil: undefined }),
    returnData: revertData,
    logs: fc.array(log, { maxLength: 3 }),
    haltReason: fc.constant(undefined),
  })
  .map((made) => ({ ...made, haltReason: made.status === "halted" ? "OutOfGas" : undefined }));

function encoded(value: Receipt): Uint8Array {
  const out = new ByteWriter();
  encodeReceipt(value, out);
  return out.take();
}

function textOf(value: Receipt, entrypoint: string): string {
  const out = new ByteWriter();
  encodeTransaction(transfer(0, { entrypoint, args: [] }), out);
  const transaction = viewOf(out.take());
  // Bytes before and after are those of neighbours.
  const body = encoded(value);
  const shifted = Buffer.concat([Buffer.alloc(5, 0xee), body, Buffer.alloc(7, 0xee)]);
  return receiptText({
    hash: HASH.slice(2),
    transaction,
    transactionAt: 0,
    receipt: shifted,
    receiptAt: 5,
    receiptEnd: shifted.length,
    blockHeight: 3,
    index: 1,
    abis: { of: () => undefined },
  });
}

/** The same receipt the slow way, from the decoders of the encoding layer. */
function expected(value: Receipt): Record<string, unknown> {
  const revert = decodeErc20Error(value.returnData);
  return {
    transactionHash: HASH,
    blockHeight: 3,
    transactionIndex: 1,
    sender: ALICE,
    to: TOKEN,
    contractAddress: value.contractAddress === undefined ? null : toHex(value.contractAddress),
    status: value.status,
    gasUsed: String(value.gasUsed),
    gasLimit: "100000",
    returnData: toHex(value.returnData),
    ...(value.status === "halted" ? { haltReason: "OutOfGas" } : {}),
    ...(value.status === "reverted"
      ? {
          revert: {
            name: revert?.name ?? null,
            message: revert?.message ?? expect.any(String),
            data: toHex(value.returnData),
            args: revert?.args ?? {},
          },
        }
      : {}),
    logs: value.logs.map((entry, logIndex) => ({
      address: toHex(entry.address),
      topics: entry.topics.map((one) => toHex(one)),
      data: toHex(entry.data),
      logIndex,
      ...decodeErc20Log(entry.topics, entry.data),
    })),
  };
}

describe("the text of a receipt", () => {
  it("is what its decoded fields give as JSON", () => {
    fc.assert(
      fc.property(receipt, (value) => {
        expect(JSON.parse(textOf(value, "no such entrypoint"))).toEqual(expected(decodeReceipt(encoded(value), 0)));
      }),
      { numRuns: 2_000 },
    );
  });

  it("has a length that its bytes tell", () => {
    fc.assert(
      fc.property(receipt, (value) => {
        const body = encoded(value);
        expect(receiptLength(Buffer.concat([body, Buffer.alloc(9, 0xee)]), 0)).toBe(body.length);
      }),
    );
  });

  it.each<[entrypoint: string, returnData: string, result: unknown]>([
    ["transfer", "1".padStart(64, "0"), true],
    ["transfer", "0".repeat(64), false],
    ["transfer", "2".padStart(64, "0"), undefined],
    ["balanceOf", "0".repeat(64), "0"],
    ["balanceOf", "ffffffffffff".padStart(64, "0"), "281474976710655"],
    ["balanceOf", "1000000000000".padStart(64, "0"), "281474976710656"],
    ["balanceOf", "f".repeat(64), String(2n ** 256n - 1n)],
    ["decimals", "12".padStart(64, "0"), "18"],
    ["decimals", "112".padStart(64, "0"), undefined],
    ["pause", "", null],
    ["balanceOf", "", undefined],
  ])("decodes what %s returned: %s", (entrypoint, returnData, result) => {
    const value: Receipt = {
      status: "success",
      gasUsed: 1,
      contractAddress: undefined,
      haltReason: undefined,
      logs: [],
      returnData: Buffer.from(returnData, "hex"),
    };
    expect(JSON.parse(textOf(value, entrypoint)).result).toEqual(result);
  });
});
