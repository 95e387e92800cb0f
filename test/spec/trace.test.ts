/** tx_trace over the daemon's own engine: built-in and WebAssembly contracts, names by their interfaces, the window. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Artifact, loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import type { TraceFrameJson, TraceJson } from "../../src/client/methods.ts";
import { toHex } from "../../src/encoding/hex.ts";
import type { TransactionJson } from "../../src/encoding/transaction.ts";
import type { Engine } from "../../src/engine.ts";
import type { EngineOptions } from "../../src/engine-options.ts";
import { METHODS } from "../../src/rpc/methods.ts";
import { traceView } from "../../src/rpc/trace-view.ts";
import { Validator } from "../../src/rpc/validate.ts";
import { echoContract } from "../support/cosmwasm-echo.ts";
import { ALICE, BOB, bytes, deployToken, heightOf, openEngine, rootOf, submit, transfer } from "../support/engine.ts";

const open: Engine[] = [];
let vaultCode: Artifact;

beforeAll(async () => {
  vaultCode = await loadArtifact("vault");
});
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

async function start(options: Partial<EngineOptions> = {}): Promise<Engine> {
  const { engine } = await openEngine(options);
  open.push(engine);
  return engine;
}

async function hashesOf(engine: Engine, transactions: TransactionJson[]): Promise<string[]> {
  const fates = await submit(engine, transactions);
  return fates.map((fate) => {
    if ("rejection" in fate) throw new Error(JSON.stringify(fate.rejection));
    return fate.hash;
  });
}

async function trace(engine: Engine, hash: string): Promise<TraceJson> {
  const located = (await engine.service.transaction(bytes(hash)))!;
  const view = traceView(located, await engine.service.trace(located));
  expect(new Validator(METHODS.tx_trace.result).refusal(JSON.parse(JSON.stringify(view)))).toBeUndefined();
  return view;
}

const balanceKey = (holder: string) => `0x${Buffer.from("bal:").toString("hex")}${holder.slice(2)}`;

function stepsOf(frame: TraceFrameJson | undefined, op: string) {
  return frame?.steps.filter((step) => step.op === op);
}

describe("a trace", () => {
  it("shows what a CosmWasm contract deploys, with the message that it wrote", async () => {
    const engine = await start();
    const empty = { ok: { messages: [], attributes: [], events: [], data: null } };
    const deploy = (more: Record<string, unknown>): TransactionJson => ({
      kind: "deploy",
      sender: ALICE,
      gasLimit: 100_000_000,
      contract: { type: "wasm", init: empty, ...more },
    });
    const [fate] = await submit(engine, [deploy({ code: toHex(await echoContract()) })]);
    if (fate === undefined || "rejection" in fate) throw new Error(JSON.stringify(fate));
    const factory = toHex(fate.receipt.contractAddress!);
    const msg = Buffer.from(JSON.stringify(empty)).toString("base64");
    const instantiate = { admin: null, code_id: 1, msg, funds: [], label: "child" };
    const submessage = { id: 1, msg: { wasm: { instantiate } }, gas_limit: null, reply_on: "never" };
    const call = { ok: { ...empty.ok, messages: [submessage] } };
    const [hash] = await hashesOf(engine, [
      { kind: "call", sender: BOB, to: factory, gasLimit: 10_000_000, msg: call } as TransactionJson,
    ]);
    const { frames } = await trace(engine, hash!);
    expect(frames).toMatchObject([
      { kind: "call", address: factory, status: "success" },
      { kind: "deploy", parent: 0, caller: factory, status: "success", msg: { type: "wasm", init: empty } },
    ]);
    expect(frames[1]!.address).not.toBe(factory);
  });

  it("shows what a token's transfer reads, writes and logs, and its gas", async () => {
    const engine = await start();
    const token = await deployToken(engine);
    const [first, second] = await hashesOf(engine, [transfer(token, ALICE, BOB, 5), transfer(token, ALICE, BOB, 7)]);
    const root = rootOf(engine);
    expect(await trace(engine, second!)).toMatchObject({
      transactionHash: second,
      transactionIndex: 1,
      status: "success",
      omitted: null,
      frames: [
        {
          parent: null,
          kind: "call",
          address: token,
          contract: { kind: "builtin", type: "erc20" },
          caller: ALICE,
          entrypoint: "transfer",
          args: { to: BOB, value: "7" },
          status: "success",
          result: true,
          gas: { stateRead: "4200", stateWrite: "5800", log: "1756" },
          steps: [
            { op: "read", key: balanceKey(ALICE), value: "0x0f423b" },
            { op: "write", key: balanceKey(ALICE), before: "0x0f423b", after: "0x0f4234" },
            { op: "read", key: balanceKey(BOB), value: "0x05" },
            { op: "write", key: balanceKey(BOB), before: "0x05", after: "0x0c" },
            { op: "log", logIndex: 0, event: "Transfer", args: { from: ALICE, to: BOB, value: "7" } },
          ],
        },
      ],
    });
    expect((await trace(engine, first!)).frames[0]?.gas).toMatchObject({ stateCreate: "20000" });
    expect(rootOf(engine)).toBe(root);
  });

  it("shows the error as the contract raised it, and no log of what was reverted", async () => {
    const engine = await start();
    const token = await deployToken(engine);
    const [hash] = await hashesOf(engine, [transfer(token, BOB, ALICE, 5)]);
    expect((await trace(engine, hash!)).frames).toMatchObject([
      { status: "reverted", revert: { name: "ERC20InsufficientBalance", args: { sender: BOB, needed: "5" } } },
    ]);
  });

  it("shows each call of a WebAssembly contract into another kind, with the gas of each alone", async () => {
    const engine = await start();
    const token = await deployToken(engine);
    const [fate] = await submit(engine, [
      {
        kind: "deploy",
        sender: ALICE,
        gasLimit: 100_000_000,
        contract: { type: "wasm", code: toHex(vaultCode.code), init: [token] },
      },
    ]);
    const vault = toHex((fate as { receipt: { contractAddress: Uint8Array } }).receipt.contractAddress);
    const call = (entrypoint: string, args: string[], sender = ALICE): TransactionJson => {
      return { kind: "call", sender, gasLimit: 10_000_000, to: vault, entrypoint, args };
    };
    const approve: TransactionJson = { ...transfer(token, ALICE, vault, 100), entrypoint: "approve" };
    const [, deposited, refused] = await hashesOf(engine, [
      approve,
      call("deposit", ["60", BOB]),
      call("deposit", ["60", BOB], BOB),
    ]);
    const { frames, gasUsed, intrinsicGas } = await trace(engine, deposited!);
    expect(frames[0]).toMatchObject({
      contract: { kind: "wasm" },
      entrypoint: "deposit",
      args: { assets: "60", owner: BOB },
      result: "60",
    });
    const moved = frames.find(({ entrypoint }) => entrypoint === "transferFrom");
    expect(moved).toMatchObject({ parent: 0, depth: 1, caller: vault, contract: { kind: "builtin", type: "erc20" } });
    expect(Number(frames[0]!.gas["instructions"])).toBeGreaterThan(0);
    const own = [...Object.values(intrinsicGas), ...frames.map(({ ownGas }) => ownGas)].map(Number);
    expect(own.reduce((sum, gas) => sum + gas, 0)).toBe(Number(gasUsed));
    expect(stepsOf(frames[0], "log")).toMatchObject([{ event: "Deposit", args: { assets: "60" } }]);

    const failed = await trace(engine, refused!);
    expect(failed.frames.map(({ status }) => status)).toContain("reverted");
    expect(failed.frames.at(-1)?.revert?.name).toBe("ERC20InsufficientAllowance");
    expect(failed.frames[0]?.revert?.name).toBe("ERC20InsufficientAllowance");
  });

  it("shows a deployment, and transactions in which no contract runs", async () => {
    const engine = await start({ balances: [{ address: bytes(ALICE), balance: 10n }] });
    const [deployed] = await submit(engine, [
      {
        kind: "deploy",
        sender: ALICE,
        gasLimit: 10_000_000,
        contract: { type: "erc20", name: "T", symbol: "T", decimals: 0, initialSupply: "9" },
      },
    ]);
    const { hash, receipt } = deployed as { hash: string; receipt: { contractAddress: Uint8Array } };
    const token = toHex(receipt.contractAddress);
    expect((await trace(engine, hash)).frames).toMatchObject([
      { kind: "deploy", address: token, msg: { type: "erc20", initialSupply: "9" }, status: "success" },
    ]);
    const [sent, paused, called] = await hashesOf(engine, [
      { kind: "call", sender: ALICE, gasLimit: 100_000, to: BOB, value: "4" },
      { kind: "setStatus", sender: ALICE, gasLimit: 100_000, to: token, status: "paused" },
      transfer(token, ALICE, BOB, 1),
    ]);
    expect((await trace(engine, sent!)).frames).toMatchObject([
      { kind: "call", address: BOB, contract: null, value: "4", gasUsed: "0", status: "success" },
    ]);
    expect(await trace(engine, paused!)).toMatchObject({ frames: [], intrinsicGas: { stateWrite: "2900" } });
    expect((await trace(engine, called!)).frames).toMatchObject([
      { status: "reverted", revert: { name: "ContractPaused", args: { contract: token } } },
    ]);
  });

  it("is had within the retained window only, and names the lowest block", async () => {
    const engine = await start({ retention: { undoBlocks: 2, undoMs: 0, undoMaxBytes: 1 << 20 } });
    const token = await deployToken(engine);
    const hashes: string[] = [];
    for (let i = 0; i < 4; i++) hashes.push(...(await hashesOf(engine, [transfer(token, ALICE, BOB, 1)])));
    const heights = heightOf(engine);
    await trace(engine, hashes[3]!);
    await trace(engine, hashes[2]!);
    await expect(trace(engine, hashes[1]!)).rejects.toMatchObject({
      code: "PRUNED",
      facts: { height: heights - 2, lowestHeight: heights - 1 },
    });
  });

  it("follows a rollback: what is gone has no trace, what took its place has its own", async () => {
    const engine = await start();
    const token = await deployToken(engine);
    const height = heightOf(engine);
    const [gone] = await hashesOf(engine, [transfer(token, ALICE, BOB, 1)]);
    const located = (await engine.service.transaction(bytes(gone!)))!;
    await engine.service.blockRollback(height);
    await expect(engine.service.trace(located)).rejects.toMatchObject({ code: "TRANSACTION_NOT_FOUND" });
    const [again] = await hashesOf(engine, [transfer(token, ALICE, BOB, 2)]);
    expect((await trace(engine, again!)).frames[0]?.args).toEqual({ to: BOB, value: "2" });
  });
});
