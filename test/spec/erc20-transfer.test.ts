/** transfer, approve, transferFrom and the two allowance changes. */
import { describe, it } from "vitest";
import { alice, bob, carol, erc20Scenario, nobody, PAUSABLE, UINT256_MAX } from "../support/erc20-scenario.ts";

describe("transfer", () => {
  it("moves the amount, answers true and logs Transfer", () =>
    erc20Scenario({
      pre: { balances: { [alice]: 100n, [bob]: 5n } },
      tx: { from: alice, entrypoint: "transfer", args: [bob, "40"] },
      expect: {
        status: "success",
        result: true,
        logs: [["Transfer", alice, bob, "40"]],
        balances: { [alice]: 60n, [bob]: 45n },
        supply: 105n,
      },
    }));

  it("takes the whole balance", () =>
    erc20Scenario({
      pre: { balances: { [alice]: 40n } },
      tx: { from: alice, entrypoint: "transfer", args: [bob, "40"] },
      expect: { status: "success", balances: { [alice]: 0n, [bob]: 40n } },
    }));

  it("reverts and logs nothing when the sender is one unit short", () =>
    erc20Scenario({
      pre: { balances: { [alice]: 39n, [bob]: 0n } },
      tx: { from: alice, entrypoint: "transfer", args: [bob, "40"] },
      expect: {
        status: "reverted",
        error: "ERC20InsufficientBalance",
        errorArgs: { sender: alice, balance: "39", needed: "40" },
        balances: { [alice]: 39n, [bob]: 0n },
      },
    }));

  it("moves every unit that a uint256 can hold", () =>
    erc20Scenario({
      pre: { balances: { [alice]: UINT256_MAX } },
      tx: { from: alice, entrypoint: "transfer", args: [bob, String(UINT256_MAX)] },
      expect: { status: "success", balances: { [alice]: 0n, [bob]: UINT256_MAX }, supply: UINT256_MAX },
    }));

  it("logs a transfer of nothing, also from an account that has nothing", () =>
    erc20Scenario({
      tx: { from: alice, entrypoint: "transfer", args: [bob, "0"] },
      expect: {
        status: "success",
        result: true,
        logs: [["Transfer", alice, bob, "0"]],
        balances: { [alice]: 0n, [bob]: 0n },
      },
    }));

  it("to oneself changes nothing but logs", () =>
    erc20Scenario({
      pre: { balances: { [alice]: 10n } },
      tx: { from: alice, entrypoint: "transfer", args: [alice, "10"] },
      expect: { status: "success", logs: [["Transfer", alice, alice, "10"]], balances: { [alice]: 10n }, supply: 10n },
    }));

  it("to oneself needs the balance", () =>
    erc20Scenario({
      pre: { balances: { [alice]: 9n } },
      tx: { from: alice, entrypoint: "transfer", args: [alice, "10"] },
      expect: { status: "reverted", error: "ERC20InsufficientBalance" },
    }));

  it("to the zero address is refused, before the balance is looked at", () =>
    erc20Scenario({
      tx: { from: alice, entrypoint: "transfer", args: [nobody, "1"] },
      expect: { status: "reverted", error: "ERC20InvalidReceiver", errorArgs: { receiver: nobody } },
    }));

  it("from the zero address is refused", () =>
    erc20Scenario({
      tx: { from: nobody, entrypoint: "transfer", args: [bob, "0"] },
      expect: { status: "reverted", error: "ERC20InvalidSender", errorArgs: { sender: nobody } },
    }));

  it("is refused while paused, before the balance is looked at", () =>
    erc20Scenario({
      token: PAUSABLE,
      pre: { paused: true },
      tx: { from: alice, entrypoint: "transfer", args: [bob, "1"] },
      expect: { status: "reverted", error: "EnforcedPause" },
    }));
});

describe("approve", () => {
  it("sets the allowance, answers true and logs Approval", () =>
    erc20Scenario({
      pre: { allowances: { [alice]: { [bob]: 7n } } },
      tx: { from: alice, entrypoint: "approve", args: [bob, "40"] },
      expect: {
        status: "success",
        result: true,
        logs: [["Approval", alice, bob, "40"]],
        allowances: { [alice]: { [bob]: 40n }, [bob]: { [alice]: 0n } },
      },
    }));

  it("of nothing takes the allowance away", () =>
    erc20Scenario({
      pre: { allowances: { [alice]: { [bob]: 7n } } },
      tx: { from: alice, entrypoint: "approve", args: [bob, "0"] },
      expect: { status: "success", logs: [["Approval", alice, bob, "0"]], allowances: { [alice]: { [bob]: 0n } } },
    }));

  it("needs no balance and works while paused", () =>
    erc20Scenario({
      token: PAUSABLE,
      pre: { paused: true },
      tx: { from: alice, entrypoint: "approve", args: [bob, String(UINT256_MAX)] },
      expect: { status: "success", allowances: { [alice]: { [bob]: UINT256_MAX } } },
    }));

  it("to the zero address is refused", () =>
    erc20Scenario({
      tx: { from: alice, entrypoint: "approve", args: [nobody, "1"] },
      expect: { status: "reverted", error: "ERC20InvalidSpender", errorArgs: { spender: nobody } },
    }));

  it("by the zero address is refused, before the spender is looked at", () =>
    erc20Scenario({
      tx: { from: nobody, entrypoint: "approve", args: [nobody, "1"] },
      expect: { status: "reverted", error: "ERC20InvalidApprover", errorArgs: { approver: nobody } },
    }));
});

