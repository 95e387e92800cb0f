/** Cached queries, as those who ask see them. */
import { describe, expect, it, vi } from "vitest";
import type { ByteWriter } from "../../src/encoding/bytes.ts";
import type { QueryAnswer } from "../../src/encoding/query-answer.ts";
import { parameterKey } from "../../src/encoding/state-key.ts";
import { encodeTransaction } from "../../src/encoding/transaction.ts";
import { EnhancedContractEngine, type QuerySink } from "../../src/engines/enhanced/enhanced-engine.ts";
import { hitRate, QueryStatistics } from "../../src/engines/enhanced/query-statistics.ts";
import { ResultCache } from "../../src/engines/enhanced/result-cache.ts";
import { type Watched, WriteVersions } from "../../src/engines/enhanced/write-versions.ts";
import { EngineError } from "../../src/errors.ts";
import { ALICE, BOB, balanceOf, deployToken, openEngine, query, submit, transfer } from "../support/engine.ts";
import { EnhancedChain } from "../support/enhanced-chain.ts";
import { ChainBuilder, type Changes } from "../support/entries.ts";
import { type ProbeStep, probeCalldata } from "../support/probe-engine.ts";

const MIB = 1024 * 1024;
const TOKEN = { type: "erc20", name: "T", symbol: "T", decimals: 0, initialSupply: "100" };

function chainWithToken(options: ConstructorParameters<typeof EnhancedChain>[0] = {}) {
  const chain = new EnhancedChain(options);
  const token = chain.deploy(ALICE, TOKEN);
  const of = (owner: string) => ({ to: token, entrypoint: "balanceOf", args: [owner] });
  const send = (amount: number) =>
    chain.send({ kind: "call", sender: ALICE, to: token, entrypoint: "transfer", args: [BOB, String(amount)] });
  return { chain, token, of, send };
}

/** As of the last entry of `chain`, with one answer that has read nothing of what tests write. */
function cacheOver(chain: ChainBuilder) {
  const { seq } = chain.block();
  const cache = new ResultCache({ entriesMax: 10, bytesMax: 1 << 20, ttlMs: 1_000, seq, nowMs: () => 0 });
  const answer = { ...ANSWER, seq, returnData: Uint8Array.of(7) };
  const counts = new QueryStatistics().of("", "");
  const store = (more: Partial<QueryAnswer> = {}) => cache.store(KEY, { ...answer, ...more }, READS, counts);
  return { cache, answer, store };
}
function changesOf(key: Uint8Array, bytes = 1): Changes {
  return new Map([[Buffer.from(key).toString("latin1"), new Uint8Array(bytes)]]);
}
const KEY = { text: "key", gasLimit: 100 };
const READS = { keys: [1], count: 1, repeated: 0, block: false, gas: false };
const ANSWER: QueryAnswer = {
  status: "success",
  haltReason: undefined,
  gasUsed: 1,
  returnData: new Uint8Array(0),
  seq: 0,
  blockHeight: 0,
  rejection: undefined,
  reads: READS,
  cached: false,
  ageMs: 0,
};

/** Runs nothing: tests settle what would be run. */
function heldEngine(writes: { hasWrites?(): boolean; hasEarlyReceipts?(): boolean } = {}) {
  const runs: QuerySink[] = [];
  const follows: boolean[] = [];
  const options = { entriesMax: 0, bytesMax: 0, ttlMs: 0, seq: 0, nowMs: () => 0, blockHeight: () => 0, ...writes };
  const runner = {
    submit(_encode: unknown, sink: QuerySink, followsWrites: boolean) {
      runs.push(sink);
      follows.push(followsWrites);
    },
  };
  const engine = new EnhancedContractEngine(options, runner);
  const heard: unknown[] = [];
  const sink = { settle: () => heard.push("answer"), fail: ({ code }: EngineError) => heard.push(code) };
  const call = { kind: "call" as const, sender: ALICE, nonce: 0, gasLimit: 1_000, to: BOB, calldata: "0x" };
  const encode = (out: ByteWriter) => {
    encodeTransaction(call, out);
    return 1;
  };
  return {
    runs,
    follows,
    runner,
    heard,
    ask: (followsWrites?: boolean) => engine.query(encode, sink, false, followsWrites),
  };
}

