/** The contracts on the engine itself: admitted, metered, calling the built-in ERC-20 and one another. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Artifact, loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import { ContractInterface } from "../../contracts/sdk/testing/contract-interface.ts";
import { TestChain } from "../../contracts/sdk/testing/test-chain.ts";
import { toHex } from "../../src/encoding/hex.ts";
import type { Receipt } from "../../src/encoding/receipt.ts";
import { alice, bob, carol } from "../support/contract-calls.ts";
import { WasmChain } from "../support/wasm-chain.ts";

const DEADLINE_MS = "1700000001000";
/** Admission charges by byte of code. */
const DEPLOY_GAS = 100_000_000;

const artifacts: Record<string, Artifact> = {};
let chain: WasmChain;
beforeAll(async () => {
  for (const name of ["token", "escrow", "vault", "counter"]) artifacts[name] = await loadArtifact(name);
});
beforeEach(() => {
  chain = new WasmChain();
});

function deploy(name: string, init: readonly unknown[], sender = alice): string {
  const contract = { type: "wasm", code: toHex(artifacts[name]!.code), init };
  const receipt = chain.send({ kind: "deploy", sender, gasLimit: DEPLOY_GAS, contract });
  expect([receipt.status, toHex(receipt.returnData)]).toEqual(["success", "0x"]);
  return toHex(receipt.contractAddress!);
}

function builtinToken(supply: string): string {
  const parameters = { type: "erc20", name: "Gold", symbol: "GLD", decimals: 18, initialSupply: supply };
  return toHex(chain.deploy(alice, parameters).contractAddress!);
}

function call(to: string, entrypoint: string, args: readonly unknown[], sender = alice): Receipt {
  return chain.call({ sender, to, entrypoint, args });
}

function done(to: string, entrypoint: string, args: readonly unknown[], sender = alice): void {
  expect([entrypoint, call(to, entrypoint, args, sender).status]).toEqual([entrypoint, "success"]);
}

/** The only value that a view answers. */
function view(name: string, to: string, entrypoint: string, args: readonly unknown[] = []): unknown {
  const { returnData } = chain.query({ sender: alice, to, entrypoint, args });
  return new ContractInterface(artifacts[name]!.abi).decodeResult(entrypoint, returnData);
}

function errorOf(name: string, receipt: Receipt): unknown {
  expect(receipt.status).toBe("reverted");
  return new ContractInterface(artifacts[name]!.abi).decodeError(receipt.returnData);
}