describe("transferFrom", () => {
  it("moves the owner's tokens, lowers the allowance and logs Transfer only", () =>
    erc20Scenario({
      pre: { balances: { [alice]: 100n }, allowances: { [alice]: { [bob]: 50n } } },
      tx: { from: bob, entrypoint: "transferFrom", args: [alice, carol, "30"] },
      expect: {
        status: "success",
        result: true,
        logs: [["Transfer", alice, carol, "30"]],
        balances: { [alice]: 70n, [bob]: 0n, [carol]: 30n },
        allowances: { [alice]: { [bob]: 20n } },
      },
    }));

  it("reverts when the allowance is one unit short, before the balance is looked at", () =>
    erc20Scenario({
      pre: { allowances: { [alice]: { [bob]: 29n } } },
      tx: { from: bob, entrypoint: "transferFrom", args: [alice, carol, "30"] },
      expect: {
        status: "reverted",
        error: "ERC20InsufficientAllowance",
        errorArgs: { spender: bob, allowance: "29", needed: "30" },
        allowances: { [alice]: { [bob]: 29n } },
      },
    }));

  it("gives the allowance back when the balance does not suffice", () =>
    erc20Scenario({
      pre: { balances: { [alice]: 29n }, allowances: { [alice]: { [bob]: 30n } } },
      tx: { from: bob, entrypoint: "transferFrom", args: [alice, carol, "30"] },
      expect: {
        status: "reverted",
        error: "ERC20InsufficientBalance",
        balances: { [alice]: 29n },
        allowances: { [alice]: { [bob]: 30n } },
      },
    }));

  it("does not lower an allowance of 2^256-1", () =>
    erc20Scenario({
      pre: { balances: { [alice]: 30n }, allowances: { [alice]: { [bob]: UINT256_MAX } } },
      tx: { from: bob, entrypoint: "transferFrom", args: [alice, carol, "30"] },
      expect: { status: "success", balances: { [carol]: 30n }, allowances: { [alice]: { [bob]: UINT256_MAX } } },
    }));

  it("lowers an allowance of 2^256-2", () =>
    erc20Scenario({
      pre: { balances: { [alice]: 30n }, allowances: { [alice]: { [bob]: UINT256_MAX - 1n } } },
      tx: { from: bob, entrypoint: "transferFrom", args: [alice, carol, "30"] },
      expect: { status: "success", allowances: { [alice]: { [bob]: UINT256_MAX - 31n } } },
    }));

  it("of one's own tokens needs an allowance, too", () =>
    erc20Scenario({
      pre: { balances: { [alice]: 30n } },
      tx: { from: alice, entrypoint: "transferFrom", args: [alice, carol, "30"] },
      expect: { status: "reverted", error: "ERC20InsufficientAllowance" },
    }));

  it("from the zero address fails at the allowance, even of nothing", () =>
    erc20Scenario({
      tx: { from: bob, entrypoint: "transferFrom", args: [nobody, carol, "0"] },
      expect: { status: "reverted", error: "ERC20InvalidApprover", errorArgs: { approver: nobody } },
    }));

  it("to the zero address is refused after the allowance was looked at", () =>
    erc20Scenario({
      pre: { allowances: { [alice]: { [bob]: 1n } } },
      tx: { from: bob, entrypoint: "transferFrom", args: [alice, nobody, "1"] },
      expect: { status: "reverted", error: "ERC20InvalidReceiver", allowances: { [alice]: { [bob]: 1n } } },
    }));

  it("is refused while paused, after the allowance was looked at", () =>
    erc20Scenario({
      token: PAUSABLE,
      pre: { balances: { [alice]: 5n }, allowances: { [alice]: { [bob]: 5n } }, paused: true },
      tx: { from: bob, entrypoint: "transferFrom", args: [alice, carol, "5"] },
      expect: { status: "reverted", error: "EnforcedPause", allowances: { [alice]: { [bob]: 5n } } },
    }));
});

describe("increaseAllowance and decreaseAllowance", () => {
  it("add to the allowance and log what it is afterwards", () =>
    erc20Scenario({
      pre: { allowances: { [alice]: { [bob]: 7n } } },
      tx: { from: alice, entrypoint: "increaseAllowance", args: [bob, "3"] },
      expect: {
        status: "success",
        result: true,
        logs: [["Approval", alice, bob, "10"]],
        allowances: { [alice]: { [bob]: 10n } },
      },
    }));

  it("panic with 0x11 when the sum is over 2^256-1", () =>
    erc20Scenario({
      pre: { allowances: { [alice]: { [bob]: UINT256_MAX } } },
      tx: { from: alice, entrypoint: "increaseAllowance", args: [bob, "1"] },
      expect: {
        status: "reverted",
        error: "Panic",
        errorArgs: { code: "17" },
        allowances: { [alice]: { [bob]: UINT256_MAX } },
      },
    }));

  it("take from the allowance down to nothing", () =>
    erc20Scenario({
      pre: { allowances: { [alice]: { [bob]: 7n } } },
      tx: { from: alice, entrypoint: "decreaseAllowance", args: [bob, "7"] },
      expect: {
        status: "success",
        result: true,
        logs: [["Approval", alice, bob, "0"]],
        allowances: { [alice]: { [bob]: 0n } },
      },
    }));

  it("refuse to take one unit more than there is", () =>
    erc20Scenario({
      pre: { allowances: { [alice]: { [bob]: 7n } } },
      tx: { from: alice, entrypoint: "decreaseAllowance", args: [bob, "8"] },
      expect: {
        status: "reverted",
        error: "ERC20FailedDecreaseAllowance",
        errorArgs: { spender: bob, currentAllowance: "7", requestedDecrease: "8" },
        allowances: { [alice]: { [bob]: 7n } },
      },
    }));
});
