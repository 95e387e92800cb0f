/** Cached queries, as those who ask see them. */
import { describe, expect, it } from "vitest";
import type { QueryAnswer } from "../../src/encoding/query-answer.ts";
import { ALICE, BOB, balanceOf, deployToken, openEngine, query, submit, transfer } from "../support/engine.ts";
import { EnhancedChain } from "../support/enhanced-chain.ts";
import { probeCalldata } from "../support/probe-engine.ts";

const TOKEN = { type: "erc20", name: "T", symbol: "T", decimals: 0, initialSupply: "100" };

function chainWithToken(options: ConstructorParameters<typeof EnhancedChain>[0] = {}) {
  const chain = new EnhancedChain(options);
  const token = chain.deploy(ALICE, TOKEN);
  const of = (owner: string) => ({ to: token, entrypoint: "balanceOf", args: [owner] });
  const send = (amount: number) =>
    chain.send({ kind: "call", sender: ALICE, to: token, entrypoint: "transfer", args: [BOB, String(amount)] });
  return { chain, token, of, send };
}

describe("a cached answer", () => {
  it("says that it is one, how old it is, and which block it is as new as", () => {
    const { chain, of } = chainWithToken();
    expect(chain.query(of(ALICE))).toMatchObject({ cached: false });
    chain.nowMs = 250;
    chain.deploy(BOB, TOKEN);
    expect(chain.query(of(ALICE))).toMatchObject({ cached: true, ageMs: 250, blockHeight: chain.height });
  });

  it("survives writes to other keys of the contract, and no write to its own", () => {
    const { chain, of, send } = chainWithToken();
    const CAROL = `0x${"ca".repeat(20)}`;
    for (const owner of [ALICE, BOB, CAROL]) chain.query(of(owner));
    send(7);
    expect([ALICE, BOB, CAROL].map((owner) => chain.query(of(owner)).cached)).toEqual([false, false, true]);
  });

  it("is dropped with the contract's record: paused, the contract reverts", () => {
    const { chain, token, of } = chainWithToken();
    chain.query(of(ALICE));
    chain.send({ kind: "setStatus", sender: ALICE, to: token, status: "paused" });
    expect(chain.query(of(ALICE))).toMatchObject({ cached: false, status: "reverted" });
    expect(chain.query(of(ALICE))).toMatchObject({ cached: true, status: "reverted" });
  });

  it("belongs to its caller, arguments and entrypoint", () => {
    const { chain, token, of } = chainWithToken();
    chain.query(of(ALICE));
    expect(chain.query({ ...of(ALICE), sender: BOB }).cached).toBe(false);
    expect(chain.query(of(BOB)).cached).toBe(false);
    expect(chain.query({ to: token, entrypoint: "totalSupply", args: [] }).cached).toBe(false);
  });

  it("is not given to who states less gas than it took", () => {
    const { chain, of } = chainWithToken();
    const { gasUsed } = chain.query(of(ALICE));
    expect(chain.query({ ...of(ALICE), gasLimit: gasUsed })).toMatchObject({ cached: true, status: "success" });
    expect(chain.query({ ...of(ALICE), gasLimit: gasUsed - 1 })).toMatchObject({ cached: false, status: "halted" });
  });

  it("is dropped at the end of its time to live", () => {
    const { chain, of } = chainWithToken({ ttlMs: 1000 });
    chain.query(of(ALICE));
    chain.nowMs = 999;
    expect(chain.query(of(ALICE)).cached).toBe(true);
    chain.nowMs = 1000;
    expect(chain.query(of(ALICE)).cached).toBe(false);
  });

  it("makes room for others when there are too many entries, or too many bytes", () => {
    for (const options of [{ entriesMax: 2 }, { bytesMax: 1600 }]) {
      const { chain, of } = chainWithToken(options);
      for (let i = 0; i < 5; i++) chain.query(of(`0x${String(i).repeat(40)}`));
      expect(chain.engine.cache.size).toBe(2);
      expect(chain.query(of(`0x${"4".repeat(40)}`)).cached).toBe(true);
      expect(chain.query(of(`0x${"0".repeat(40)}`)).cached).toBe(false);
    }
  });

  it("is not kept when nothing is to be kept", () => {
    const { chain, of } = chainWithToken({ entriesMax: 0 });
    chain.query(of(ALICE));
    expect(chain.query(of(ALICE)).cached).toBe(false);
  });
});

