/** What contracts ask of the chain, and what the chain answers: a contract passes the request on and hands back the answer. */
import { describe, expect, it } from "vitest";
import { CosmWasmChain, DENOM } from "../support/cosmwasm-chain.ts";
import { echoContract } from "../support/cosmwasm-echo.ts";

/** Like the echo contract, but its query sends its message to query_chain and answers what came back, as data. */
const QUERIER = await echoContract((source) =>
  source.replace("(memory", '(import "env" "query_chain" (func $ask (param i32) (result i32)))\n(memory').replace(
    '(func (export "execute") (param i32 i32 i32) (result i32) (local.get 2))',
    // Keeps the answer under "last".
    '(func (export "execute") (param i32 i32 i32) (result i32) (call $write (i32.const 200) (call $ask (local.get 2))) (i32.const 224))',
  ),
);
const ECHO = await echoContract();

const chain = new CosmWasmChain();
const alice = chain.account("alice");
const querier = chain.instantiate(alice, chain.store(QUERIER), empty()).address;
const echo = chain.instantiate(alice, chain.store(ECHO), empty(), { admin: alice }).address;
const text = (address: Uint8Array) => chain.text(address);
const base64 = (value: string) => Buffer.from(value).toString("base64");

function empty() {
  return { ok: { messages: [], attributes: [], events: [], data: null } };
}

/** The answer to a request: what is in the innermost `ok` parsed. */
function ask(request: unknown): unknown {
  const result = chain.execute(alice, querier, request);
  expect(result.error).toBe("");
  const answer = JSON.parse(Buffer.from(chain.stateOf(querier).get("last")!).toString("utf8"));
  const data = answer.ok?.ok;
  if (data === undefined) return answer;
  const decoded = Buffer.from(data, "base64").toString("utf8");
  return { data: decoded.startsWith("{") ? JSON.parse(decoded) : decoded };
}

