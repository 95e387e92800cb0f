/** Submessages and replies, against wasmd's rules, with a contract whose responses the test writes itself. */
import { beforeEach, describe, expect, it } from "vitest";
import { eventTopic } from "../../src/encoding/cosmwasm-event.ts";
import { encodeMessage } from "../../src/engines/wasm/cosmwasm/protobuf.ts";
import { createAddress } from "../../src/execution/contract-record.ts";
import { GAS_SCHEDULE_1 } from "../../src/execution/gas.ts";
import { CosmWasmChain, DENOM } from "../support/cosmwasm-chain.ts";
import { echoContract } from "../support/cosmwasm-echo.ts";

const ECHO = await echoContract();
const OTHER = await echoContract((source) => source.replace('"memory") 17', '"memory") 18'));
const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes as string).toString("base64");
const b64json = (message: unknown) => base64(JSON.stringify(message));

interface SubMessageJson {
  id?: number;
  msg: unknown;
  reply_on?: string;
  gas_limit?: number;
  payload?: string;
}

function ok({
  messages = [],
  attributes = [],
  events = [],
  data = null,
}: {
  messages?: SubMessageJson[];
  attributes?: { key: string; value: string }[];
  events?: unknown[];
  data?: string | null;
} = {}) {
  const full = messages.map((message) => ({ id: 1, reply_on: "never", gas_limit: null, ...message }));
  return { ok: { messages: full, attributes, events, data } };
}

