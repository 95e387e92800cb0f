/** What is a CosmWasm contract, in which forms it is called, and what of the chain it sees. */
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { BodyForm } from "../../src/encoding/transaction.ts";
import { RejectedError } from "../../src/errors.ts";
import { CosmWasmChain } from "../support/cosmwasm-chain.ts";
import { contractBytes } from "../support/cosmwasm-contracts.ts";
import { echoContract } from "../support/cosmwasm-echo.ts";

const chain = new CosmWasmChain();
const alice = chain.account("alice");
const empty = { ok: { messages: [], attributes: [], events: [], data: null } };

function rejection(run: () => unknown): RejectedError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof RejectedError) return thrown;
    throw thrown;
  }
  throw new Error("was admitted");
}

function withExport(name: string, parameters = 0): (source: string) => string {
  const params = "i32 ".repeat(parameters);
  return (source) =>
    source.replace(
      '(func (export "interface_version_8"))',
      `(func (export "interface_version_8")) (func (export "${name}") (param ${params}))`,
    );
}

describe("admission", () => {
  it("takes the contracts of cw-plus and cw-nfts as they are", () => {
    for (const name of [
      "cw1-subkeys",
      "cw1-whitelist",
      "cw20-base",
      "cw3-fixed-multisig",
      "cw3-flex-multisig",
      "cw4-group",
      "cw4-stake",
      "cw721-base",
    ] as const)
      expect(chain.store(contractBytes(name))).toBeGreaterThan(0);
  });

  it.each(["cosmwasm_vm_version_4", "cosmwasm_api_0_6", "interface_version_7"])(
    "refuses the interface before 1.0 by its name: %s",
    async (marker) => {
      const old = await echoContract((source) => source.replace("interface_version_8", marker));
      expect(rejection(() => chain.store(old))).toMatchObject({
        code: "CODE_REJECTED",
        message: expect.stringContaining(marker),
        facts: { rule: "cosmwasm-version", expected: "interface_version_8", received: marker },
      });
    },
  );

  it("takes the capabilities that it has, and refuses others by name", async () => {
    for (const capability of ["iterator", "staking", "cosmwasm_1_2", "cosmwasm_2_2"])
      chain.store(await echoContract(withExport(`requires_${capability}`)));
    const foreign = await echoContract(withExport("requires_osmosis"));
    expect(rejection(() => chain.store(foreign))).toMatchObject({
      code: "CODE_REJECTED",
      facts: { rule: "cosmwasm-capability", received: "osmosis" },
    });
  });

  it("refuses entry points of another type, unknown imports, and missing exports", async () => {
    const strange = await echoContract((source) =>
      source
        .replace('(export "query") (param i32 i32)', '(export "query") (param i32 i64)')
        .replace(
          '(result i32) (local.get 1))\n  (func (export "sudo")',
          '(result i32) (local.get 0))\n  (func (export "sudo")',
        ),
    );
    expect(rejection(() => chain.store(strange)).facts).toMatchObject({ rule: "cosmwasm-export", export: "query" });
    const greedy = await echoContract((source) => source.replace('"db_read"', '"file_read"'));
    expect(rejection(() => chain.store(greedy))).toMatchObject({
      code: "CODE_REJECTED",
      message: expect.stringContaining("file_read"),
    });
    const mute = await echoContract((source) => source.replace('(export "allocate")', '(export "malloc")'));
    expect(rejection(() => chain.store(mute))).toMatchObject({
      code: "CODE_REJECTED",
      message: expect.stringContaining("allocate"),
    });
  });

  it("wants the instantiate message as an object, and no ABI", async () => {
    const code = toHex(await echoContract());
    for (const init of [undefined, null, "x", 5, []])
      expect(
        rejection(() => chain.engine.admitDeploy({ type: "wasm", code, init }, () => undefined)).facts,
      ).toMatchObject({ path: "contract.init" });
    expect(
      rejection(() => chain.engine.admitDeploy({ type: "wasm", code, init: {}, abi: [] }, () => undefined)).facts,
    ).toMatchObject({ path: "contract.abi" });
  });
});