describe("a query that was run", () => {
  /** Without that of the contract's record, which the first query reads and the others look at. */
  const readsOf = (steps: ProbeStep[]) => {
    const chain = new EnhancedChain();
    const to = chain.deploy(ALICE, { type: "probe" });
    chain.query({ to, calldata: probeCalldata([get(0)]) }, true);
    const before = chain.engine.statistics.totals();
    chain.query({ to, calldata: probeCalldata(steps) }, true);
    const { reads, repeatedReads } = chain.engine.statistics.totals();
    return [reads - before.reads - 1, repeatedReads - before.repeatedReads];
  };
  const get = (key: number): ProbeStep => ({ step: "get", key });
  const balance = (n: number): ProbeStep => ({
    step: "balance",
    account: `0x${n.toString(16).padStart(40, "0")}`,
  });

  it("is counted with what it read, and how much of that it had read before", () => {
    expect(readsOf([get(1), get(2), get(1), get(1)])).toEqual([4, 2]);
  });

  it("has read nothing again when it read very much", () => {
    const every = Array.from({ length: 250 }, (_, i) => [get(i), balance(i + 1)]).flat();
    expect(readsOf(every)).toEqual([500, 0]);
  });
});

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
    expect(chain.query({ ...of(ALICE), nonce: 7 }).cached).toBe(true);
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

  it("is not kept when nothing is to be kept, nor when it alone is more than may be", () => {
    for (const options of [{ entriesMax: 0 }, { bytesMax: 100 }]) {
      const { chain, of } = chainWithToken(options);
      chain.query(of(ALICE));
      expect(chain.query(of(ALICE)).cached).toBe(false);
      expect(chain.engine.cache.size).toBe(0);
    }
  });

  it("has its keys watched for as long as it is kept, with others or alone, and not at all when it is too large", () => {
    const versions = new WriteVersions(0);
    const [first] = versions.watch([1]) as [Watched];
    expect(versions.watch([1])).toEqual([first]);
    versions.release([first]);
    expect(versions.watch([1])[0]).toBe(first);
    versions.release([first, first]);
    expect(versions.watch([1])[0]).not.toBe(first);
    const watch = vi.spyOn(WriteVersions.prototype, "watch");
    const { store } = cacheOver(new ChainBuilder());
    expect(store({ returnData: new Uint8Array(2 * MIB) })).toBe(false);
    expect(watch).not.toHaveBeenCalled();
    watch.mockRestore();
  });

  it("is not kept from a block that is not durable: it may never be", () => {
    const { cache, answer, store } = cacheOver(new ChainBuilder());
    expect(store({ seq: answer.seq + 1 })).toBe(false);
    expect(cache.lookup(KEY)).toBeUndefined();
    expect(store()).toBe(true);
  });

  it("has bytes of its own", () => {
    const { cache, answer, store } = cacheOver(new ChainBuilder());
    store();
    answer.returnData.fill(0);
    expect(cache.lookup(KEY)!.returnData).toEqual(Uint8Array.of(7));
  });

  it("is dropped when a parameter of the chain changes: gas is counted otherwise", () => {
    const chain = new ChainBuilder();
    const { cache, store } = cacheOver(chain);
    store();
    cache.committed(chain.block({ changes: changesOf(Uint8Array.of(0x20)) }));
    expect(cache.lookup(KEY)).toBeDefined();
    cache.committed(chain.block({ changes: changesOf(parameterKey("a")) }));
    expect(cache.lookup(KEY)).toBeUndefined();
  });

  it("is kept over any number of blocks while somebody asks, and given up where nobody does", () => {
    const chain = new ChainBuilder();
    const { cache, store } = cacheOver(chain);
    const write = (blocks: number, bytes: number) => {
      for (let i = 0; i < blocks; i++)
        cache.committed(chain.block({ changes: changesOf(Uint8Array.of(0x20, i), bytes) }));
    };
    store();
    write(3, 3 * MIB);
    write(1, 1);
    expect(cache.lookup(KEY)).toBeDefined();
    write(6, 3 * MIB);
    expect(cache.lookup(KEY)).toBeUndefined();
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
    const totals = chain.engine.statistics.totals();
    expect(totals).toMatchObject({ misses: 2, joined: 1, bypassed: 0 });
    expect(hitRate(totals)).toBeCloseTo(1 / 3);
  });

  it("does not wait for a run that has another gas limit", () => {
    const { chain, of } = chainWithToken();
    const answers: QueryAnswer[] = [];
    for (const gasLimit of [10_000_000, 1]) chain.ask({ ...of(BOB), gasLimit }, (answer) => answers.push(answer));
    chain.deliver();
    expect(answers.map(({ status }) => status)).toEqual(["success", "halted"]);
  });

  it("that fails, fails for all who waited for it, and is run again for the next", () => {
    const { runs, runner, heard, ask } = heldEngine();
    ask();
    ask();
    expect(runs.length).toBe(1);
    runs[0]!.fail(new EngineError("EXECUTION_TIMEOUT", "too long"));
    expect(heard).toEqual(["EXECUTION_TIMEOUT", "EXECUTION_TIMEOUT"]);
    const { submit } = runner;
    runner.submit = () => {
      throw new EngineError("BUSY", "too many");
    };
    expect(() => ask()).toThrow(expect.objectContaining({ code: "BUSY" }));
    runner.submit = submit;
    ask();
    expect(runs.length).toBe(2);
  });

  it("of who has submitted nothing waits for no block, unless somebody has a receipt before it is durable", () => {
    for (const early of [false, true]) {
      const { follows, ask } = heldEngine({ hasWrites: () => true, hasEarlyReceipts: () => early });
      ask(false);
      ask(false);
      // Together, or each behind the block.
      expect(follows).toEqual(early ? [true, true] : [false]);
    }
  });

  it("waits with 65,536 others at most, and has its place again when they are answered or fail", () => {
    const { runs, heard, ask } = heldEngine();
    for (const end of [
      (run: QuerySink) => run.settle(ANSWER),
      (run: QuerySink) => run.fail(new EngineError("EXECUTION_TIMEOUT", "too long")),
    ]) {
      heard.length = 0;
      for (let i = 0; i <= 65_536; i++) ask();
      expect(() => ask()).toThrow(expect.objectContaining({ code: "BUSY" }));
      end(runs.pop()!);
      expect(heard.length).toBe(65_537);
    }
    ask();
    ask();
    expect(runs.length).toBe(1);
  });

  it("whose answers are hardly ever asked for again is not kept, and that is said", () => {
    const chain = new EnhancedChain({ optimize: true });
    const token = chain.deploy(ALICE, TOKEN);
    const of = (i: number) => ({ to: token, entrypoint: "balanceOf", args: [`0x${String(i).padStart(40, "0")}`] });
    // Who asks past the cache says nothing about it.
    for (let i = 0; i < 512; i++) chain.query(of(i), true);
    expect(chain.engine.optimizations()).toEqual([]);
    for (let i = 0; i < 512; i++) chain.query(of(i));
    expect(chain.engine.optimizations()).toMatchObject([{ contract: token, entrypoint: "balanceOf", misses: 512 }]);
    // The first after 512 is looked up all the same.
    chain.query(of(998));
    const supply = { to: token, entrypoint: "totalSupply", args: [] };
    expect([chain.query(supply), chain.query(supply)].map(({ cached }) => cached)).toEqual([false, true]);
    chain.query(of(999));
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

  it("is counted with the reads that it repeats", () => {
    const chain = new EnhancedChain();
    const to = chain.deploy(ALICE, { type: "probe" });
    const readsOf = (times: number) => {
      const before = chain.engine.statistics.totals();
      chain.query({ to, calldata: probeCalldata(Array(times).fill({ step: "get", key: 0 })) });
      const { reads, repeatedReads } = chain.engine.statistics.totals();
      return { reads: reads - before.reads, repeatedReads: repeatedReads - before.repeatedReads };
    };
    // The first reads more: the contract was not loaded.
    readsOf(1);
    const [twice, thrice] = [readsOf(2), readsOf(3)];
    expect([twice.repeatedReads, thrice.repeatedReads]).toEqual([1, 2]);
    expect(thrice.reads - twice.reads).toBe(1);
  });

  it("stays counted when its entrypoint is one of too many to be told apart", () => {
    const statistics = new QueryStatistics();
    for (let i = 0; i < 5_000; i++) statistics.of("contract", `entrypoint ${i}`).misses++;
    expect(statistics.all().length).toBeLessThan(5_000);
    expect(statistics.totals().misses).toBe(5_000);
  });

  it("is counted by contract and entrypoint", () => {
    const { chain, of, send } = chainWithToken();
    for (let i = 0; i < 3; i++) chain.query(of(ALICE));
    send(1);
    chain.query(of(ALICE));
    chain.query(of(ALICE), true);
    chain.nowMs = 300_000;
    chain.query(of(ALICE));
    expect(chain.engine.statistics.all()).toMatchObject([
      { entrypoint: "balanceOf", hits: 2, misses: 3, invalidated: 1, expired: 1, bypassed: 1 },
    ]);
    expect(chain.engine.cache.evicted).toBe(0);
    expect(chain.query({ ...of(ALICE), entrypoint: "noSuch" }).rejection).toBeDefined();
    expect(chain.engine.statistics.all().length).toBe(1);
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
