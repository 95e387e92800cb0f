/** What a contract's admin may change: its code, and who is admin. */
import { describe, expect, it } from "vitest";
import type { BlockEntry } from "../../src/encoding/block-entry.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";
import type { Engine } from "../../src/engine.ts";
import { RejectedError } from "../../src/errors.ts";
import { CosmWasmChain } from "../support/cosmwasm-chain.ts";
import { echoContract } from "../support/cosmwasm-echo.ts";
import { ALICE, BOB, deployment, openEngine, receiptAt } from "../support/engine.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { contractText, WasmChain, wasmOf } from "../support/wasm-chain.ts";

/** Adds its step to a counter in its state and answers what it then is, in one byte. */
const stepping = (step: number) =>
  wasmOf(
    contractText({
      call: `(drop (call $state_get (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 1)))
        (i32.store8 (i32.const 16) (i32.add (i32.load8_u (i32.const 16)) (i32.const ${step})))
        (call $state_set (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 1))
        (call $return_data (i32.const 16) (i32.const 1))`,
    }),
  );
const ONE = stepping(1);
const TEN = stepping(10);
const GAS_LIMIT = 10_000_000;

function upgrade(to: string, module: Uint8Array, more: Partial<TransactionJson> = {}): TransactionJson {
  const contract = { type: "wasm", code: toHex(module) };
  return { kind: "upgrade", sender: ALICE, to, gasLimit: GAS_LIMIT, contract, ...more };
}

function rejection(run: () => unknown): RejectedError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof RejectedError) return thrown;
    throw thrown;
  }
  throw new Error("was admitted");
}

function infoOf(chain: WasmChain, address: string) {
  return chain.executor.engine.contracts.resolve(fromHex(address)!, 0)!.info;
}

describe("an upgrade", () => {
  it("runs new code over the state of the old, at the same address", () => {
    const chain = new WasmChain();
    const at = chain.install(ALICE, ONE);
    const before = infoOf(chain, at);
    chain.callRaw(BOB, at);
    const receipt = chain.send(upgrade(at, TEN));
    expect(receipt).toMatchObject({ status: "success", contractAddress: undefined });
    expect(toHex(chain.callRaw(BOB, at).returnData)).toBe("0x0b");
    const after = infoOf(chain, at);
    expect(toHex(after.codeHash)).not.toBe(toHex(before.codeHash));
    expect({ ...after, codeHash: before.codeHash }).toEqual(before);
  });

  it("leaves the old code on the chain, where others run it and go back to it for nothing more than its hash", () => {
    const chain = new WasmChain();
    const at = chain.install(ALICE, ONE);
    const other = chain.install(ALICE, ONE);
    const codeHash = toHex(infoOf(chain, at).codeHash);
    const there = chain.send(upgrade(at, TEN));
    expect(toHex(chain.callRaw(BOB, other).returnData)).toBe("0x01");
    const back = chain.send(upgrade(at, ONE, { contract: { type: "wasm", codeHash } }));
    expect(back.status).toBe("success");
    expect(back.gasUsed).toBeLessThan(30_000);
    expect(there.gasUsed - back.gasUsed).toBeGreaterThan(200 * TEN.length);
    expect(toHex(infoOf(chain, at).codeHash)).toBe(codeHash);
  });

  it("is for the admin alone, and for nobody once there is none", () => {
    const chain = new WasmChain();
    const at = chain.install(ALICE, ONE);
    expect(rejection(() => chain.send(upgrade(at, TEN, { sender: BOB }))).code).toBe("NOT_ADMIN");
    chain.send({ kind: "setAdmin", sender: ALICE, to: at, admin: BOB, gasLimit: GAS_LIMIT });
    expect(rejection(() => chain.send(upgrade(at, TEN))).code).toBe("NOT_ADMIN");
    expect(chain.send(upgrade(at, TEN, { sender: BOB })).status).toBe("success");
    chain.send({ kind: "setAdmin", sender: BOB, to: at, admin: null, gasLimit: GAS_LIMIT });
    expect(rejection(() => chain.send(upgrade(at, ONE, { sender: BOB })))).toMatchObject({
      code: "NOT_ADMIN",
      facts: { admin: null },
    });
  });

  it("may be made while the contract is paused, which it stays", () => {
    const chain = new WasmChain();
    const at = chain.install(ALICE, ONE);
    chain.send({ kind: "setStatus", sender: ALICE, to: at, status: "paused", gasLimit: GAS_LIMIT });
    expect(chain.send(upgrade(at, TEN)).status).toBe("success");
    expect(chain.callRaw(BOB, at).status).toBe("reverted");
    chain.send({ kind: "setStatus", sender: ALICE, to: at, status: "active", gasLimit: GAS_LIMIT });
    expect(toHex(chain.callRaw(BOB, at).returnData)).toBe("0x0a");
  });

  it("is refused by name for what keeps its code, for another type, for bad code, and with value", () => {
    const chain = new WasmChain({ balances: { [ALICE]: 5n } });
    const at = chain.install(ALICE, ONE);
    const token = toHex(chain.send(deployment()).contractAddress!);
    expect(rejection(() => chain.send(upgrade(token, TEN)))).toMatchObject({
      code: "UNSUPPORTED_TRANSACTION",
      facts: { kind: "upgrade", type: "erc20" },
    });
    const typed = upgrade(at, TEN, { contract: { type: "erc20", code: toHex(TEN) } });
    expect(rejection(() => chain.send(typed)).facts).toMatchObject({ path: "contract.type", expected: "wasm" });
    expect(rejection(() => chain.send(upgrade(at, new Uint8Array(9)))).code).toBe("CODE_REJECTED");
    expect(rejection(() => chain.send(upgrade(at, TEN, { value: "1" }))).code).toBe("INVALID_AMOUNT");
    expect(toHex(chain.callRaw(BOB, at).returnData)).toBe("0x01");
  });

  it("is priced by what admission and keeping new code costs", () => {
    const chain = new WasmChain();
    const at = chain.install(ALICE, ONE);
    expect(rejection(() => chain.send(upgrade(at, TEN, { gasLimit: 100_000 }))).code).toBe("INTRINSIC_GAS_TOO_LOW");
  });
});