describe("query_chain", () => {
  it("answers balances of any account in the one denomination, and zero in others", () => {
    chain.fund(alice, 12n);
    const address = text(alice);
    expect(ask({ bank: { balance: { address, denom: DENOM } } })).toEqual({
      data: { amount: { denom: DENOM, amount: "12" } },
    });
    expect(ask({ bank: { balance: { address, denom: "uatom" } } })).toEqual({
      data: { amount: { denom: "uatom", amount: "0" } },
    });
    expect(ask({ bank: { all_balances: { address } } })).toEqual({
      data: { amount: [{ denom: DENOM, amount: "12" }] },
    });
    expect(ask({ bank: { all_balances: { address: text(echo) } } })).toEqual({ data: { amount: [] } });
    expect(ask({ bank: { supply: { denom: DENOM } } })).toEqual({ data: { amount: { denom: DENOM, amount: "12" } } });
  });

  it("answers that a balance has no number in CosmWasm when it is 2^128 or more", () => {
    const rich = chain.account("rich");
    chain.fund(rich, (1n << 128n) - 1n);
    const request = { bank: { balance: { address: text(rich), denom: DENOM } } };
    expect(ask(request)).toMatchObject({ data: { amount: { amount: "340282366920938463463374607431768211455" } } });
    chain.fund(rich, 1n);
    expect(ask(request)).toMatchObject({ ok: { error: expect.stringContaining("2^128-1") } });
    chain.setBalance(rich, 0n);
  });

  it("asks other contracts, whose errors are an answer", () => {
    const smart = (msg: unknown) => ({
      wasm: { smart: { contract_addr: text(echo), msg: base64(JSON.stringify(msg)) } },
    });
    expect(ask(smart({ ok: base64("forty two") }))).toEqual({ data: "forty two" });
    expect(ask(smart({ error: "I do not know" }))).toEqual({
      ok: { error: "I do not know: query wasm contract failed" },
    });
  });

  it("a query that halts costs all gas but a reserve, on which the contract that asked is told", () => {
    const msg = base64(JSON.stringify({ maybe: 1 }));
    const request = { wasm: { smart: { contract_addr: text(echo), msg } } };
    expect(ask(request)).toEqual({ ok: { error: "halted, InvalidOutput: query wasm contract failed" } });
    const { gasUsed } = chain.execute(alice, querier, request, { gas: 64_000_000 });
    expect(gasUsed).toBeGreaterThan(62_000_000);
    expect(gasUsed).toBeLessThan(64_000_000);
  });

  it("a query without gas takes the contract that asked along", async () => {
    const spinner = await echoContract((source) =>
      source.replace(
        '(func (export "query") (param i32 i32) (result i32) (local.get 1))',
        '(func (export "query") (param i32 i32) (result i32) (loop $l (br $l)) (local.get 1))',
      ),
    );
    const { address } = chain.instantiate(alice, chain.store(spinner), empty());
    const result = chain.execute(
      alice,
      querier,
      { wasm: { smart: { contract_addr: text(address), msg: "e30=" } } },
      { gas: 1e7 },
    );
    expect(result).toMatchObject({ status: "halted", haltReason: "OutOfGas" });
  });

  it("reads another contract's state as it is", () => {
    chain.setState(echo, "config", "raw bytes");
    const raw = (key: string) => ({ wasm: { raw: { contract_addr: text(echo), key: base64(key) } } });
    expect(ask(raw("config"))).toEqual({ data: "raw bytes" });
    expect(ask(raw("nothing"))).toEqual({ data: "" });
  });

  it("tells about contracts", () => {
    expect(ask({ wasm: { contract_info: { contract_addr: text(echo) } } })).toEqual({
      data: { code_id: 2, creator: text(alice), admin: text(alice), pinned: false, ibc_port: null },
    });
    const stranger = text(chain.account("nobody"));
    expect(ask({ wasm: { contract_info: { contract_addr: stranger } } })).toEqual({
      error: { no_such_contract: { addr: stranger } },
    });
    expect(ask({ wasm: { smart: { contract_addr: stranger, msg: "" } } })).toEqual({
      error: { no_such_contract: { addr: stranger } },
    });
    const codeHash = chain.codeHash(2);
    expect(ask({ wasm: { code_info: { code_id: 2 } } })).toEqual({
      data: { code_id: 2, creator: text(new Uint8Array(20)), checksum: Buffer.from(codeHash).toString("hex") },
    });
    expect(ask({ wasm: { code_info: { code_id: 77 } } })).toEqual({ error: { no_such_code: { code_id: 77 } } });
  });

  it("names what the chain has no module for, and what is no request", () => {
    expect(ask({ staking: { bonded_denom: {} } })).toEqual({ error: { unsupported_request: { kind: "staking" } } });
    expect(ask({ bank: { denom_metadata: { denom: DENOM } } })).toEqual({
      error: { unsupported_request: { kind: "bank.denom_metadata" } },
    });
    for (const request of [{}, [], { bank: {} }, { bank: { balance: {} } }, { bank: 1, wasm: 2 }]) {
      expect(ask(request)).toMatchObject({ error: { invalid_request: {} } });
    }
    expect(ask({ bank: { balance: { address: "poly1x", denom: DENOM } } })).toMatchObject({
      ok: { error: expect.stringMatching(/^invalid address/) },
    });
  });

  it("a query that writes halts, and so does one that logs", async () => {
    const writer = await echoContract((source) =>
      source.replace(
        '(func (export "query") (param i32 i32) (result i32) (local.get 1))',
        '(func (export "query") (param i32 i32) (result i32) (call $write (i32.const 200) (local.get 1)) (local.get 1))',
      ),
    );
    const { address } = chain.instantiate(alice, chain.store(writer), empty());
    expect(chain.rawQuery(address, { ok: "" })).toMatchObject({ status: "halted", haltReason: "StaticWrite" });
    expect(chain.stateOf(address).size).toBe(0);
  });
});
