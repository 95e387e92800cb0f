/** The method table against itself, its OpenRPC document, the client's types, and a service behind it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MethodName, Methods } from "../../src/client/methods.ts";
import type { Method } from "../../src/rpc/method.ts";
import { METHODS, openRpcText } from "../../src/rpc/methods.ts";
import { Validator } from "../../src/rpc/validate.ts";
import { type Json, RawSocket } from "../support/raw-socket.ts";
import { ALICE, BOB, DEPLOY, TOKEN, transfer } from "../support/requests.ts";
import { type FakeDaemon, openFakeDaemon } from "../support/rpc-target.ts";

const NAMES = Object.keys(METHODS) as MethodName[];

describe("the method table", () => {
  it("is what OpenRPC describes, no more and no less", () => {
    const document = JSON.parse(openRpcText());
    expect(document.methods.map(({ name }: Json) => name).sort()).toEqual([...NAMES].sort());
    for (const { name, params } of document.methods) {
      const { properties } = METHODS[name as MethodName].params as Json;
      expect(params.map((parameter: Json) => parameter.name)).toEqual(Object.keys(properties));
    }
  });

  it("has in OpenRPC no reference that leads nowhere", () => {
    const text = openRpcText();
    const document = JSON.parse(text);
    for (const [, kind, name] of text.matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)) {
      expect(document.components[kind!], `${kind} ${name}`).toHaveProperty(name!);
    }
  });

  it.each(NAMES)("accepts the example of %s, and the result that it shows", (name) => {
    const { example, params, result } = METHODS[name] as Method<MethodName>;
    expect(new Validator(params).refusal(example.params)).toBeUndefined();
    expect(new Validator(result).refusal(example.result)).toBeUndefined();
  });

  it("has no method that the issue leaves out", () => {
    const absent = NAMES.filter((name) => /^(eth_|net_|web3_)/.test(name));
    expect(absent).toEqual([]);
  });
});

describe("every method", () => {
  let auto: FakeDaemon;
  let socket: RawSocket;
  let receipt: Methods["tx_receipt"]["result"];
  let token: string;

  beforeAll(async () => {
    auto = await openFakeDaemon();
    socket = await RawSocket.open(auto.ipc);
    token = (await ask("tx_submit", { transaction: DEPLOY })).contractAddress;
    receipt = await ask("tx_submit", { transaction: transfer(undefined, { to: token }) });
  });
  afterAll(async () => {
    socket.close();
    await auto.close();
  });

  /** The result, which must be what the method's schema says. */
  async function ask(name: MethodName, params: unknown): Promise<Json> {
    const { result, error } = await socket.ask(name, params);
    expect(error, name).toBeUndefined();
    expect(new Validator(METHODS[name].result).refusal(result), name).toBeUndefined();
    return result;
  }

  async function refusalOf(name: MethodName, params: unknown): Promise<Json> {
    return (await socket.ask(name, params)).error.data;
  }

  it("publishes its limits in engine_info, amounts as decimal strings", async () => {
    const { limits } = await ask("engine_info", {});
    expect(limits).toMatchObject({
      batchMax: 1000,
      frameBytesMax: 33554432,
      httpBodyBytesMax: 4194304,
      inFlightMax: 256,
      queryGasMax: "10000000000",
      transactionGasMax: "1000000000000",
    });
  });

  it("finds a transaction and its receipt again, and says when there is none", async () => {
    const { transactionHash } = receipt;
    expect(await ask("tx_receipt", { transactionHash })).toEqual(receipt);
    expect(await ask("tx_get", { transactionHash })).toMatchObject({
      blockHeight: 2,
      transactionIndex: 0,
      transaction: { kind: "call", to: token, args: [BOB, "25"] },
    });
    for (const name of ["tx_get", "tx_receipt"] as const) {
      expect(await refusalOf(name, { transactionHash: `0x${"00".repeat(32)}` })).toMatchObject({
        code: "TRANSACTION_NOT_FOUND",
      });
    }
  });

  it("answers full receipts by default, and summaries when asked", async () => {
    const transactions = [
      transfer(undefined),
      { ...DEPLOY },
      transfer(undefined, { args: [BOB, "99999999999"] }),
      transfer(undefined, { entrypoint: "loop", args: [] }),
    ];
    const full = await ask("tx_submitBatch", { transactions });
    expect(full.receipts).toMatchObject([
      { status: "success", result: true, logs: [{ event: "Transfer", args: { to: BOB, value: "25" } }] },
      { status: "success", to: null, contractAddress: expect.stringMatching(/^0x/) },
      {
        status: "reverted",
        revert: {
          name: "ERC20InsufficientBalance",
          args: { balance: "1000000" },
          data: expect.stringMatching(/^0xe450d38c/),
        },
      },
      { status: "halted", haltReason: "OutOfGas", logs: [] },
    ]);
    const { receipts } = await ask("tx_submitBatch", { transactions, receipts: "summary" });
    expect(Object.keys(receipts[0])).toEqual(["transactionHash", "status", "gasUsed"]);
    expect(Object.keys(receipts[1])).toEqual(["transactionHash", "status", "gasUsed", "contractAddress"]);
    expect(receipts.map(({ status }: Json) => status)).toEqual(["success", "success", "reverted", "halted"]);
  });

  it("answers the same receipt for the same id, and runs nothing twice", async () => {
    const id = `0x${"1d".repeat(32)}`;
    const first = await ask("tx_submit", { transaction: transfer(undefined, { id }) });
    const executed = auto.engine.executed.length;
    expect(await ask("tx_submit", { transaction: transfer(undefined, { id }) })).toEqual(first);
    expect((await ask("tx_submitBatch", { transactions: [transfer(undefined, { id })] })).receipts).toEqual([first]);
    expect(auto.engine.executed.length).toBe(executed);
  });

  it('answers the hash at once with wait "accepted", for which it needs a nonce or an id', async () => {
    const id = `0x${"ac".repeat(32)}`;
    const sender = `0x${"0a".repeat(20)}`;
    const accepted = await ask("tx_submit", { transaction: transfer(0, { sender }), wait: "accepted" });
    expect(Object.keys(accepted)).toEqual(["transactionHash"]);
    await ask("tx_submit", { transaction: transfer(undefined, { id, sender }), wait: "accepted" });
    expect(await refusalOf("tx_submit", { transaction: transfer(undefined), wait: "accepted" })).toMatchObject({
      code: "NONCE_REQUIRED",
      path: "transaction",
    });
    const batch = await ask("tx_submitBatch", {
      transactions: [transfer(1, { sender }), transfer(undefined, { sender })],
      wait: "accepted",
    });
    expect(batch).toMatchObject({
      blockHeight: null,
      receipts: [
        { transactionHash: expect.any(String) },
        { error: { data: { code: "NONCE_REQUIRED", path: "transactions[1]" } } },
      ],
    });
  });

  it("lets each transaction of a batch fail in its place", async () => {
    const sender = `0x${"0b".repeat(20)}`;
    const bad = [
      { raw: "0x02f8" },
      { ...transfer(0), gaslimit: 1 },
      17,
      null,
      { kind: "burn" },
      transfer(0, { to: "0x12" }),
      transfer(0, { value: "-1" }),
      transfer(99, { sender }),
      transfer(0, { gasLimit: "1e6" }),
    ];
    const transactions = bad.flatMap((transaction, index) => [transaction, transfer(index, { sender })]);
    const { receipts } = await ask("tx_submitBatch", { transactions });
    expect(receipts.filter((_: Json, index: number) => index % 2 === 1).map(({ status }: Json) => status)).toEqual(
      bad.map(() => "success"),
    );
    const codes = receipts
      .filter((_: Json, index: number) => index % 2 === 0)
      .map(({ error }: Json) => [error.data.code, error.data.path]);
    expect(codes).toEqual([
      ["UNSUPPORTED_TRANSACTION", "transactions[0]"],
      ["VALIDATION_ERROR", "transactions[2].gaslimit"],
      ["VALIDATION_ERROR", "transactions[4]"],
      ["VALIDATION_ERROR", "transactions[6]"],
      ["VALIDATION_ERROR", "transactions[8].kind"],
      ["INVALID_ADDRESS", "transactions[10].to"],
      ["INVALID_AMOUNT", "transactions[12].value"],
      ["NONCE_MISMATCH", undefined],
      ["VALIDATION_ERROR", "transactions[16].gasLimit"],
    ]);
    expect((await ask("tx_submitBatch", { transactions: [17, {}] })).receipts).toMatchObject([
      { error: {} },
      { error: {} },
    ]);
  });

  it("refuses an empty batch and one over the limit, whole", async () => {
    expect(await refusalOf("tx_submitBatch", { transactions: [] })).toMatchObject({
      code: "VALIDATION_ERROR",
      path: "transactions",
    });
    const transactions = new Array(1001).fill(transfer(undefined));
    for (const name of ["tx_submitBatch", "tx_simulate"] as const) {
      expect(await refusalOf(name, { transactions })).toMatchObject({
        code: "LIMIT_EXCEEDED",
        limit: "batchMax",
        max: 1000,
        received: 1001,
      });
    }
  });

  it("refuses what is wrong around a transaction", async () => {
    expect(await refusalOf("tx_submit", {})).toMatchObject({ path: "transaction", received: "nothing" });
    expect(await refusalOf("tx_submit", { transaction: 5 })).toMatchObject({ path: "transaction", received: "5" });
    expect(await refusalOf("tx_submit", { transaction: transfer(0), wait: "soon" })).toMatchObject({ path: "wait" });
    expect(await refusalOf("tx_submit", { transaction: transfer(0), recepts: "full" })).toMatchObject({
      path: "recepts",
    });
    expect(await refusalOf("tx_submitBatch", { transactions: [transfer(0)], receipts: "all" })).toMatchObject({
      path: "receipts",
    });
    expect(await refusalOf("tx_submitBatch", { transactions: { 0: transfer(0) } })).toMatchObject({
      path: "transactions",
    });
  });

  it("queries by entrypoint and calldata, at a height too", async () => {
    const holder = `0x${"77".repeat(20)}`;
    const query = { address: token, entrypoint: "balanceOf", args: [holder] };
    const latest = await ask("contract_query", query);
    expect(latest).toMatchObject({ result: "1000000", cached: false, gasUsed: "24000" });
    expect(await ask("contract_query", { ...query, cache: "bypass", caller: ALICE, gasLimit: "50000" })).toEqual(
      latest,
    );
    expect(await ask("contract_query", { ...query, at: 1 })).toMatchObject({ result: "1000000", blockHeight: 1 });
    expect((await ask("contract_query", { address: token, entrypoint: "name" })).result).toBe(
      "Tōkèn “quoted” \u{1F600}",
    );
  });

  it("answers a query that reverted, ran out of gas or was refused as an error", async () => {
    expect(await socket.ask("contract_query", { address: token, entrypoint: "transfer" })).toMatchObject({
      error: { code: 3, data: { code: "REVERTED", revert: { name: "ERC20InsufficientBalance" } } },
    });
    expect(await refusalOf("contract_query", { address: token, entrypoint: "loop" })).toMatchObject({
      code: "GAS_EXHAUSTED",
      gasUsed: "1000",
    });
    expect(await refusalOf("contract_query", { address: token, entrypoint: "nothing" })).toMatchObject({
      code: "UNKNOWN_ENTRYPOINT",
    });
    expect(await refusalOf("contract_query", { address: token })).toMatchObject({
      code: "VALIDATION_ERROR",
      path: "entrypoint",
    });
    expect(await refusalOf("contract_query", { address: "0x12", entrypoint: "name" })).toMatchObject({
      code: "INVALID_ADDRESS",
      path: "address",
    });
    expect(await refusalOf("contract_query", { entrypoint: "name" })).toMatchObject({
      code: "VALIDATION_ERROR",
      path: "address",
    });
    expect(await refusalOf("contract_query", { address: token, entrypoint: "name", caller: "me" })).toMatchObject({
      path: "caller",
    });
    expect(
      await refusalOf("contract_query", { address: token, entrypoint: "name", gasLimit: "10000000001" }),
    ).toMatchObject({ code: "LIMIT_EXCEEDED", limit: "queryGasMax" });
    expect(await refusalOf("contract_query", { address: token, entrypoint: "name", cache: "maybe" })).toMatchObject({
      path: "cache",
    });
    expect(await refusalOf("contract_query", { adress: token, entrypoint: "name" })).toMatchObject({
      path: "adress",
      suggestion: "address",
    });
  });

  it("simulates and estimates without keeping anything", async () => {
    const executed = auto.engine.executed.length;
    expect(await ask("tx_simulate", { transactions: [transfer(0)] })).toMatchObject({
      receipts: [{ status: "success", logs: [{ event: "Transfer" }] }],
      stateDiff: [{ before: null, after: "0x01" }],
    });
    expect(await ask("tx_estimateGas", { transaction: transfer(0) })).toEqual({
      gasLimit: "51234",
      breakdown: { transactionBase: "21000", rest: "30234" },
    });
    const { gasLimit: _, ...unlimited } = transfer(0);
    expect(await ask("tx_estimateGas", { transaction: unlimited })).toMatchObject({ gasLimit: "51234" });
    expect(await refusalOf("tx_estimateGas", { transaction: { raw: "0x" } })).toMatchObject({
      code: "UNSUPPORTED_TRANSACTION",
    });
    expect(auto.engine.executed.length).toBe(executed);
  });

  it("traces a transaction, naming what the contract's interface names", async () => {
    const { transactionHash } = receipt;
    const trace = await ask("tx_trace", { transactionHash });
    expect(new Validator(METHODS.tx_trace.result).refusal(trace)).toBeUndefined();
    expect(trace).toMatchObject({
      transactionHash,
      status: receipt.status,
      gasUsed: receipt.gasUsed,
      frames: [{ parent: null, kind: "call", address: token, entrypoint: "transfer", args: { value: "25" } }],
      omitted: null,
    });
    const unknown = `0x${"00".repeat(32)}`;
    expect(await refusalOf("tx_trace", { transactionHash: unknown })).toMatchObject({ code: "TRANSACTION_NOT_FOUND" });
  });

  it("describes contracts, their state, logs and executions", async () => {
    const contract = await ask("contract_get", { address: token });
    expect(contract).toMatchObject({
      address: token,
      kind: "builtin",
      type: "erc20",
      metadata: { symbol: "MTK" },
      abi: expect.any(Array),
    });
    const { abi: _abi, ...item } = contract;
    expect((await ask("contract_list", {})).items).toContainEqual(item);
    expect(await ask("contract_state", { address: token, prefix: "0x01" })).toEqual({
      items: [{ key: "0x0102", value: "0x03" }],
      nextCursor: null,
    });
    expect((await ask("contract_executions", { address: token })).items.at(-1)).toMatchObject({
      contractAddress: token,
    });
    expect(await refusalOf("contract_get", { address: TOKEN })).toMatchObject({
      code: "CONTRACT_NOT_FOUND",
      address: TOKEN,
    });
  });

  it("pages by cursor, within the limit of a page", async () => {
    const first = await ask("contract_logs", { limit: 2 });
    expect(first).toMatchObject({ items: { length: 2 }, nextCursor: "2" });
    const second = await ask("contract_logs", { limit: 2, cursor: first.nextCursor });
    expect(second.items).not.toEqual(first.items);
    expect(await refusalOf("contract_logs", { limit: 1001 })).toMatchObject({
      code: "LIMIT_EXCEEDED",
      limit: "pageMax",
    });
    expect(await refusalOf("contract_logs", { limit: 0 })).toMatchObject({ code: "VALIDATION_ERROR", path: "limit" });
    expect(await refusalOf("contract_logs", { topics: ["0x12"] })).toMatchObject({ path: "topics[0]" });
    await ask("contract_logs", {
      topics: [null, [first.items[0].topics[1]], first.items[0].topics[2]],
      fromBlock: 1,
      toBlock: 9,
    });
  });

  it("has blocks, accounts, roots and proofs", async () => {
    const block = await ask("block_get", { height: 1 });
    expect(await ask("block_get", { blockHash: block.blockHash })).toEqual(block);
    expect(await ask("block_get", {})).toEqual(await ask("block_get", { height: "latest" }));
    expect(await refusalOf("block_get", { height: 99_999 })).toMatchObject({ code: "BLOCK_NOT_FOUND", height: 99_999 });
    expect(await ask("account_get", { address: ALICE })).toMatchObject({
      address: ALICE,
      bech32: expect.stringMatching(/^poly1/),
      nonce: expect.any(Number),
      balance: "7",
    });
    expect(await ask("state_root", {})).toMatchObject({ stateRoot: expect.any(String) });
    expect(await ask("state_proof", { address: token, key: "0x0102" })).toMatchObject({
      stateKey: `0x13${token.slice(2)}0102`,
      value: null,
      terminal: { kind: "empty" },
      siblings: { length: 1 },
    });
  });

  it("refuses an address whose checksum is wrong", async () => {
    const address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    expect((await ask("account_get", { address })).address).toBe(address.toLowerCase());
    expect(await refusalOf("account_get", { address: address.replace("5aAe", "5AAe") })).toMatchObject({
      code: "INVALID_ADDRESS",
      path: "address",
    });
  });
});
