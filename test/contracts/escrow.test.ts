/** The escrow over the token, through AssemblyScript's loader. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Artifact, loadArtifact } from "../../contracts/sdk/testing/artifact.ts";
import { TestChain, type TestContract } from "../../contracts/sdk/testing/test-chain.ts";
import { carol as arbiter, alice as client, expectCall, nobody, bob as provider } from "../support/contract-calls.ts";

const DEADLINE_MS = "1700000001000";

let artifacts: { escrow: Artifact; token: Artifact };
let chain: TestChain;
let token: TestContract;
let escrow: TestContract;

beforeAll(async () => {
  artifacts = { escrow: await loadArtifact("escrow"), token: await loadArtifact("token") };
});
beforeEach(() => {
  chain = new TestChain();
  token = chain.deploy(artifacts.token, ["Gold", "GLD", 18, "1000"], { from: client });
  escrow = chain.deploy(artifacts.escrow, [], { from: client });
  expectCall(token, "approve", [escrow.address, "1000"], { from: client });
});

function open(milestones = ["100", "200", "300"]): void {
  expectCall(escrow, "open", [provider, arbiter, token.address, DEADLINE_MS, milestones], {
    from: client,
    result: "1",
  });
}

const held = (account: string) => token.query("balanceOf", [account]);

describe("a deal", () => {
  it("takes the sum of its milestones when it is opened", () => {
    const total = { id: "1", client, provider, total: "600" };
    const report = escrow.call("open", [provider, arbiter, token.address, DEADLINE_MS, ["100", "200", "300"]], {
      from: client,
    });
    expect(report.events.map(({ event, args }) => [event, args])).toEqual([
      ["Transfer", { from: client, to: escrow.address, value: "600" }],
      ["DealOpened", total],
    ]);
    expect(escrow.query("milestones", ["1"])).toEqual(["100", "200", "300"]);
    expect(escrow.query("deal", ["1"])).toEqual([
      client,
      provider,
      arbiter,
      token.address,
      DEADLINE_MS,
      "3",
      "0",
      "600",
    ]);
  });

  it("is not opened when the client has not approved enough, and nothing is kept", () => {
    const before = escrow.stored();
    const report = escrow.call("open", [provider, arbiter, token.address, DEADLINE_MS, ["1001"]], { from: client });
    expect(report.status).toBe("reverted");
    expect([escrow.stored(), held(client)]).toEqual([before, "1000"]);
  });

  it("needs two parties, an arbiter who is neither, and milestones that pay", () => {
    const attempt = (who: string, judge: string, milestones: string[]) =>
      escrow.call("open", [who, judge, token.address, DEADLINE_MS, milestones], { from: client }).error?.name;
    expect(attempt(client, arbiter, ["1"])).toBe("InvalidParty");
    expect(attempt(nobody, arbiter, ["1"])).toBe("InvalidParty");
    expect(attempt(provider, client, ["1"])).toBe("InvalidParty");
    expect(attempt(provider, provider, ["1"])).toBe("InvalidParty");
    expect(attempt(provider, arbiter, [])).toBe("InvalidMilestones");
    expect(attempt(provider, arbiter, ["1", "0"])).toBe("InvalidMilestones");
    expect(attempt(provider, arbiter, new Array(65).fill("1"))).toBe("InvalidMilestones");
    expect(attempt(provider, arbiter, new Array(64).fill("1"))).toBeUndefined();
  });

  it("pays milestone after milestone, in order, and then is closed", () => {
    open();
    for (const [number, paid] of ["100", "300", "600"].entries()) {
      expectCall(escrow, "release", ["1"], { from: client, result: String(number) });
      expect(held(provider)).toBe(paid);
    }
    expectCall(escrow, "release", ["1"], { from: client, error: ["DealIsClosed", { id: "1" }] });
    expect(held(escrow.address)).toBe("0");
  });

  it("is released by the client only", () => {
    open();
    for (const from of [provider, arbiter]) {
      expectCall(escrow, "release", ["1"], { from, error: ["NotAllowed", { caller: from }] });
    }
    expectCall(escrow, "release", ["2"], { from: client, error: ["UnknownDeal", { id: "2" }] });
  });

  it("goes back by the provider at any time, by the client from the deadline on", () => {
    open();
    expectCall(escrow, "release", ["1"], { from: client });
    chain.timestampMs = Number(DEADLINE_MS) - 1;
    expectCall(escrow, "refund", ["1"], {
      from: client,
      error: ["DeadlineNotReached", { deadlineMs: DEADLINE_MS, nowMs: String(chain.timestampMs) }],
    });
    expectCall(escrow, "refund", ["1"], { from: arbiter, error: ["NotAllowed", { caller: arbiter }] });
    chain.timestampMs++;
    expectCall(escrow, "refund", ["1"], { from: client, result: "500" });
    expect([held(client), held(provider), held(escrow.address)]).toEqual(["900", "100", "0"]);

    expectCall(escrow, "open", [provider, arbiter, token.address, DEADLINE_MS, ["10"]], { from: client, result: "2" });
    expectCall(escrow, "refund", ["2"], { from: provider, result: "10" });
    expectCall(escrow, "refund", ["2"], { from: provider, error: ["DealIsClosed", { id: "2" }] });
  });

  it("is divided by the arbiter, who can give no more than is held", () => {
    open();
    expectCall(escrow, "settle", ["1", "601"], {
      from: arbiter,
      error: ["MoreThanHeld", { held: "600", asked: "601" }],
    });
    expectCall(escrow, "settle", ["1", "1"], { from: client, error: ["NotAllowed", { caller: client }] });
    expectCall(escrow, "settle", ["1", "250"], { from: arbiter });
    expect([held(client), held(provider), held(escrow.address)]).toEqual(["750", "250", "0"]);
  });

  it("holds apart what belongs to others", () => {
    open(["100"]);
    expectCall(escrow, "open", [provider, nobody, token.address, DEADLINE_MS, ["40"]], { from: client, result: "2" });
    expectCall(escrow, "settle", ["2", "0"], { from: nobody, error: ["NotAllowed", { caller: nobody }] });
    expectCall(escrow, "release", ["1"], { from: client });
    expect([held(provider), held(escrow.address)]).toEqual(["100", "40"]);
  });
});
