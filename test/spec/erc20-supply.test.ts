/** mint, burn, burnFrom and the cap. */
import { describe, it } from "vitest";
import {
  alice,
  BURNABLE,
  bob,
  erc20Scenario,
  issuer,
  MINTABLE,
  nobody,
  UINT256_MAX,
} from "../support/erc20-scenario.ts";

describe("mint", () => {
  it("makes tokens for whom the owner names, and logs a Transfer from the zero address", () =>
    erc20Scenario({
      token: MINTABLE,
      pre: { balances: { [alice]: 5n } },
      tx: { from: issuer, entrypoint: "mint", args: [alice, "7"] },
      expect: {
        status: "success",
        result: null,
        logs: [["Transfer", nobody, alice, "7"]],
        balances: { [alice]: 12n },
        supply: 12n,
      },
    }));

  it("is the owner's alone, whatever the arguments", () =>
    erc20Scenario({
      token: MINTABLE,
      tx: { from: alice, entrypoint: "mint", args: [nobody, "7"] },
      expect: { status: "reverted", error: "OwnableUnauthorizedAccount", errorArgs: { account: alice }, supply: 0n },
    }));

  it("to the zero address is refused", () =>
    erc20Scenario({
      token: MINTABLE,
      tx: { from: issuer, entrypoint: "mint", args: [nobody, "7"] },
      expect: { status: "reverted", error: "ERC20InvalidReceiver", errorArgs: { receiver: nobody } },
    }));

  it("panics with 0x11 when the supply would be over 2^256-1", () =>
    erc20Scenario({
      token: MINTABLE,
      pre: { supply: UINT256_MAX },
      tx: { from: issuer, entrypoint: "mint", args: [alice, "1"] },
      expect: { status: "reverted", error: "Panic", errorArgs: { code: "17" }, supply: UINT256_MAX },
    }));

  it("is refused while paused", () =>
    erc20Scenario({
      token: { mintable: true, pausable: true },
      pre: { paused: true },
      tx: { from: issuer, entrypoint: "mint", args: [alice, "1"] },
      expect: { status: "reverted", error: "EnforcedPause" },
    }));
});

describe("a cap", () => {
  it("may be reached", () =>
    erc20Scenario({
      token: { mintable: true, cap: "100" },
      pre: { supply: 90n },
      tx: { from: issuer, entrypoint: "mint", args: [alice, "10"] },
      expect: { status: "success", supply: 100n },
    }));

  it("may not be passed by one unit", () =>
    erc20Scenario({
      token: { mintable: true, cap: "100" },
      pre: { supply: 90n },
      tx: { from: issuer, entrypoint: "mint", args: [alice, "11"] },
      expect: {
        status: "reverted",
        error: "ERC20ExceededCap",
        errorArgs: { increasedSupply: "101", cap: "100" },
        balances: { [alice]: 0n },
        supply: 90n,
      },
    }));

  it("leaves room again once tokens are burnt", () =>
    erc20Scenario({
      token: { mintable: true, burnable: true, cap: "100" },
      pre: { supply: 100n, calls: [{ from: issuer, entrypoint: "burn", args: ["40"] }] },
      tx: { from: issuer, entrypoint: "mint", args: [alice, "40"] },
      expect: { status: "success", supply: 100n },
    }));

  it("is answered by cap()", () =>
    erc20Scenario({
      token: { cap: String(UINT256_MAX) },
      tx: { from: alice, entrypoint: "cap" },
      expect: { status: "success", result: String(UINT256_MAX), logs: [] },
    }));
});

describe("burn", () => {
  it("destroys the caller's tokens and logs a Transfer to the zero address", () =>
    erc20Scenario({
      token: BURNABLE,
      pre: { balances: { [alice]: 10n, [bob]: 1n } },
      tx: { from: alice, entrypoint: "burn", args: ["10"] },
      expect: {
        status: "success",
        result: null,
        logs: [["Transfer", alice, nobody, "10"]],
        balances: { [alice]: 0n },
        supply: 1n,
      },
    }));

  it("reverts when the caller is one unit short", () =>
    erc20Scenario({
      token: BURNABLE,
      pre: { balances: { [alice]: 9n } },
      tx: { from: alice, entrypoint: "burn", args: ["10"] },
      expect: {
        status: "reverted",
        error: "ERC20InsufficientBalance",
        errorArgs: { sender: alice, balance: "9", needed: "10" },
        supply: 9n,
      },
    }));

  it("by the zero address is refused", () =>
    erc20Scenario({
      token: BURNABLE,
      tx: { from: nobody, entrypoint: "burn", args: ["0"] },
      expect: { status: "reverted", error: "ERC20InvalidSender" },
    }));

  it("is refused while paused", () =>
    erc20Scenario({
      token: { burnable: true, pausable: true },
      pre: { balances: { [alice]: 9n }, paused: true },
      tx: { from: alice, entrypoint: "burn", args: ["1"] },
      expect: { status: "reverted", error: "EnforcedPause", supply: 9n },
    }));
});

describe("burnFrom", () => {
  it("destroys the owner's tokens out of the caller's allowance", () =>
    erc20Scenario({
      token: BURNABLE,
      pre: { balances: { [alice]: 10n }, allowances: { [alice]: { [bob]: 6n } } },
      tx: { from: bob, entrypoint: "burnFrom", args: [alice, "6"] },
      expect: {
        status: "success",
        result: null,
        logs: [["Transfer", alice, nobody, "6"]],
        balances: { [alice]: 4n },
        allowances: { [alice]: { [bob]: 0n } },
        supply: 4n,
      },
    }));

  it("reverts when the allowance is one unit short", () =>
    erc20Scenario({
      token: BURNABLE,
      pre: { balances: { [alice]: 10n }, allowances: { [alice]: { [bob]: 5n } } },
      tx: { from: bob, entrypoint: "burnFrom", args: [alice, "6"] },
      expect: { status: "reverted", error: "ERC20InsufficientAllowance", supply: 10n },
    }));
});