describe("submessages", () => {
  let chain: CosmWasmChain;
  let codeId: number;
  let alice: Uint8Array;
  let parent: Uint8Array;
  let child: Uint8Array;
  const text = (address: Uint8Array) => chain.text(address);
  const executeMsg = (message: unknown, to = child, funds: unknown[] = []) => ({
    wasm: { execute: { contract_addr: text(to), msg: b64json(message), funds } },
  });
  const run = (response: unknown, gas?: number) => chain.execute(alice, parent, response, gas ? { gas } : {});
  const lastReply = () => {
    const value = chain.stateOf(parent).get("last");
    return value === undefined ? undefined : JSON.parse(Buffer.from(value).toString("utf8"));
  };
  /** What the contract answers to its next replies: kept by its `sudo`. */
  const onReply = (response: unknown) => chain.setState(parent, "answer", JSON.stringify(response));

  beforeEach(() => {
    chain = new CosmWasmChain();
    alice = chain.account("alice");
    codeId = chain.store(ECHO);
    parent = chain.instantiate(alice, codeId, ok(), { admin: alice }).address;
    child = chain.instantiate(alice, codeId, ok(), { admin: parent }).address;
  });

  it("reply on success with events sorted by key, protobuf data and the payload", () => {
    const attributes = [
      { key: "zebra", value: "1" },
      { key: "apple", value: "2" },
    ];
    const message = executeMsg(ok({ attributes, data: base64("hello") }));
    const result = run(ok({ messages: [{ id: 42, msg: message, reply_on: "success", payload: base64("pay") }] }));
    expect(result.error).toBe("");
    const data = base64(encodeMessage([[1, Buffer.from("hello")]]));
    expect(lastReply()).toEqual({
      id: 42,
      payload: base64("pay"),
      gas_used: expect.any(Number),
      result: {
        ok: {
          events: [
            { type: "execute", attributes: [{ key: "_contract_address", value: text(child) }] },
            {
              type: "wasm",
              attributes: [
                { key: "_contract_address", value: text(child) },
                { key: "apple", value: "2" },
                { key: "zebra", value: "1" },
              ],
            },
          ],
          data,
          msg_responses: [{ type_url: "/cosmwasm.wasm.v1.MsgExecuteContractResponse", value: data }],
        },
      },
    });
    expect(result.events.map(({ type }) => type)).toEqual(["execute", "execute", "wasm", "reply"]);
    // In the log the attributes stay in the contract's order.
    expect(result.events[2]!.attributes.map(({ key }) => key)).toEqual(["_contract_address", "zebra", "apple"]);
  });

  it.each([
    ["always", true, true],
    ["success", true, false],
    ["error", false, true],
    ["never", false, false],
  ])("reply_on %s: told of success %s, of failure %s", (reply_on, ofSuccess, ofFailure) => {
    expect(run(ok({ messages: [{ msg: executeMsg(ok()), reply_on }] })).error).toBe("");
    expect(lastReply() !== undefined).toBe(ofSuccess);
    chain.setState(parent, "last", undefined);
    const result = run(ok({ messages: [{ msg: executeMsg({ error: "no" }), reply_on }] }));
    // A failure that nobody catches is the frame's own, and says what the contract said.
    expect([result.status, result.error]).toEqual(ofFailure ? ["success", ""] : ["reverted", "no"]);
    expect(lastReply() !== undefined).toBe(ofFailure);
  });

  it("a caught failure leaves nothing of the failed branch: state, balances, events", () => {
    chain.fund(parent, 10n);
    const inner = ok({
      attributes: [{ key: "lost", value: "yes" }],
      messages: [
        { msg: { bank: { send: { to_address: text(alice), amount: [{ denom: DENOM, amount: "4" }] } } } },
        { msg: executeMsg({ error: "deep" }) },
      ],
    });
    const funds = [{ denom: DENOM, amount: "5" }];
    const result = run(ok({ messages: [{ msg: executeMsg(inner, child, funds), reply_on: "error" }] }));
    expect(result.error).toBe("");
    expect(lastReply().result).toEqual({ error: "deep: execute wasm contract failed" });
    expect(result.events.map(({ type }) => type)).toEqual(["execute", "reply"]);
    expect([chain.balanceOf(parent), chain.balanceOf(child), chain.balanceOf(alice)]).toEqual([10n, 0n, 0n]);
  });

  it("a gas limit bounds a submessage: it fails alone, at the cost of its limit", () => {
    const free = run(ok({ messages: [{ msg: executeMsg(ok()), reply_on: "always" }] }));
    const limited = run(ok({ messages: [{ msg: executeMsg(ok()), reply_on: "always", gas_limit: 900 }] }));
    expect([free.error, limited.error]).toEqual(["", ""]);
    expect(lastReply()).toMatchObject({ result: { error: "codespace: sdk, code: 11" } });
    const { stateRead, callBase } = GAS_SCHEDULE_1;
    expect(lastReply().gas_used).toBe(stateRead + callBase + 900);
    expect(run(ok({ messages: [{ msg: executeMsg(ok()), gas_limit: 900 }] })).error).toBe(
      "out of gas: execute wasm contract failed",
    );
  });

  it("a submessage without a gas limit that runs out takes the whole transaction with it", () => {
    const response = ok({ messages: [{ msg: executeMsg(ok()), reply_on: "always" }] });
    // The first one makes the entry that the reply is kept under.
    run(response);
    const { gasUsed } = run(response);
    let seen = new Set<string>();
    for (let gas = gasUsed - 1; gas > gasUsed - 4_000; gas -= 371) {
      const result = run(response, gas);
      seen = seen.add(`${result.status} ${result.haltReason}`);
      expect(result.events).toEqual([]);
    }
    expect([...seen]).toEqual(["halted OutOfGas"]);
  });

  it("a submessage that traps without a gas limit leaves a reserve, on which the reply runs", () => {
    const response = ok({ messages: [{ msg: executeMsg({ maybe: 1 }), reply_on: "error" }] });
    expect(run(response).error).toBe("");
    expect(lastReply().result).toEqual({ error: "codespace: wasm, code: 29" });
  });

  it("data: the response's own, replaced by that of the last reply that sets some", () => {
    const two = [executeMsg(ok()), executeMsg(ok())].map((msg) => ({ msg, reply_on: "always" }));
    const mine = run(ok({ messages: two, data: base64("mine") }));
    expect(Buffer.from(mine.returnData).toString()).toBe("mine");
    onReply(ok({ data: base64("reply") }));
    const replied = run(ok({ messages: two, data: base64("mine") }));
    expect(Buffer.from(replied.returnData).toString()).toBe("reply");
    // A submessage's data is not the parent's.
    const child = run(ok({ messages: [{ msg: executeMsg(ok({ data: base64("child") })) }] }));
    expect(child.returnData).toHaveLength(0);
  });

  it("an error in a reply fails the frame, also after a caught one", () => {
    onReply({ error: "cannot reply" });
    const result = run(ok({ messages: [{ msg: executeMsg({ error: "no" }), reply_on: "error" }] }));
    expect(result).toMatchObject({ status: "reverted", error: "cannot reply" });
  });

  it("ids up to 2^64-1 come back as they went", () => {
    const message = Buffer.from(
      JSON.stringify(ok({ messages: [{ id: 7, msg: executeMsg(ok()), reply_on: "always" }] })).replace(
        '"id":7',
        '"id":18446744073709551615',
      ),
    );
    const result = chain.submit(alice, parent, { form: 1, bytes: message, start: 0, end: message.length });
    expect(result.error).toBe("");
    expect(Buffer.from(chain.stateOf(parent).get("last")!).toString()).toContain('"id":18446744073709551615,');
  });

  it("replies that send messages nest, up to the limit of responses under way", () => {
    onReply(ok({ messages: [{ id: 2, msg: executeMsg(ok()), gas_limit: undefined as never, reply_on: "always" }] }));
    const result = run(ok({ messages: [{ msg: executeMsg(ok()), reply_on: "always" }] }));
    expect(result).toMatchObject({ status: "halted", haltReason: "CallDepth" });
    // And the thread is ready for the next.
    onReply(ok());
    expect(run(ok({ messages: [{ msg: executeMsg(ok()), reply_on: "always" }] })).error).toBe("");
  });

  it("instantiate2 stands where instantiate2_address of cosmwasm-std says, in its first 20 bytes", () => {
    const fields = { admin: null, code_id: codeId, msg: b64json(ok({ data: base64("made") })), funds: [], label: "x" };
    const msg = { wasm: { instantiate2: { ...fields, salt: base64("salty") } } };
    const result = run(ok({ messages: [{ msg, reply_on: "success" }] }));
    expect(result.error).toBe("");
    const instantiated = result.events.find(({ type }) => type === "instantiate")!;
    const address = instantiated.attributes[0]!.value;
    expect(lastReply().result.ok.msg_responses).toEqual([
      {
        type_url: "/cosmwasm.wasm.v1.MsgInstantiateContract2Response",
        value: base64(
          encodeMessage([
            [1, address],
            [2, Buffer.from("made")],
          ]),
        ),
      },
    ]);
    expect(run(ok({ messages: [{ msg }] })).status).toBe("reverted");
    const badSalt = { wasm: { instantiate2: { ...fields, salt: "" } } };
    expect(run(ok({ messages: [{ msg: badSalt }] })).error).toMatch(/invalid salt/);
  });

  it("bank messages reply without events", () => {
    chain.fund(parent, 3n);
    const msg = { bank: { send: { to_address: text(alice), amount: [{ denom: DENOM, amount: "3" }] } } };
    expect(run(ok({ messages: [{ msg, reply_on: "always" }] })).error).toBe("");
    expect(lastReply().result).toEqual({
      ok: { events: [], data: null, msg_responses: [{ type_url: "/cosmos.bank.v1beta1.MsgSendResponse", value: "" }] },
    });
    expect(run(ok({ messages: [{ msg, reply_on: "always" }] })).error).toBe("");
    expect(lastReply().result).toEqual({ error: "codespace: sdk, code: 5" });
  });

  it("burning takes coins from balance and supply; a failure that is caught brings both back", () => {
    chain.fund(parent, 10n);
    chain.fund(child, 5n);
    const burn = (amount: string) => ({ bank: { burn: { amount: [{ denom: DENOM, amount }] } } });
    const balances = () => [chain.balanceOf(parent), chain.balanceOf(child), chain.executor.engine.ledger.supply()];
    expect(run(ok({ messages: [{ msg: burn("4") }] })).error).toBe("");
    expect(balances()).toEqual([6n, 5n, 11n]);
    const failing = executeMsg(ok({ messages: [{ msg: burn("5") }, { msg: executeMsg({ error: "no" }) }] }));
    expect(run(ok({ messages: [{ msg: failing, reply_on: "error" }] })).error).toBe("");
    expect(balances()).toEqual([6n, 5n, 11n]);
    expect(run(ok({ messages: [{ msg: burn("7") }] })).error).toMatch(/^insufficient funds/);
  });

  it("instantiate derives addresses as Ethereum's CREATE does from a contract, by a count that failures use up too", () => {
    const instantiate = (message: unknown) => ({
      wasm: { instantiate: { admin: null, code_id: codeId, msg: b64json(message), funds: [], label: "x" } },
    });
    const made = (result: { events: readonly { type: string; attributes: readonly { value: string }[] }[] }) =>
      result.events.filter(({ type }) => type === "instantiate").map(({ attributes }) => attributes[0]!.value);
    const at = (count: number) => text(createAddress(parent, count));
    expect(made(run(ok({ messages: [{ msg: instantiate(ok()) }, { msg: instantiate(ok()) }] })))).toEqual([
      at(1),
      at(2),
    ]);
    const failing = [{ msg: instantiate({ error: "no" }), reply_on: "error" }, { msg: instantiate(ok()) }];
    expect(made(run(ok({ messages: failing })))).toEqual([at(4)]);
  });

  it("migrate and update_admin are for a contract's admin, and keep the rest of its record", () => {
    const other = chain.store(OTHER);
    const migrate = (contract: Uint8Array) => ({
      wasm: { migrate: { contract_addr: text(contract), new_code_id: other, msg: b64json(ok()) } },
    });
    const before = chain.info(child);
    expect(run(ok({ messages: [{ msg: migrate(child) }] })).error).toBe("");
    expect(chain.info(child)).toEqual({ ...before, codeHash: chain.codeHash(other) });
    expect(run(ok({ messages: [{ msg: migrate(parent) }] })).status).toBe("reverted");
    const handOn = { wasm: { update_admin: { contract_addr: text(child), admin: text(alice) } } };
    expect(run(ok({ messages: [{ msg: handOn }] })).error).toBe("");
    expect(chain.info(child).admin).toEqual(alice);
    expect(run(ok({ messages: [{ msg: migrate(child) }] })).status).toBe("reverted");
  });

  it("custom events get wasmd's prefix, and names it reserves are refused", () => {
    const events = [{ type: " auction ", attributes: [{ key: "bid", value: " 5 " }] }];
    const result = run(ok({ events }));
    expect(result.events[1]).toEqual({
      type: "wasm-auction",
      attributes: [
        { key: "_contract_address", value: text(parent) },
        { key: "bid", value: "5" },
      ],
    });
    expect(result.logs[1]!.topics).toEqual([eventTopic("wasm-auction")]);
    expect(run(ok({ attributes: [{ key: "_contract_address", value: "x" }] })).error).toMatch(/reserved prefix/);
    expect(run(ok({ attributes: [{ key: " ", value: "x" }] })).error).toMatch(/Empty attribute key/);
    expect(run(ok({ events: [{ type: "ab", attributes: [] }] })).error).toMatch(/too short/);
  });

  it("sudo is for the admin, by entrypoint", () => {
    const input = (() => {
      const name = Buffer.from("sudo");
      const argument = Buffer.from(JSON.stringify(ok({ data: base64("sudone") })));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(argument.length);
      const bytes = Buffer.concat([Buffer.of(4), name, Buffer.of(1, 8), length, argument]);
      return { form: 2, bytes: new Uint8Array(bytes), start: 0, end: bytes.length };
    })();
    expect(chain.submit(chain.account("mallory"), parent, input).error).toBe("only the contract's admin may sudo");
    expect(chain.submit(alice, parent, input)).toMatchObject({ status: "success" });
    // The echo contract kept it as its answer to replies.
    const replied = run(ok({ messages: [{ msg: executeMsg(ok()), reply_on: "always" }] }));
    expect(Buffer.from(replied.returnData).toString()).toBe("sudone");
  });

  it.each([
    ["no JSON", "x"],
    ["a list", []],
    ["both ok and error", { ok: {}, error: "x" }],
    ["neither", {}],
    ["no messages", { ok: { attributes: [], events: [], data: null } }],
    ["an attribute that is no object", { ok: { messages: [], attributes: ["x"], events: [], data: null } }],
    ["data that is no Base64", { ok: { messages: [], attributes: [], events: [], data: "*" } }],
    ["an unknown reply_on", ok({ messages: [{ msg: { bank: { burn: { amount: [] } } }, reply_on: "maybe" }] })],
    ["a negative id", ok({ messages: [{ id: -1, msg: { bank: { burn: { amount: [] } } } }] })],
    ["an execute without a contract", ok({ messages: [{ msg: { wasm: { execute: { msg: "", funds: [] } } } }] })],
    ["two messages in one", ok({ messages: [{ msg: { bank: { burn: { amount: [] } }, wasm: {} } }] })],
  ])("halts as InvalidOutput for %s", (_name, response) => {
    expect(run(response)).toMatchObject({ status: "halted", haltReason: "InvalidOutput", events: [] });
  });
});
