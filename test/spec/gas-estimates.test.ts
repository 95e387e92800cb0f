/** What an estimate says of gas: enough, and where it goes. */
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import { Trials } from "../../src/execution/trials.ts";
import { ALICE, BOB, deployment, transfer } from "../support/engine.ts";
import { contractText, WasmChain, wasmOf } from "../support/wasm-chain.ts";

const BLOCK = { height: 9, timestampMs: 9, chainId: 1337, protocolVersion: 1 };

/** Estimates, then runs with exactly that limit. */
function estimate(chain: WasmChain, transaction: TransactionJson) {
  const out = new ByteWriter();
  encodeTransaction(transaction, out);
  const { gasLimit, breakdown } = new Trials(chain.executor).estimate(out.take(), BLOCK);
  const receipt = chain.send({ ...transaction, gasLimit });
  expect(receipt.status).toBe("success");
  expect(Object.values(breakdown).reduce((sum, gas) => sum + gas, 0)).toBe(receipt.gasUsed);
  return breakdown;
}

describe("the breakdown of an estimate", () => {
  it("adds up to what the transaction uses, and names what a token's transfer does", () => {
    const chain = new WasmChain();
    const token = toHex(chain.send(deployment()).contractAddress!);
    expect(estimate(chain, transfer(token, ALICE, BOB, 5))).toEqual({
      transactionBase: 21_000,
      bodyByte: expect.any(Number),
      stateRead: 2 * 2_100,
      stateWrite: 2_900,
      stateCreate: 20_000,
      log: 375 + 3 * 375 + 32 * 8,
    });
  });

  it("tells the code's bytes of a deployment from the rest", () => {
    const module = wasmOf(contractText({}));
    const chain = new WasmChain();
    const breakdown = estimate(chain, {
      kind: "deploy",
      sender: ALICE,
      gasLimit: 0,
      contract: { type: "wasm", code: toHex(module) },
    });
    expect(breakdown).toMatchObject({ deployBase: 32_000, admission: 4 * module.length });
    expect(breakdown["codeByte"]).toBeGreaterThanOrEqual(200 * module.length);
    expect(breakdown["instance"]).toBeGreaterThan(0);
  });

  it("tells instructions of WebAssembly from what the host does for them", () => {
    const call = `(local $i i32)
      (loop $again (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $again (i32.lt_u (local.get $i) (i32.const 1000))))
      (call $state_set (i32.const 0) (i32.const 4) (i32.const 8) (i32.const 4))
      (call $log (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8))`;
    const chain = new WasmChain();
    const to = chain.install(ALICE, wasmOf(contractText({ call })));
    const breakdown = estimate(chain, { kind: "call", sender: ALICE, gasLimit: 0, to, calldata: "0x01020304" });
    expect(breakdown).toMatchObject({ stateCreate: 20_000, stateWriteByte: 8 * 8, log: 375 + 375 + 8 * 8 });
    expect(breakdown["instructions"]).toBeGreaterThan(500);
    expect(breakdown["hostCall"]).toBeGreaterThan(0);
    expect(Object.keys(breakdown)).not.toContain("other");
  });
});