describe("an upgrade of a CosmWasm contract", () => {
  const answer = (content: Record<string, unknown>) => ({
    ok: { messages: [], attributes: [], events: [], data: null, ...content },
  });

  it("runs migrate of the new code, whose failure leaves the old", async () => {
    const chain = new CosmWasmChain();
    const alice = chain.account("alice");
    const [first, second] = [
      chain.store(await echoContract()),
      chain.store(await echoContract((source) => source.replace('memory") 17', 'memory") 18'))),
    ];
    const { address } = chain.instantiate(alice, first, answer({}), { admin: alice });
    const failed = chain.migrate(alice, address, second, { error: "not now" });
    expect(failed).toMatchObject({ status: "reverted", error: "not now", events: [] });
    expect(chain.info(address).codeHash).toEqual(chain.codeHash(first));
    const migrated = chain.migrate(alice, address, second, answer({ attributes: [{ key: "to", value: "two" }] }));
    expect(migrated.error).toBe("");
    expect(migrated.events).toMatchObject([
      { type: "migrate", attributes: [{ value: chain.text(address) }, { key: "code_id", value: String(second) }] },
      { type: "wasm", attributes: [{}, { key: "to", value: "two" }] },
    ]);
    expect(chain.info(address).codeHash).toEqual(chain.codeHash(second));
  });

  it("takes an object for a message, or none", async () => {
    const chain = new CosmWasmChain();
    const alice = chain.account("alice");
    const code = chain.store(await echoContract());
    const { address } = chain.instantiate(alice, code, answer({}), { admin: alice });
    for (const message of ["x", [], 5])
      expect(rejection(() => chain.migrate(alice, address, code, message)).facts).toMatchObject({
        path: "contract.message",
      });
    // The echo answers the empty object that it is told then, which is no response.
    expect(chain.migrate(alice, address, code, undefined)).toMatchObject({ haltReason: "InvalidOutput" });
  });
});

describe("a rollback", () => {
  async function apply(engine: Engine, transaction: TransactionJson): Promise<BlockEntry> {
    const parent = (await engine.service.block("latest"))!;
    const { block } = await engine.service.blockExecute({
      height: parent.height + 1,
      parentHash: parent.blockHash,
      timestampMs: parent.timestampMs + 1_000,
      encode: (out) => {
        encodeTransaction(transaction, out);
        return 1;
      },
    });
    return await engine.service.blockCommit(block.height, block.stateRoot);
  }

  it("takes an upgrade back, over a restart too", async () => {
    const dataDir = temporaryDirectory();
    let { engine } = await openEngine({ dataDir, mode: "driven" });
    const contract = { type: "wasm", code: toHex(ONE) };
    const deployed = await apply(engine, { kind: "deploy", sender: ALICE, gasLimit: GAS_LIMIT, contract });
    const at = toHex(receiptAt(deployed, 0).contractAddress!);
    const call: TransactionJson = { kind: "call", sender: BOB, to: at, gasLimit: GAS_LIMIT, calldata: "0x" };
    const answered = async () => toHex(receiptAt(await apply(engine, call), 0).returnData);
    expect(await answered()).toBe("0x01");
    const upgraded = await apply(engine, upgrade(at, TEN));
    expect(await answered()).toBe("0x0b");
    await engine.service.blockRollback(upgraded.height - 1);
    expect(await answered()).toBe("0x02");
    await engine.close();
    ({ engine } = await openEngine({ dataDir, mode: "driven" }));
    expect(await answered()).toBe("0x03");
    const info = (await engine.service.contract(fromHex(at)!))!;
    expect(info.metadata).toEqual({ interface: "polytorus" });
    expect((await apply(engine, upgrade(at, TEN))).stateRoot).not.toEqual(upgraded.stateRoot);
    expect(await answered()).toBe("0x0d");
    await engine.close();
  });
});
