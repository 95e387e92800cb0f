/** How calls reach an ERC-20: by name or by calldata, and what is refused on the way. */
import { describe, expect, it } from "vitest";
import { encodeCall } from "../../src/encoding/abi.ts";
import { getErc20FunctionByName } from "../../src/encoding/erc20-abi.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { EngineError } from "../../src/errors.ts";
import { alice, bob, Erc20Fixture, erc20Scenario, issuer, PAUSABLE } from "../support/erc20-scenario.ts";
import type { Call } from "../support/inline-chain.ts";

const TRANSFER = toHex(encodeCall(getErc20FunctionByName("transfer")!, [bob, "1"]));

function refusalOf(call: Omit<Call, "sender">): EngineError {
  const { chain, address } = new Erc20Fixture({}, { balances: { [alice]: 5n } });
  try {
    chain.call({ sender: alice, to: address, ...call });
  } catch (refusal) {
    if (refusal instanceof EngineError) return refusal;
    throw refusal;
  }
  throw new Error("the call was admitted");
}

describe("a call by entrypoint and args", () => {
  it("of an unknown name is refused with the nearest names", () => {
    const refusal = refusalOf({ entrypoint: "transferfrom", args: [] });
    expect(refusal).toMatchObject({
      code: "UNKNOWN_ENTRYPOINT",
      facts: { received: "transferfrom", nearest: ["transferFrom"] },
    });
  });

  it("of an entrypoint that was not deployed names the option that it lacks", () => {
    expect(refusalOf({ entrypoint: "mint", args: [bob, "1"] }).facts["deployedWithout"]).toBe("mintable");
    expect(refusalOf({ entrypoint: "owner" }).facts["deployedWithout"]).toBe("mintable or pausable");
  });

  it.each([[[bob]], [[bob, "1", "2"]], [[]]])("with %j instead of two arguments is refused", (args) => {
    expect(refusalOf({ entrypoint: "transfer", args })).toMatchObject({
      code: "INVALID_CALLDATA",
      facts: { path: "args" },
    });
  });

  it.each(["-1", "1.5", "abc", "01", "", true, null, `0x${"00".repeat(32)}`, String(2n ** 256n)])(
    "with the amount %j is refused",
    (amount) => {
      const refusal = refusalOf({ entrypoint: "transfer", args: [bob, amount] });
      expect(refusal).toMatchObject({ code: "INVALID_AMOUNT", facts: { path: "args[1]" } });
    },
  );

  it.each(["bob", "5", "0x", `0x${"00".repeat(19)}`, `0x${"00".repeat(32)}`, 5, null])(
    "with the address %j is refused",
    (to) => {
      const refusal = refusalOf({ entrypoint: "transfer", args: [to, "1"] });
      expect(refusal).toMatchObject({ code: "INVALID_ADDRESS", facts: { path: "args[0]" } });
    },
  );

  it("with an amount up to 2^53-1 as a number is the same call", () =>
    erc20Scenario({
      pre: { balances: { [alice]: 5n } },
      tx: { from: alice, entrypoint: "transfer", args: [bob, 5] },
      expect: { status: "success", balances: { [bob]: 5n } },
    }));

  it.each([
    ["v over 255", 4, 256],
    ["r of 31 bytes", 5, `0x${"00".repeat(31)}`],
    ["s of 33 bytes", 6, `0x${"00".repeat(33)}`],
  ])("of permit with %s is refused", (_, index, value) => {
    const word = `0x${"11".repeat(32)}`;
    const args: unknown[] = [alice, bob, "1", "2", 27, word, word];
    args[index] = value;
    expect(refusalOf({ entrypoint: "permit", args })).toMatchObject({
      code: "INVALID_CALLDATA",
      facts: { path: `args[${index}]` },
    });
  });

  it("as a CosmWasm message is refused", () => {
    expect(refusalOf({ msg: { transfer: {} } })).toMatchObject({ code: "INVALID_CALLDATA", facts: { path: "msg" } });
  });
});

describe("a call by calldata", () => {
  it.each([
    ["is empty", "0x"],
    ["is shorter than a selector", TRANSFER.slice(0, 8)],
    ["has an unknown selector", "0xdeadbeef"],
    ["is one byte short", TRANSFER.slice(0, -2)],
    ["has bits before the address", TRANSFER.replace("a9059cbb00", "a9059cbb01")],
    ["calls what was not deployed", toHex(encodeCall(getErc20FunctionByName("mint")!, [bob, "1"]))],
  ])("reverts without data when it %s", (_, calldata) => {
    const { chain, address } = new Erc20Fixture({}, { balances: { [alice]: 5n } });
    const { status, returnData, logs } = chain.call({ sender: alice, to: address, calldata });
    expect({ status, returnData: toHex(returnData), logs }).toEqual({ status: "reverted", returnData: "0x", logs: [] });
  });

  it("may be longer than its arguments", () => {
    const { chain, address } = new Erc20Fixture({}, { balances: { [alice]: 5n } });
    expect(chain.call({ sender: alice, to: address, calldata: `${TRANSFER}ffff` }).status).toBe("success");
  });
});

describe("a call without input", () => {
  it("reverts without data: the token takes no native value and has no fallback", () => {
    const { chain, address } = new Erc20Fixture();
    const { status, returnData } = chain.call({ sender: alice, to: address });
    expect({ status, returnData: toHex(returnData) }).toEqual({ status: "reverted", returnData: "0x" });
  });
});

describe("a view", () => {
  it.each([
    ["name", "Token"],
    ["symbol", "TKN"],
    ["decimals", "18"],
    ["totalSupply", "5"],
    ["paused", false],
    ["owner", issuer],
  ] as const)("%s answers inside a transaction, too, and logs nothing", (entrypoint, result) =>
    erc20Scenario({
      token: PAUSABLE,
      pre: { supply: 5n },
      tx: { from: alice, entrypoint },
      expect: { status: "success", result, logs: [] },
    }),
  );
});

describe("a query", () => {
  it.each(["transfer", "approve"] as const)("of %s halts where it would write", (entrypoint) => {
    const { chain, address } = new Erc20Fixture({}, { balances: { [alice]: 5n } });
    const { status, haltReason } = chain.query({ sender: alice, to: address, entrypoint, args: [bob, "1"] });
    expect({ status, haltReason }).toEqual({ status: "halted", haltReason: "StaticWrite" });
  });
});
