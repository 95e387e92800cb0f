/** What a deployment may say, and what its constructor does. */
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { EngineError } from "../../src/errors.ts";
import { alice, describeLogs, describeRevert, issuer, nobody, UINT256_MAX } from "../support/erc20-scenario.ts";
import { InlineChain } from "../support/inline-chain.ts";

const TOKEN = { type: "erc20", name: "Token", symbol: "TKN", decimals: 18, initialSupply: "1000" };

function deploy(contract: Record<string, unknown>, value?: string) {
  return new InlineChain({ balances: { [issuer]: 10n } }).deploy(issuer, { ...TOKEN, ...contract }, value);
}

function refusalOf(contract: Record<string, unknown>): EngineError {
  try {
    deploy(contract);
  } catch (refusal) {
    if (refusal instanceof EngineError) return refusal;
    throw refusal;
  }
  throw new Error("the deployment was accepted");
}

describe("a deployment", () => {
  it("gives the supply to the deployer, with a Transfer from the zero address", () => {
    expect(describeLogs(deploy({}))).toEqual([["Transfer", nobody, issuer, "1000"]]);
  });

  it("gives the supply to the owner that it names", () => {
    expect(describeLogs(deploy({ owner: alice }))).toEqual([["Transfer", nobody, alice, "1000"]]);
  });

  it("logs the owner before the supply where there is something to own", () => {
    const logs = [
      ["OwnershipTransferred", nobody, alice],
      ["Transfer", nobody, alice, "1000"],
    ];
    expect(describeLogs(deploy({ owner: alice, mintable: true }))).toEqual(logs);
    expect(describeLogs(deploy({ owner: alice, pausable: true }))).toEqual(logs);
  });

  it("logs a Transfer of nothing where the supply is zero", () => {
    expect(describeLogs(deploy({ initialSupply: "0" }))).toEqual([["Transfer", nobody, issuer, "0"]]);
  });

  it("takes the whole of a uint256, and a supply that equals the cap", () => {
    const most = String(UINT256_MAX);
    expect(deploy({ initialSupply: most, cap: most }).status).toBe("success");
  });

  it.each([
    ["a cap of zero", { cap: "0", initialSupply: "0" }, "ERC20InvalidCap"],
    ["a supply over the cap", { cap: "999" }, "ERC20ExceededCap"],
    ["the zero address as owner of the supply", { owner: nobody }, "ERC20InvalidReceiver"],
    ["the zero address as owner of the contract", { owner: nobody, mintable: true }, "OwnableInvalidOwner"],
    ["a cap of zero before the zero address", { owner: nobody, mintable: true, cap: "0" }, "ERC20InvalidCap"],
  ])("reverts in the constructor for %s", (_, contract, error) => {
    const receipt = deploy(contract);
    expect(describeRevert(receipt)?.name).toBe(error);
    expect(receipt.contractAddress).toBeUndefined();
  });

  it("reverts without data when native value comes with it", () => {
    const receipt = deploy({}, "1");
    expect({ status: receipt.status, returnData: toHex(receipt.returnData) }).toEqual({
      status: "reverted",
      returnData: "0x",
    });
  });

  it.each([
    ["name", undefined],
    ["name", 7],
    ["name", "é".repeat(129)],
    ["name", "half a pair: \ud800"],
    ["symbol", "x".repeat(257)],
    ["decimals", -1],
    ["decimals", 256],
    ["decimals", 1.5],
    ["decimals", "18"],
    ["mintable", "yes"],
    ["pausable", null],
    ["burnable", 1],
  ])("is refused for %s %j, by its path", (key, value) => {
    // What is no whole number is refused when the transaction is encoded, before the contract sees it.
    const refusal = refusalOf({ [key]: value });
    expect(refusal.code).toBe("VALIDATION_ERROR");
    if (value !== 1.5) expect(refusal.facts["path"]).toBe(`contract.${key}`);
  });

  it("takes names of 256 bytes", () => {
    expect(deploy({ name: "é".repeat(128), symbol: "x".repeat(256) }).status).toBe("success");
  });

  it.each([
    ["initialSupply", undefined],
    ["initialSupply", "-1"],
    ["initialSupply", "01"],
    ["initialSupply", "1e3"],
    ["initialSupply", "0x10"],
    ["initialSupply", String(UINT256_MAX + 1n)],
    ["cap", ""],
    ["cap", null],
    ["cap", "9".repeat(79)],
  ])("is refused for %s %j as no amount", (key, value) => {
    expect(refusalOf({ [key]: value })).toMatchObject({ code: "INVALID_AMOUNT", facts: { path: `contract.${key}` } });
  });

  it.each(["", "0x", "alice", `${alice}00`, null])("is refused for the owner %j as no address", (owner) => {
    expect(refusalOf({ owner })).toMatchObject({ code: "INVALID_ADDRESS", facts: { path: "contract.owner" } });
  });

  it("is refused for a key that it does not know, with the nearest one", () => {
    const refusal = refusalOf({ mintible: true });
    expect(refusal).toMatchObject({
      code: "VALIDATION_ERROR",
      facts: { path: "contract.mintible", nearest: ["mintable"] },
    });
  });

  it("shares its code with those that differ in supply and owner only", () => {
    const chain = new InlineChain();
    const codeHashes = [{}, { initialSupply: "5", owner: alice }, { decimals: 6 }].map((contract) => {
      const { contractAddress } = chain.deploy(issuer, { ...TOKEN, ...contract });
      return toHex(chain.executor.engine.contracts.resolve(contractAddress!, 0)!.info.codeHash);
    });
    expect(codeHashes[1]).toBe(codeHashes[0]);
    expect(codeHashes[2]).not.toBe(codeHashes[0]);
  });
});

describe("the interface of a token", () => {
  it.each([
    [{}, []],
    [{ mintable: true }, ["mint", "owner", "renounceOwnership", "transferOwnership"]],
    [{ burnable: true }, ["burn", "burnFrom"]],
    [{ pausable: true }, ["owner", "pause", "paused", "renounceOwnership", "transferOwnership", "unpause"]],
    [{ cap: "1000" }, ["cap"]],
  ])("with %j has besides what every token has: %j", (options, added) => {
    const names = (contract: Record<string, unknown>) => {
      const chain = new InlineChain();
      const abi = chain.abi(toHex(chain.deploy(issuer, { ...TOKEN, ...contract }).contractAddress!));
      return abi.filter(({ type }) => type === "function").map(({ name }) => name);
    };
    const always = names({});
    expect(always).toHaveLength(15);
    expect(
      names(options)
        .filter((name) => !always.includes(name))
        .sort(),
    ).toEqual(added);
  });
});
