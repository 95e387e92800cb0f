/** The token: its rules, and the same calls as the built-in ERC-20 with the same outcome, logs and state. */
import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Artifact, loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import { ContractInterface } from "../../contracts/sdk/testing/contract-interface.ts";
import { TestChain, type TestContract } from "../../contracts/sdk/testing/test-chain.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { alice, bob, carol, expectCall, nobody } from "../support/contract-calls.ts";
import { InlineChain } from "../support/inline-chain.ts";

const UINT256_MAX = (2n ** 256n - 1n).toString();

let artifact: Artifact;
let token: TestContract;
beforeAll(async () => {
  artifact = await loadArtifact("token");
});
beforeEach(() => {
  token = new TestChain().deploy(artifact, ["Gold", "GLD", 18, "1000"], { from: alice });
});

describe("token", () => {
  it("belongs to who deployed it, with the first supply", () => {
    const answers = ["name", "symbol", "decimals", "totalSupply", "owner"].map((view) => token.query(view));
    expect(answers).toEqual(["Gold", "GLD", "18", "1000", alice]);
    expect(token.query("balanceOf", [alice])).toBe("1000");
  });

  it("moves what the holder has, and not one unit more", () => {
    expectCall(token, "transfer", [bob, "1000"], {
      from: alice,
      result: true,
      events: [["Transfer", { from: alice, to: bob, value: "1000" }]],
    });
    expectCall(token, "transfer", [bob, "1"], {
      from: alice,
      error: ["ERC20InsufficientBalance", { sender: alice, balance: "0", needed: "1" }],
    });
  });

  it("leaves a holder who sends to themselves with the same balance", () => {
    expectCall(token, "transfer", [alice, "1000"], { from: alice });
    expect(token.query("balanceOf", [alice])).toBe("1000");
  });

  it("reduces an allowance by what is spent, and one without end never", () => {
    expectCall(token, "approve", [carol, "10"], { from: alice });
    expectCall(token, "transferFrom", [alice, bob, "4"], { from: carol });
    expect(token.query("allowance", [alice, carol])).toBe("6");
    expectCall(token, "transferFrom", [alice, bob, "7"], {
      from: carol,
      error: ["ERC20InsufficientAllowance", { spender: carol, allowance: "6", needed: "7" }],
    });
    expectCall(token, "approve", [carol, UINT256_MAX], { from: alice });
    expectCall(token, "transferFrom", [alice, bob, "7"], { from: carol });
    expect(token.query("allowance", [alice, carol])).toBe(UINT256_MAX);
  });

  it("is minted by its owner only, up to 2^256-1 in all", () => {
    expectCall(token, "mint", [bob, "1"], { from: bob, error: ["OwnableUnauthorizedAccount", { account: bob }] });
    expectCall(token, "mint", [bob, UINT256_MAX], { from: alice, error: ["Panic", { code: "17" }] });
    expectCall(token, "mint", [bob, "5"], {
      from: alice,
      events: [["Transfer", { from: nobody, to: bob, value: "5" }]],
    });
    expect(token.query("totalSupply")).toBe("1005");
  });

  it("changes hands", () => {
    expectCall(token, "transferOwnership", [nobody], {
      from: alice,
      error: ["OwnableInvalidOwner", { owner: nobody }],
    });
    expectCall(token, "transferOwnership", [bob], { from: alice });
    expectCall(token, "mint", [bob, "1"], { from: alice, error: ["OwnableUnauthorizedAccount", { account: alice }] });
    expectCall(token, "mint", [bob, "1"], { from: bob });
  });
});

const ACCOUNTS = [alice, bob, carol, nobody];
const account = fc.constantFrom(...ACCOUNTS);
const amount = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt(0n, 60n).map(String) },
  { weight: 1, arbitrary: fc.constantFrom("0", "1000", "1001", UINT256_MAX) },
);
const step = fc.record({
  from: fc.constantFrom(alice, alice, ...ACCOUNTS),
  call: fc.oneof(
    fc.tuple(fc.constantFrom("transfer", "approve", "mint"), fc.tuple(account, amount)),
    fc.tuple(fc.constant("transferFrom"), fc.tuple(account, account, amount)),
    fc.tuple(fc.constant("burn"), fc.tuple(amount)),
    fc.tuple(fc.constant("transferOwnership"), fc.tuple(account)),
    fc.tuple(fc.constantFrom("totalSupply", "owner", "decimals"), fc.constant([] as string[])),
    fc.tuple(fc.constant("balanceOf"), fc.tuple(account)),
    fc.tuple(fc.constant("allowance"), fc.tuple(account, account)),
  ),
});

describe("against the built-in ERC-20", () => {
  it("answers, logs and reverts the same, byte by byte", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => {
        const chain = new TestChain();
        const ours = chain.deploy(artifact, ["Gold", "GLD", 18, "1000"], { from: alice });
        const face = new ContractInterface(artifact.abi);
        const inline = new InlineChain();
        const parameters = { type: "erc20", name: "Gold", symbol: "GLD", decimals: 18, initialSupply: "1000" };
        const builtin = inline.deploy(alice, { ...parameters, mintable: true, burnable: true });
        const to = toHex(builtin.contractAddress!);
        for (const { from, call } of steps) {
          const [entrypoint, args] = call;
          const calldata = face.encodeCall(entrypoint, args);
          const start = chain.state.logs.length;
          const outcome = chain.send(ours.address, calldata, { from });
          const receipt = inline.call({ sender: from, to, calldata: toHex(calldata) });
          const logs = chain.state.logs
            .slice(start)
            .map(({ topics, data }) => [topics.map((topic) => toHex(topic)), toHex(data)]);
          expect([entrypoint, outcome.status, toHex(outcome.returnData), logs]).toEqual([
            entrypoint,
            receipt.status,
            toHex(receipt.returnData),
            receipt.logs.map(({ topics, data }) => [topics.map((topic) => toHex(topic)), toHex(data)]),
          ]);
        }
      }),
      { numRuns: 60 },
    );
  });
});
