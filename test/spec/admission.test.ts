/** What a transaction, or a batch of them, is refused for: then it is in no block, and its nonce is still to be used. */
import { describe, expect, it } from "vitest";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { RejectedError } from "../../src/errors.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { ALICE, BOB, deployment } from "../support/engine.ts";
import { InlineChain } from "../support/inline-chain.ts";
import { contractText, WasmChain, wasmOf } from "../support/wasm-chain.ts";

const { transactionGasMax } = DEFAULT_PARAMETERS;
const MODULE = wasmOf(contractText({}));

/** Nothing but a nonce: an account gets no value. */
function empty(more: Partial<TransactionJson> = {}): TransactionJson {
  return { kind: "call", sender: ALICE, to: BOB, gasLimit: 1_000_000, nonce: 0, ...more };
}

function refusalOf(chain: InlineChain, transaction: TransactionJson): { code: string; facts: Record<string, unknown> } {
  try {
    chain.send(transaction);
  } catch (thrown) {
    if (thrown instanceof RejectedError) return { code: thrown.code, facts: thrown.facts };
    throw thrown;
  }
  throw new Error("was admitted");
}

describe("a transaction is refused", () => {
  it.each([1, 3])("with nonce %i where 2 is next", (nonce) => {
    const chain = new InlineChain();
    chain.send(empty({ nonce: 0 }));
    chain.send(empty({ nonce: 1 }));
    expect(refusalOf(chain, empty({ nonce }))).toEqual({
      code: "NONCE_MISMATCH",
      facts: { sender: ALICE, expected: 2, received: nonce },
    });
    expect(chain.send(empty({ nonce: 2 })).status).toBe("success");
  });

  it("one gas above the chain's limit, not at it", () => {
    const chain = new InlineChain();
    expect(refusalOf(chain, empty({ gasLimit: transactionGasMax + 1 }))).toEqual({
      code: "GAS_LIMIT_TOO_HIGH",
      facts: { gasLimit: String(transactionGasMax + 1), transactionGasMax: String(transactionGasMax) },
    });
    expect(chain.send(empty({ gasLimit: transactionGasMax })).status).toBe("success");
  });

  it("one gas below what it costs before it runs, not at it", () => {
    const chain = new InlineChain();
    const intrinsicGas = Number(refusalOf(chain, empty({ gasLimit: 1 })).facts["intrinsicGas"]);
    expect(refusalOf(chain, empty({ gasLimit: intrinsicGas - 1 }))).toEqual({
      code: "INTRINSIC_GAS_TOO_LOW",
      facts: { gasLimit: String(intrinsicGas - 1), intrinsicGas: String(intrinsicGas) },
    });
    expect(chain.send(empty({ gasLimit: intrinsicGas }))).toMatchObject({ status: "success", gasUsed: intrinsicGas });
  });

  it("one block after the last that it is valid in, not in that", () => {
    const chain = new InlineChain();
    chain.send(empty({ nonce: 0 }));
    expect(refusalOf(chain, empty({ nonce: 1, validUntilHeight: 0 }))).toEqual({
      code: "EXPIRED",
      facts: { validUntilHeight: 0, height: 1 },
    });
    expect(chain.send(empty({ nonce: 1, validUntilHeight: 1 })).status).toBe("success");
  });

  it("one unit of native value above what the sender has, not with all of it", () => {
    const chain = new InlineChain({ balances: { [ALICE]: 7n } });
    expect(refusalOf(chain, empty({ value: "8" }))).toEqual({
      code: "INSUFFICIENT_BALANCE",
      facts: { balance: "7", value: "8" },
    });
    expect(chain.send(empty({ value: "7" })).status).toBe("success");
  });

  it("when it would deploy where a contract stands", () => {
    const chain = new InlineChain();
    const salted = { ...deployment(), salt: `0x${"5a".repeat(32)}` };
    const address = toHex(chain.send(salted).contractAddress!);
    expect(refusalOf(chain, salted)).toEqual({ code: "ADDRESS_IN_USE", facts: { address } });
    expect(chain.send({ ...salted, salt: `0x${"5b".repeat(32)}` }).status).toBe("success");
  });

  it("with code one byte longer than the chain allows, not as long as that", () => {
    const deploy: TransactionJson = {
      kind: "deploy",
      sender: ALICE,
      gasLimit: 10_000_000,
      contract: { type: "wasm", code: toHex(MODULE) },
    };
    const chainOf = (codeBytesMax: number) => new WasmChain({ parameters: { codeBytesMax } });
    const { bytes } = refusalOf(chainOf(1), deploy).facts as { bytes: number };
    expect(refusalOf(chainOf(bytes - 1), deploy)).toEqual({
      code: "CODE_REJECTED",
      facts: { bytes, max: bytes - 1 },
    });
    expect(chainOf(bytes).send(deploy).status).toBe("success");
  });

  it("one gas above what a block may use, not at it", () => {
    const { gasUsed } = new InlineChain().send(empty());
    const chainOf = (blockGasMax: number) => new WasmChain({ parameters: { blockGasMax } });
    expect(refusalOf(chainOf(gasUsed - 1), empty()).code).toBe("BLOCK_GAS_EXCEEDED");
    expect(chainOf(gasUsed).send(empty()).status).toBe("success");
  });
});

describe("a batch", () => {
  it("that does not fit what is left of a block's gas goes to the next block, whole", () => {
    const { gasUsed } = new InlineChain().send(empty());
    const { executor } = new WasmChain({ parameters: { blockGasMax: 3 * gasUsed } });
    const out = new ByteWriter(1024);
    for (const nonce of [0, 1, 2, 3]) encodeTransaction(empty({ nonce }), out);
    const parentHash = new Uint8Array(32);
    const transactions = out.take();
    const submissionEnds = Uint32Array.of(2, 4);
    const block = executor.execute({ height: 0, seq: 0, timestampMs: 0, parentHash, transactions, submissionEnds });
    expect([block.taken, block.rejected]).toEqual([2, []]);
    expect(new BlockEntry(block.entry!)).toMatchObject({ transactionCount: 2, gasUsed: 2 * gasUsed });
    expect(executor.table.nonce(executor.table.accountSlot(fromHex(ALICE)!, 0))).toBe(2);
  });
});