describe("on the engine", () => {
  it("the token answers and logs as through the loader", () => {
    const local = new TestChain();
    const token = local.deploy(artifacts["token"]!, ["Gold", "GLD", 18, "1000"], { from: alice });
    const address = deploy("token", ["Gold", "GLD", 18, "1000"]);
    const steps: [string, string, string[]][] = [
      [alice, "transfer", [bob, "40"]],
      [bob, "transfer", [carol, "41"]],
      [bob, "approve", [carol, "7"]],
      [carol, "transferFrom", [bob, alice, "7"]],
      [carol, "transferFrom", [bob, alice, "1"]],
      [alice, "mint", [carol, (2n ** 256n - 1n).toString()]],
      [alice, "burn", ["3"]],
      [bob, "mint", [bob, "1"]],
    ];
    for (const [sender, entrypoint, args] of steps) {
      const start = local.state.logs.length;
      const expected = token.call(entrypoint, args, { from: sender });
      const receipt = call(address, entrypoint, args, sender);
      expect([entrypoint, receipt.status]).toEqual([entrypoint, expected.status]);
      if (receipt.status === "reverted") expect(errorOf("token", receipt)).toEqual(expected.error);
      expect(receipt.logs.map(({ topics, data }) => ({ topics, data }))).toEqual(
        local.state.logs.slice(start).map(({ topics, data }) => ({ topics, data })),
      );
    }
    expect(["name", "symbol", "decimals", "totalSupply"].map((name) => view("token", address, name))).toEqual([
      "Gold",
      "GLD",
      "18",
      "997",
    ]);
  });

  it("every part of the SDK is admitted, and answers as through the loader", async () => {
    artifacts["probe"] = await loadArtifact("contracts/sdk/fixtures/probe");
    const local = new TestChain().deploy(artifacts["probe"], [], { from: alice });
    const address = deploy("probe", []);
    const max = (2n ** 256n - 1n).toString();
    const key = `0x${"5e".repeat(32)}`;
    for (const [entrypoint, args] of [
      ["put", ["256", "two"]],
      ["put", ["1", "one"]],
      ["putRow", ["k", "name", max, "7", "-5", bob, key, "0xdead"]],
      ["putPair", ["ab", "7", carol]],
    ] as const) {
      expect(local.call(entrypoint, args, { from: alice }).status).toBe("success");
      done(address, entrypoint, args);
    }
    for (const [entrypoint, args] of [
      ["textKeys", [false]],
      ["textKeys", [true]],
      ["textValues", []],
      ["row", ["k"]],
      ["pairKeys", ["ab"]],
      ["mulDiv", [max, "3".padEnd(77, "0"), max]],
      ["decimal", [max]],
      ["echoTexts", [["a", "é", ""]]],
      ["echoNested", [[["1"], [], ["2", "3"]]]],
      ["digests", ["0x0102"]],
      ["addressText", [bob]],
    ] as const) {
      const answer = view("probe", address, entrypoint, args);
      expect([entrypoint, answer]).toEqual([entrypoint, local.query(entrypoint, args)]);
    }
    expect(errorOf("probe", call(address, "asserts", [false]))).toMatchObject({ name: "Error" });
    expect(call(address, "halt", []).status).toBe("halted");
    // A callee that halts spends what it was given, which is all of the caller's where the call sets no limit.
    expect(call(address, "haltAt", [address]).status).toBe("halted");
  });

  it("the counter counts, and reverts with its own error", () => {
    const address = deploy("counter", ["18446744073709551614"]);
    done(address, "increment", ["1"]);
    expect(view("counter", address, "value")).toBe("18446744073709551615");
    expect(errorOf("counter", call(address, "increment", ["1"]))).toMatchObject({ name: "CounterOverflow" });
  });

  it("the vault holds the built-in ERC-20", () => {
    const gold = builtinToken("1000");
    const vault = deploy("vault", [gold]);
    done(gold, "approve", [vault, "600"]);
    done(vault, "deposit", ["600", bob]);
    expect([view("vault", vault, "totalAssets"), view("vault", vault, "balanceOf", [bob])]).toEqual(["600", "600"]);
    const refused = call(vault, "deposit", ["1", bob]);
    expect(refused.status).toBe("reverted");
    done(vault, "redeem", ["250", carol], bob);
    expect([view("token", gold, "balanceOf", [carol]), view("token", gold, "balanceOf", [vault])]).toEqual([
      "250",
      "350",
    ]);
  });

  it("the escrow pays milestones in the token of another contract, built in or not", () => {
    for (const gold of [builtinToken("1000"), deploy("token", ["Gold", "GLD", 18, "1000"])]) {
      const escrow = deploy("escrow", []);
      done(gold, "approve", [escrow, "600"]);
      done(escrow, "open", [bob, carol, gold, DEADLINE_MS, ["100", "200", "300"]]);
      expect(errorOf("escrow", call(escrow, "release", ["1"], bob))).toMatchObject({ name: "NotAllowed" });
      done(escrow, "release", ["1"]);
      expect(view("escrow", escrow, "milestones", ["1"])).toEqual(["100", "200", "300"]);
      done(escrow, "settle", ["1", "200"], carol);
      expect([view("token", gold, "balanceOf", [bob]), view("token", gold, "balanceOf", [escrow])]).toEqual([
        "300",
        "0",
      ]);
    }
  });

  it("a call runs out of gas, whatever the contract was about to do, and keeps nothing", () => {
    const gold = builtinToken("1000");
    const vault = deploy("vault", [gold]);
    done(gold, "approve", [vault, "600"]);
    done(vault, "deposit", ["1", bob]);
    const gasUsed = Number(call(vault, "deposit", ["1", bob]).gasUsed);
    for (const part of [0.5, 0.7, 0.9, 0.95]) {
      const gasLimit = Math.floor(gasUsed * part);
      const receipt = chain.call({ sender: alice, to: vault, entrypoint: "deposit", args: ["1", bob], gasLimit });
      expect(receipt.status).not.toBe("success");
      expect(view("vault", vault, "totalAssets")).toBe("2");
    }
  });
});
