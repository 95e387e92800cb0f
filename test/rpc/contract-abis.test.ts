/** What calls, answers, errors and logs of a contract mean is said by the ABI that the contract has at the time. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { artifactPaths, buildContract, compile } from "../../contracts/build.mjs";
import { type Client, connect } from "../../src/client/client.ts";
import type { ReceiptJson, TransactionJson } from "../../src/client/methods.ts";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import { createAddress } from "../../src/execution/contract-record.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { ALICE, BOB, temporaryDirectory } from "../support/engine.ts";

const directory = temporaryDirectory();
let daemon: DaemonProcess;
let client: Client;
let code: string;
let counter: string;

const send = async (transaction: Omit<TransactionJson, "gasLimit">): Promise<ReceiptJson> =>
  (await client.call("tx_submit", { transaction: { gasLimit: "100000000", ...transaction } })) as ReceiptJson;
const increment = (amount: string) =>
  send({ kind: "call", sender: BOB, to: counter, entrypoint: "increment", args: [amount] });

beforeAll(async () => {
  code = toHex(readFileSync((await buildContract("counter")).wasm));
  daemon = await startDaemon(join(directory.path, "data"));
  client = await connect({ ipc: daemon.ipc });
  const contract = { type: "wasm", code, init: ["5"] };
  counter = (await send({ kind: "deploy", sender: ALICE, contract })).contractAddress!;
});

afterAll(async () => {
  await client.close();
  await daemon.kill("SIGKILL");
  directory.remove();
});

it("decodes results, events and errors of a contract's own", async () => {
  const receipt = await increment("2");
  expect(receipt).toMatchObject({
    status: "success",
    result: "7",
    logs: [{ event: "Incremented", args: { by: BOB, amount: "2", total: "7" } }],
  });
  const reverted = await increment(String(2n ** 64n - 1n));
  expect(reverted.revert).toMatchObject({
    name: "CounterOverflow",
    message: "CounterOverflow(total: 7, amount: 18446744073709551615)",
    args: { total: "7", amount: "18446744073709551615" },
  });
  expect(await client.call("contract_query", { address: counter, entrypoint: "value" })).toMatchObject({ result: "7" });
  expect(await client.call("tx_receipt", { transactionHash: receipt.transactionHash })).toEqual(receipt);
  const { items: logs } = await client.call("contract_logs", { address: counter });
  expect(logs).toMatchObject([{ event: "Incremented" }]);
  const { items } = await client.call("contract_executions", { address: counter });
  expect(items.map(({ result }) => result)).toContain("7");
});

it("counts failures by the names of a contract's own errors", async () => {
  const reasonsOf = async (method: "contract_health" | "contract_analytics") =>
    (await client.call(method, { address: counter })).errorReasons;
  const named = { reason: "CounterOverflow", count: expect.any(Number) };
  const failed = await increment(String(2n ** 64n - 1n));
  expect(failed).toMatchObject({ status: "reverted" });
  await expect.poll(() => reasonsOf("contract_health")).toContainEqual(named);
  expect(await reasonsOf("contract_analytics")).toContainEqual(named);
});

it("decodes what a batch and a simulation answer, the first time too", async () => {
  const contract = { type: "wasm", code, init: ["1"] };
  const to = (await send({ kind: "deploy", sender: ALICE, contract })).contractAddress!;
  const transaction = {
    kind: "call" as const,
    sender: BOB,
    to,
    gasLimit: "1000000",
    entrypoint: "increment",
    args: ["3"],
  };
  const { receipts } = await client.call("tx_submitBatch", { transactions: [transaction, transaction] });
  expect(receipts).toMatchObject([{ result: "4" }, { result: "7" }]);
  const simulation = await client.call("tx_simulate", { transactions: [transaction] });
  expect(simulation.receipts).toMatchObject([{ result: "10", logs: [{ event: "Incremented" }] }]);
});

it("says why a transaction whose gas is asked for reverts", async () => {
  const args = [String(2n ** 64n - 1n)];
  const transaction = { kind: "call" as const, sender: BOB, to: counter, entrypoint: "increment", args };
  const refused = client.call("tx_estimateGas", { transaction });
  await expect(refused).rejects.toMatchObject({ code: "REVERTED", facts: { revert: { name: "CounterOverflow" } } });
});

it("knows the token's from every contract, and leaves what it does not know as bytes", async () => {
  const token = { type: "erc20", name: "T", symbol: "T", decimals: 0, initialSupply: "1" };
  const to = (await send({ kind: "deploy", sender: ALICE, contract: token })).contractAddress!;
  const moved = await send({ kind: "call", sender: ALICE, to, entrypoint: "transfer", args: [BOB, "1"] });
  expect(moved).toMatchObject({
    result: true,
    logs: [{ event: "Transfer", args: { from: ALICE, to: BOB, value: "1" } }],
  });
  const odd = await send({ kind: "call", sender: ALICE, to: counter, calldata: "0x12345678" });
  expect([odd.status, odd.revert?.name]).toEqual(["reverted", null]);
});

it("goes by the new code's ABI after an upgrade", async () => {
  const source = readFileSync(artifactPaths("counter").source, "utf8")
    .replaceAll("Incremented", "Counted")
    .replace("amount: u64;", "count: u64;");
  const path = "counter/assembly/counter-2.ts";
  const upgraded = toHex(await compile(path, (name) => (name === path ? source : undefined)));
  const before = await increment("1");
  expect(before.logs).toMatchObject([{ event: "Incremented" }]);
  const contract = { type: "wasm", code: upgraded };
  expect((await send({ kind: "upgrade", sender: ALICE, to: counter, contract })).status).toBe("success");
  expect((await increment("1")).logs).toMatchObject([{ event: "Counted", args: { by: BOB, count: "1", total: "9" } }]);
});

it("decodes in a staged block what that block itself deploys", async () => {
  const driven = await startDaemon(join(directory.path, "driven"), { args: ["--http", "off", "--mode", "driven"] });
  const node = await connect({ ipc: driven.ipc });
  const made = createAddress(fromHex(ALICE)!, 0);
  const { blockHash, timestampMs } = await node.call("block_get", { height: 0 });
  const deploy = { kind: "deploy", sender: ALICE, nonce: 0, gasLimit: "100000000" } as const;
  const call = { kind: "call", sender: BOB, to: toHex(made), gasLimit: "1000000", entrypoint: "increment" } as const;
  const transactions: TransactionJson[] = [
    { ...deploy, contract: { type: "wasm", code, init: ["5"] } },
    { ...call, args: ["2"] },
  ];
  const block = await node.call("block_execute", { height: 1, parentHash: blockHash, timestampMs, transactions });
  expect(block.receipts[1]).toMatchObject({ status: "success", result: "7", logs: [{ event: "Incremented" }] });
  await node.call("block_discard", {});
  // Another contract at the same address: nothing is left of what was dropped.
  const token = { type: "erc20", name: "T", symbol: "T", decimals: 0, initialSupply: "9" };
  const other = await node.call("block_execute", {
    height: 1,
    parentHash: blockHash,
    timestampMs,
    transactions: [
      { ...deploy, contract: token },
      { ...call, entrypoint: "totalSupply" },
    ],
  });
  expect(other.receipts[1]).toMatchObject({ status: "success", result: "9" });
  await node.close();
  await driven.kill("SIGKILL");
});