describe("calls", () => {
  const at = chain.instantiate(alice, chain.store(contractBytes("cw20-base")), {
    name: "Cash",
    symbol: "CASH",
    decimals: 6,
    initial_balances: [{ address: chain.text(alice), amount: "10" }],
  }).address;
  const transfer = { recipient: chain.text(chain.account("bob")), amount: "1" };

  function entrypoint(name: string, argument?: unknown) {
    const text = argument === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(argument));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    const args = argument === undefined ? [Buffer.of(0)] : [Buffer.of(1, 8), length, text];
    const bytes = Buffer.concat([Buffer.of(name.length), Buffer.from(name), ...args]);
    return { form: BodyForm.entrypoint, bytes: new Uint8Array(bytes), start: 0, end: bytes.length };
  }

  it("by entrypoint and one object are short for the message", () => {
    const code = chain.codeOf(at);
    chain.engine.admitCall(code, entrypoint("transfer", transfer));
    expect(chain.submit(alice, at, entrypoint("transfer", transfer)).error).toBe("");
    expect(chain.submit(alice, at, entrypoint("token_info")).error).toMatch(/unknown variant `token_info`/);
    const bytes = Uint8Array.from([8, ...Buffer.from("transfer"), 1, 5]);
    const call = { form: BodyForm.entrypoint, bytes, start: 0, end: bytes.length };
    expect(rejection(() => chain.engine.admitCall(code, call))).toMatchObject({ code: "INVALID_CALLDATA" });
  });

  it("by calldata are the message's bytes, and without a body the bank's business", () => {
    const bytes = new Uint8Array(Buffer.from(JSON.stringify({ transfer })));
    expect(chain.submit(alice, at, { form: BodyForm.calldata, bytes, start: 0, end: bytes.length }).error).toBe("");
    const nothing = { form: BodyForm.none, bytes: new Uint8Array(0), start: 0, end: 0 };
    expect(chain.submit(alice, at, nothing)).toMatchObject({
      status: "success",
      events: [],
      returnData: new Uint8Array(0),
    });
  });

  it("with value tell the contract of its coins", async () => {
    const info = await echoContract((source) =>
      source.replace(
        '(func (export "execute") (param i32 i32 i32) (result i32) (local.get 2))',
        '(func (export "execute") (param i32 i32 i32) (result i32) (call $write (i32.const 200) (local.get 1)) (call $write (i32.const 212) (local.get 0)) (local.get 2))',
      ),
    );
    const { address } = chain.instantiate(alice, chain.store(info), empty);
    chain.fund(alice, 9n);
    const result = chain.execute(alice, address, empty, { value: 9n });
    expect(result.events.map(({ type }) => type)).toEqual(["coin_spent", "coin_received", "transfer", "execute"]);
    const kept = (key: string) => JSON.parse(Buffer.from(chain.stateOf(address).get(key)!).toString("utf8"));
    expect(kept("last")).toEqual({ sender: chain.text(alice), funds: [{ denom: "upoly", amount: "9" }] });
    expect(kept("answer")).toEqual({
      block: { height: 12_345, time: "1700000000123000000", chain_id: "polytorus-1337" },
      transaction: null,
      contract: { address: chain.text(address) },
    });
  });

  it("to entry points that a contract does not have revert, and say which", async () => {
    const bare = await echoContract((source) => source.replaceAll(/\(export "(execute|query|migrate|reply)"\)/g, ""));
    const { address } = chain.instantiate(alice, chain.store(bare), empty, { admin: alice });
    expect(chain.execute(alice, address, {}).error).toBe("the contract has no entry point execute");
    expect(chain.rawQuery(address, {}).error).toBe("the contract has no entry point query");
    expect(chain.migrate(alice, address, chain.store(bare), {}).error).toBe("the contract has no entry point migrate");
  });
});
