/** The counter, through AssemblyScript's loader. */
import { beforeAll, describe, expect, it } from "vitest";
import { type Artifact, loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import { TestChain } from "../../contracts/sdk/testing/test-chain.ts";

const alice = `0x${"a1".repeat(20)}`;
const bob = `0x${"b0".repeat(20)}`;
const U64_MAX = (2n ** 64n - 1n).toString();

let counter: Artifact;
beforeAll(async () => {
  counter = await loadArtifact("counter");
});

function deployed(start = "5") {
  return new TestChain().deploy(counter, [start], { from: alice });
}

describe("counter", () => {
  it("starts where its deployment says and counts by caller", () => {
    const contract = deployed();
    expect(contract.call("increment", ["2"], { from: alice })).toMatchObject({
      status: "success",
      result: "7",
      events: [{ event: "Incremented", args: { by: alice, amount: "2", total: "7" } }],
    });
    contract.call("increment", ["3"], { from: bob });
    expect(contract.query("value")).toBe("10");
    expect([contract.query("shareOf", [alice]), contract.query("shareOf", [bob])]).toEqual(["2", "3"]);
  });

  it("reverts with its own error one above the type's greatest number, and keeps nothing", () => {
    const contract = deployed(U64_MAX);
    const before = contract.stored();
    expect(contract.call("increment", ["1"], { from: alice })).toMatchObject({
      status: "reverted",
      error: { name: "CounterOverflow", args: { total: U64_MAX, amount: "1" } },
      events: [],
    });
    expect(contract.stored()).toEqual(before);
  });

  it("takes no native value", () => {
    const chain = new TestChain();
    chain.state.balances.set(alice, 1n);
    const contract = chain.deploy(counter, ["0"], { from: alice });
    expect(contract.call("increment", ["1"], { from: alice, value: 1n })).toMatchObject({ status: "reverted" });
    expect(chain.state.balances.get(alice)).toBe(1n);
  });

  it("keeps numbers in their shortest form", () => {
    const contract = deployed("258");
    expect(contract.stored()).toEqual({ [`0x${Buffer.from("total").toString("hex")}`]: "0x0102" });
  });
});