describe("a query", () => {
  it("with bypass is run, whatever is cached", () => {
    const { chain, of } = chainWithToken();
    chain.query(of(ALICE));
    expect(chain.query(of(ALICE), true)).toMatchObject({ cached: false });
  });

  it("waits for the run that another has begun, unless a block came in between", () => {
    const { chain, of, send } = chainWithToken();
    const answers: QueryAnswer[] = [];
    const ask = () => chain.ask(of(BOB), (answer) => answers.push(answer));
    ask();
    ask();
    expect(chain.runs).toBe(1);
    send(3);
    ask();
    chain.deliver();
    expect(answers.map(({ returnData }) => returnData.at(-1))).toEqual([0, 0, 3]);
    expect(chain.runs).toBe(2);
  });

  it("whose answers are hardly ever asked for again is not kept, and that is said", () => {
    const chain = new EnhancedChain({ optimize: true });
    const token = chain.deploy(ALICE, TOKEN);
    const of = (i: number) => ({ to: token, entrypoint: "balanceOf", args: [`0x${String(i).padStart(40, "0")}`] });
    for (let i = 0; i < 512; i++) chain.query(of(i));
    expect(chain.engine.optimizations()).toMatchObject([{ contract: token, entrypoint: "balanceOf", misses: 512 }]);
    chain.query(of(1000));
    expect(chain.query(of(1000)).cached).toBe(false);
    // One in sixteen is looked up all the same: when the same is asked again and again, that is noticed.
    for (let i = 0; i < 2_000; i++) chain.query(of(2_000));
    expect(chain.engine.optimizations()).toEqual([]);
    expect(chain.query(of(2_000)).cached).toBe(true);
  });

  it("does not wait for a run whose answer has come before it was told to wait", () => {
    const chain = new EnhancedChain({ answersAtOnce: true, entriesMax: 0 });
    const token = chain.deploy(ALICE, TOKEN);
    const answers: QueryAnswer[] = [];
    for (let i = 0; i < 3; i++)
      chain.ask({ to: token, entrypoint: "totalSupply", args: [] }, (answer) => answers.push(answer));
    expect(answers.length).toBe(3);
  });

  it("has the daemon's gas where limits are not enforced", () => {
    const call = { calldata: probeCalldata([{ step: "get", key: 0 }]), gasLimit: 1 };
    for (const [gasForced, status] of [
      [undefined, "halted"],
      [100_000, "success"],
    ] as const) {
      const chain = new EnhancedChain(gasForced === undefined ? {} : { gasForced });
      expect(chain.query({ ...call, to: chain.deploy(ALICE, { type: "probe" }) }).status).toBe(status);
    }
  });

  it("is counted by contract and entrypoint", () => {
    const { chain, of, send } = chainWithToken();
    for (let i = 0; i < 3; i++) chain.query(of(ALICE));
    send(1);
    chain.query(of(ALICE));
    chain.query(of(ALICE), true);
    expect(chain.engine.statistics.all()).toMatchObject([
      { entrypoint: "balanceOf", hits: 2, misses: 2, invalidated: 1, bypassed: 1 },
    ]);
  });
});

describe("in the daemon's threads", () => {
  it("who asks after a transfer, answered or not, durable or not, is answered with it", async () => {
    const { engine } = await openEngine();
    try {
      const token = await deployToken(engine);
      for (let sent = 0; sent < 60; sent += 2) {
        expect(await balanceOf(engine, token, BOB)).toBe(BigInt(sent));
        const unanswered = submit(engine, [transfer(token, ALICE, BOB, 1)]);
        expect(await balanceOf(engine, token, BOB)).toBe(BigInt(sent + 1));
        await unanswered;
        await submit(engine, [transfer(token, ALICE, BOB, 1)], "executed");
        expect(await balanceOf(engine, token, BOB)).toBe(BigInt(sent + 2));
      }
    } finally {
      await engine.close();
    }
  });

  it("nobody is answered from before their last receipt", async () => {
    const { engine } = await openEngine();
    try {
      const token = await deployToken(engine);
      await balanceOf(engine, token, BOB);
      expect(await query(engine, token, "balanceOf", [BOB])).toMatchObject({ cached: true });
      for (let sent = 1; sent <= 50; sent++) {
        await submit(engine, [transfer(token, ALICE, BOB, 1)]);
        expect(await balanceOf(engine, token, BOB)).toBe(BigInt(sent));
        expect(await balanceOf(engine, token, BOB)).toBe(BigInt(sent));
      }
      expect(await query(engine, token, "balanceOf", [BOB])).toMatchObject({ cached: true });
      await engine.service.blockRollback((engine.service.info()["height"] as number) - 10);
      expect(await balanceOf(engine, token, BOB)).toBe(40n);
    } finally {
      await engine.close();
    }
  });
});
