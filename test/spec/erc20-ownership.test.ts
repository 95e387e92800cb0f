/** Owner and pause. */
import { describe, it } from "vitest";
import { alice, erc20Scenario, issuer, MINTABLE, nobody, PAUSABLE } from "../support/erc20-scenario.ts";

describe("the owner", () => {
  it("is the deployer unless the deployment names another", () =>
    erc20Scenario({
      token: MINTABLE,
      tx: { from: alice, entrypoint: "owner" },
      expect: { status: "success", result: issuer },
    }));

  it("hands on, and then may no longer", () =>
    erc20Scenario({
      token: MINTABLE,
      pre: { calls: [{ from: issuer, entrypoint: "transferOwnership", args: [alice] }] },
      tx: { from: issuer, entrypoint: "mint", args: [issuer, "1"] },
      expect: { status: "reverted", error: "OwnableUnauthorizedAccount", owner: alice },
    }));

  it("logs whom it hands on to", () =>
    erc20Scenario({
      token: PAUSABLE,
      tx: { from: issuer, entrypoint: "transferOwnership", args: [alice] },
      expect: { status: "success", result: null, logs: [["OwnershipTransferred", issuer, alice]], owner: alice },
    }));

  it("may not hand on to the zero address", () =>
    erc20Scenario({
      token: MINTABLE,
      tx: { from: issuer, entrypoint: "transferOwnership", args: [nobody] },
      expect: { status: "reverted", error: "OwnableInvalidOwner", errorArgs: { owner: nobody }, owner: issuer },
    }));

  it("may renounce, and the token has no owner", () =>
    erc20Scenario({
      token: MINTABLE,
      tx: { from: issuer, entrypoint: "renounceOwnership" },
      expect: { status: "success", logs: [["OwnershipTransferred", issuer, nobody]], owner: nobody },
    }));

  it.each(["transferOwnership", "renounceOwnership", "pause", "unpause"] as const)("alone may call %s", (entrypoint) =>
    erc20Scenario({
      token: PAUSABLE,
      tx: { from: alice, entrypoint, args: entrypoint === "transferOwnership" ? [alice] : [] },
      expect: {
        status: "reverted",
        error: "OwnableUnauthorizedAccount",
        errorArgs: { account: alice },
        owner: issuer,
        paused: false,
      },
    }),
  );
});

describe("the pause", () => {
  it("starts with Paused", () =>
    erc20Scenario({
      token: PAUSABLE,
      tx: { from: issuer, entrypoint: "pause" },
      expect: { status: "success", result: null, logs: [["Paused", issuer]], paused: true },
    }));

  it("does not start twice", () =>
    erc20Scenario({
      token: PAUSABLE,
      pre: { paused: true },
      tx: { from: issuer, entrypoint: "pause" },
      expect: { status: "reverted", error: "EnforcedPause", paused: true },
    }));

  it("ends with Unpaused", () =>
    erc20Scenario({
      token: PAUSABLE,
      pre: { paused: true },
      tx: { from: issuer, entrypoint: "unpause" },
      expect: { status: "success", result: null, logs: [["Unpaused", issuer]], paused: false },
    }));

  it("does not end where there is none", () =>
    erc20Scenario({
      token: PAUSABLE,
      tx: { from: issuer, entrypoint: "unpause" },
      expect: { status: "reverted", error: "ExpectedPause", paused: false },
    }));

  it("lets transfers through again once it has ended", () =>
    erc20Scenario({
      token: PAUSABLE,
      pre: { balances: { [alice]: 5n }, paused: true, calls: [{ from: issuer, entrypoint: "unpause" }] },
      tx: { from: alice, entrypoint: "transfer", args: [issuer, "5"] },
      expect: { status: "success", balances: { [issuer]: 5n } },
    }));
});
