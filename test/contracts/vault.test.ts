/** The vault over the token, through AssemblyScript's loader. */
import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Artifact, loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import { TestChain, type TestContract } from "../../contracts/sdk/testing/test-chain.ts";
import { alice, bob, carol, expectCall, nobody } from "../support/contract-calls.ts";

const UINT256_MAX = (2n ** 256n - 1n).toString();

let artifacts: { vault: Artifact; token: Artifact };
let chain: TestChain;
let token: TestContract;
let vault: TestContract;

beforeAll(async () => {
  artifacts = { vault: await loadArtifact("vault"), token: await loadArtifact("token") };
});
beforeEach(() => {
  chain = new TestChain();
  token = chain.deploy(artifacts.token, ["Gold", "GLD", 18, "3000"], { from: alice });
  vault = chain.deploy(artifacts.vault, [token.address], { from: alice });
  for (const holder of [alice, bob, carol]) {
    if (holder !== alice) expectCall(token, "transfer", [holder, "1000"], { from: alice });
    expectCall(token, "approve", [vault.address, UINT256_MAX], { from: holder });
  }
});

const held = (account: string) => token.query("balanceOf", [account]);

describe("vault", () => {
  it("gives one share for one token while it is empty, and takes it back", () => {
    expectCall(vault, "deposit", ["100", bob], { from: alice, result: "100" });
    expect(["totalAssets", "totalSupply"].map((view) => vault.query(view))).toEqual(["100", "100"]);
    expectCall(vault, "redeem", ["100", carol], { from: bob, result: "100" });
    expect([held(carol), vault.query("totalSupply")]).toEqual(["1100", "0"]);
  });

  it("raises what a share is worth by gifts", () => {
    expectCall(vault, "deposit", ["99", alice], { from: alice });
    expectCall(token, "transfer", [vault.address, "100"], { from: bob });
    expect(vault.query("convertToAssets", ["99"])).toBe("198");
    expectCall(vault, "deposit", ["100", carol], { from: carol, result: "50" });
  });

  it("redeems no more than the caller has", () => {
    expectCall(vault, "deposit", ["10", alice], { from: alice });
    expectCall(vault, "redeem", ["1", bob], {
      from: bob,
      error: ["VaultInsufficientShares", { owner: bob, shares: "0", needed: "1" }],
    });
  });

  it("passes on the token's error when the caller has too little, and keeps nothing", () => {
    const before = vault.stored();
    const report = vault.call("deposit", ["1001", alice], { from: alice });
    expect(report.status).toBe("reverted");
    expect(vault.stored()).toEqual(before);
  });

  it("refuses a deposit that would buy no share", () => {
    expectCall(vault, "deposit", ["1", alice], { from: alice });
    expectCall(token, "transfer", [vault.address, "900"], { from: alice });
    expectCall(vault, "deposit", ["1", bob], { from: bob, error: ["VaultZeroShares", { assets: "1" }] });
  });

  it("is not deployed over what is no token", () => {
    expect(() => chain.deploy(artifacts.vault, [nobody], { from: alice })).toThrow("VaultInvalidAsset");
    expect(() => chain.deploy(artifacts.vault, [bob], { from: alice })).toThrow("was not deployed");
  });

  it("never pays out more than came in, whatever is deposited, given and redeemed", () => {
    const who = fc.constantFrom(alice, bob, carol);
    const step = fc.tuple(fc.constantFrom("deposit", "redeem", "gift"), who, fc.bigInt(0n, 400n).map(String));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const world = new TestChain();
        const coin = world.deploy(artifacts.token, ["Gold", "GLD", 18, "3000"], { from: alice });
        const box = world.deploy(artifacts.vault, [coin.address], { from: alice });
        for (const holder of [bob, carol]) coin.call("transfer", [holder, "1000"], { from: alice });
        for (const holder of [alice, bob, carol]) coin.call("approve", [box.address, UINT256_MAX], { from: holder });
        for (const [kind, from, amount] of steps) {
          if (kind === "gift") coin.call("transfer", [box.address, amount], { from });
          else box.call(kind, [amount, from], { from });
          const shares = [alice, bob, carol].map((holder) => BigInt(box.query("balanceOf", [holder]) as string));
          expect(shares.reduce((sum, one) => sum + one, 0n).toString()).toBe(box.query("totalSupply"));
        }
        for (const holder of [alice, bob, carol]) {
          const shares = box.query("balanceOf", [holder]);
          expectCall(box, "redeem", [shares, holder], { from: holder });
        }
        expect(box.query("totalSupply")).toBe("0");
      }),
      { numRuns: 40 },
    );
  });
});
