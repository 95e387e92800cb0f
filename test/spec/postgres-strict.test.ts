/** Durability strict: several engines on one log in PostgreSQL. One leads; nothing that was acknowledged is lost or doubled. */
import { expect, it, onTestFinished } from "vitest";
import type { EngineOptions } from "../../src/engine-options.ts";
import type { EngineError } from "../../src/errors.ts";
import type { PostgresOptions } from "../../src/storage/postgres-options.ts";
import {
  ALICE,
  BOB,
  balanceOf,
  deployToken,
  heightOf,
  openEngine,
  rootOf,
  submit,
  type TestEngine,
  temporaryDirectory,
  transfer,
} from "../support/engine.ts";
import { createMigratedDatabase, describePostgres, query } from "../support/postgres.ts";
import { errorResponse, TcpProxy, type Trap } from "../support/tcp-proxy.ts";

interface Node extends TestEngine {
  dataDir: string;
  close(): Promise<void>;
}

/** An engine on the log, in a data directory of its own unless one is given. */
async function node(
  options: PostgresOptions,
  name: string,
  more: {
    dataDir?: string;
    durability?: "journal" | "strict";
    commitTimeoutMs?: number;
    engine?: Partial<EngineOptions>;
  } = {},
): Promise<Node> {
  let { dataDir } = more;
  if (dataDir === undefined) {
    const directory = temporaryDirectory();
    onTestFinished(directory.remove);
    dataDir = directory.path;
  }
  const { durability = "strict", commitTimeoutMs = 60_000 } = more;
  const test = await openEngine({
    dataDir,
    postgres: { options, durability, address: `http://${name}`, leaseMs: 10_000, commitTimeoutMs },
    ...more.engine,
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= test.engine.close());
  onTestFinished(close);
  return Object.assign(test, { dataDir, close });
}

async function through(options: PostgresOptions): Promise<{ proxy: TcpProxy; options: PostgresOptions }> {
  const proxy = await TcpProxy.open(options);
  onTestFinished(() => proxy.close());
  return {
    proxy,
    options: { ...options, host: "127.0.0.1", port: proxy.port, connectTimeoutMs: 500, statementTimeoutMs: 1_000 },
  };
}

/** The server has committed the append when the link goes. */
const LANDED: Trap = { text: "append 1\0", cut: "after", times: 1 };

const statusOf = (one: Node) => one.engine.service.health().status;
const send = (one: Node, token: string) => submit(one.engine, [transfer(token, ALICE, BOB, 1)]);

/** Sends until it is acknowledged, as a client with retryable errors would. */
async function sendUntilAcknowledged(one: Node, token: string): Promise<void> {
  for (;;) {
    const problem = await send(one, token).catch((thrown: unknown) => thrown);
    if (!(problem instanceof Error)) return;
    expect(problem).toMatchObject({ code: "BUSY" });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function caughtUp(replica: Node, leader: Node): Promise<void> {
  await expect.poll(() => heightOf(replica.engine)).toBe(heightOf(leader.engine));
  expect(rootOf(replica.engine)).toBe(rootOf(leader.engine));
}

describePostgres("strict", () => {
  it("keeps the log in PostgreSQL: an empty data directory, or the one before, goes on from all of it", async () => {
    const options = await createMigratedDatabase();
    const first = await node(options, "first");
    const token = await deployToken(first.engine);
    for (let i = 0; i < 5; i++) await send(first, token);
    await first.engine.service.blockRollback(heightOf(first.engine) - 2);
    await send(first, token);
    expect(first.engine.service.info()["storage"]).toMatchObject({
      kind: "postgres",
      durability: "strict",
      state: "ready",
    });
    const [height, root] = [heightOf(first.engine), rootOf(first.engine)];
    await first.close();
    const fresh = await node(options, "fresh");
    expect([heightOf(fresh.engine), rootOf(fresh.engine)]).toEqual([height, root]);
    await send(fresh, token);
    await fresh.close();
    const again = await node(options, "again", { dataDir: first.dataDir });
    expect(heightOf(again.engine)).toBe(height + 1);
    expect(await balanceOf(again.engine, token, BOB)).toBe(5n);
  });

  it("has one leader: the others follow, answer reads, name it to writers, and take over when it is gone", async () => {
    const options = await createMigratedDatabase();
    const leader = await node(options, "leader");
    const token = await deployToken(leader.engine);
    const replica = await node(options, "replica");
    expect([statusOf(leader), statusOf(replica)]).toEqual(["ready", "replica"]);
    for (let i = 0; i < 5; i++) await send(leader, token);
    await leader.engine.service.blockRollback(heightOf(leader.engine) - 1);
    await send(leader, token);
    await caughtUp(replica, leader);
    expect(await balanceOf(replica.engine, token, BOB)).toBe(5n);
    expect(replica.engine.service.health()).toMatchObject({ canRead: true, canWrite: false });
    await expect.poll(() => send(replica, token).catch((problem) => problem.facts?.leader)).toBe("http://leader");
    await expect(send(replica, token)).rejects.toMatchObject({ code: "NOT_LEADER" });
    await leader.close();
    await expect.poll(() => statusOf(replica)).toBe("ready");
    await send(replica, token);
    expect(await balanceOf(replica.engine, token, BOB)).toBe(6n);
    // PostgreSQL's tables go on under the new leader.
    const height = "select head_height::int as height from smart_contracts.position";
    await expect.poll(async () => (await query(options, height))[0]?.["height"]).toBe(heightOf(replica.engine));
  });

  it("fails the appends of a leader whose token is gone, which then follows, and may lead again", async () => {
    const options = await createMigratedDatabase();
    const one = await node(options, "one");
    const token = await deployToken(one.engine);
    await query(
      options,
      "update smart_contracts.leader set token = token + 1, holder = 'other', address = 'http://other', expires_at = clock_timestamp() + interval '2 seconds'",
    );
    await expect(send(one, token)).rejects.toMatchObject({ code: expect.stringMatching(/STORAGE_ERROR|NOT_LEADER/) });
    await expect(send(one, token)).rejects.toMatchObject({ code: "NOT_LEADER" });
    expect(statusOf(one)).toBe("replica");
    await expect.poll(() => statusOf(one)).toBe("ready");
    await send(one, token);
    expect(await balanceOf(one.engine, token, BOB)).toBe(1n);
  });

  it.each([
    ["the server goes away before it sees an append", "before"],
    ["the answer to an append is lost", "after"],
    ["an append can't be serialized (40001)", errorResponse("40001", "restart transaction", true)],
    ["the server's disk is full (53100)", errorResponse("53100", "could not extend file", true)],
    ["the server shuts down (57P01)", errorResponse("57P01", "terminating connection", false)],
  ] as const)("acknowledges everything once when %s", async (_, cut) => {
    const direct = await createMigratedDatabase();
    const { proxy, options } = await through(direct);
    const one = await node(options, "one");
    const token = await deployToken(one.engine);
    proxy.trap = { text: "append 1\0", cut, times: 2 };
    for (let i = 0; i < 6; i++) await sendUntilAcknowledged(one, token);
    expect(proxy.sprung).toBe(2);
    expect(await balanceOf(one.engine, token, BOB)).toBe(6n);
    const [log] = await query(
      direct,
      "select count(*)::int as n, max(seq)::int as last from smart_contracts.block_log",
    );
    expect(log).toEqual({ n: heightOf(one.engine) + 1, last: heightOf(one.engine) });
  });

  it("acknowledges everything once over a slow link", async () => {
    const { proxy, options } = await through(await createMigratedDatabase());
    const one = await node(options, "one");
    const token = await deployToken(one.engine);
    proxy.delayMs = 100;
    await Promise.all(Array.from({ length: 10 }, () => sendUntilAcknowledged(one, token)));
    expect(await balanceOf(one.engine, token, BOB)).toBe(10n);
    const replica = await node(options, "replica");
    await caughtUp(replica, one);
  });

  it("goes on when the server was starting up (57P03) for a while", async () => {
    const { proxy, options } = await through(await createMigratedDatabase());
    const one = await node(options, "one");
    const token = await deployToken(one.engine);
    proxy.greeting = errorResponse("57P03", "the database system is starting up", false);
    proxy.cut();
    const sent = send(one, token).catch((problem: EngineError) => problem.code);
    await expect.poll(() => statusOf(one)).toBe("degraded");
    proxy.greeting = undefined;
    const isIn = (await sent) !== "BUSY";
    await sendUntilAcknowledged(one, token);
    expect(await balanceOf(one.engine, token, BOB)).toBe(isIn ? 2n : 1n);
    await expect.poll(() => statusOf(one)).toBe("ready");
  });

  it("has one leader and equal roots though the clocks of its daemons are years apart, and leap", async () => {
    const options = await createMigratedDatabase();
    const year = 365 * 24 * 3_600_000;
    let aheadMs = 10 * year;
    const leader = await node(options, "leader", { engine: { now: () => Date.now() + aheadMs } });
    const token = await deployToken(leader.engine);
    const replica = await node(options, "replica", { engine: { now: () => Date.now() - year } });
    for (aheadMs of [20 * year, -year, 0]) await send(leader, token);
    await caughtUp(replica, leader);
    expect([statusOf(leader), statusOf(replica)]).toEqual(["ready", "replica"]);
    const timeOf = async (one: Node) => (await one.engine.service.block("latest"))!.timestampMs;
    const before = await timeOf(leader);
    await leader.close();
    await expect.poll(() => statusOf(replica)).toBe("ready");
    await send(replica, token);
    expect(await timeOf(replica)).toBe(before);
    expect(await balanceOf(replica.engine, token, BOB)).toBe(4n);
  });

  it("refuses writes, retryably and with nothing run, while PostgreSQL is away, and goes on when it is back", async () => {
    const { proxy, options } = await through(await createMigratedDatabase());
    const one = await node(options, "one");
    const token = await deployToken(one.engine);
    await send(one, token);
    proxy.isRefusing = true;
    proxy.cut();
    // The first may be on its way: it is settled when the server is back, one way or the other.
    const caught = send(one, token).catch((problem: unknown) => problem);
    await expect.poll(() => statusOf(one)).toBe("degraded");
    await expect(send(one, token)).rejects.toMatchObject({ code: "BUSY", facts: { retryAfterMs: 1_000 } });
    proxy.isRefusing = false;
    await caught;
    await sendUntilAcknowledged(one, token);
    const received = await balanceOf(one.engine, token, BOB);
    expect(received).toBe((await caught) instanceof Error ? 2n : 3n);
    // The lease and the tables have connections of their own, which come back in their own time.
    await expect.poll(() => statusOf(one)).toBe("ready");
  });

  it.each([
    ["half-open", undefined],
    ["cut behind the server, which has the block, and then refused", LANDED],
  ])("tells in time that an outcome is not known while the link is %s, and runs nothing twice", async (_, trap) => {
    const direct = await createMigratedDatabase();
    const { proxy, options } = await through(direct);
    const one = await node(options, "one", { commitTimeoutMs: 2_500 });
    const token = await deployToken(one.engine);
    const height = heightOf(one.engine);
    proxy.isHalfOpen = trap === undefined;
    proxy.trap = trap && { ...trap };
    const withId = transfer(token, ALICE, BOB, 1, { id: `0x${"1d".repeat(32)}` });
    const sent = submit(one.engine, [withId, transfer(token, ALICE, BOB, 2)]).catch((problem) => problem);
    if (trap !== undefined) await expect.poll(() => proxy.sprung).toBe(1);
    proxy.isRefusing = true;
    const unknown = await sent;
    expect(unknown).toMatchObject({ code: "OUTCOME_UNKNOWN", facts: { retryable: false, blockHeight: height + 1 } });
    const hashes = unknown.facts["transactionHashes"];
    expect(hashes).toHaveLength(2);
    // Nobody is sent here, nothing more begins, and reads go on from what is known.
    expect(one.engine.service.health()).toMatchObject({ status: "degraded", canWrite: false, canRead: true });
    await expect(submit(one.engine, [withId])).rejects.toMatchObject({ code: "BUSY" });
    await expect(one.engine.service.blockRollback(height)).rejects.toMatchObject({ code: "BUSY" });
    expect(await balanceOf(one.engine, token, BOB)).toBe(0n);
    const { service } = one.engine;
    expect(await service.simulate([transfer(token, ALICE, BOB, 1)], undefined)).toMatchObject({ blockHeight: height });
    const ofThePast = service.queryAt(transfer(token, ALICE, BOB, 1), height);
    await expect(ofThePast).rejects.toMatchObject({ code: "STORAGE_ERROR", facts: { retryable: true } });
    proxy.isRefusing = proxy.isHalfOpen = false;
    proxy.trap = undefined;
    proxy.cut();
    const asked = async () => (await submit(one.engine, [withId]).catch(() => []))[0];
    await expect.poll(asked).toMatchObject({ height: height + 1, hash: hashes[0] });
    expect(await balanceOf(one.engine, token, BOB)).toBe(3n);
    const count = "select count(*)::int as n from smart_contracts.block_log";
    expect(await query(direct, count)).toEqual([{ n: height + 2 }]);
    await expect.poll(() => statusOf(one)).toBe("ready");
  });

  it("tells a node in time that the outcome of its block is not known, and answers the same commit afterwards", async () => {
    const { proxy, options } = await through(await createMigratedDatabase());
    const one = await node(options, "one", { commitTimeoutMs: 2_500, engine: { mode: "driven" } });
    const { service } = one.engine;
    const next = () => ({
      height: heightOf(one.engine) + 1,
      parentHash: latest.blockHash,
      timestampMs: latest.timestampMs,
      encode: () => 0,
    });
    const latest = (await service.block("latest"))!;
    const { block } = await service.blockExecute(next());
    proxy.isHalfOpen = true;
    const unknown = service.blockCommit(block.height, block.stateRoot);
    await expect(unknown).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", facts: { blockHeight: block.height } });
    await expect(service.blockExecute(next())).rejects.toMatchObject({ code: "BUSY" });
    proxy.isHalfOpen = false;
    proxy.cut();
    const again = async () => (await service.blockCommit(block.height, block.stateRoot).catch(() => undefined))?.height;
    await expect.poll(again).toBe(block.height);
    expect(heightOf(one.engine)).toBe(block.height);
  });

  it("stops in time while PostgreSQL is away and a block is in doubt, and goes on from what the log has", async () => {
    const direct = await createMigratedDatabase();
    const { proxy, options } = await through(direct);
    const one = await node(options, "one", { commitTimeoutMs: 1_000 });
    const token = await deployToken(one.engine);
    proxy.trap = { ...LANDED };
    const caught = send(one, token).catch((problem: EngineError) => problem.code);
    await expect.poll(() => proxy.sprung).toBe(1);
    proxy.isRefusing = true;
    await one.close();
    expect(await caught).toBe("OUTCOME_UNKNOWN");
    expect(one.fatal).toBeUndefined();
    const again = await node(direct, "again", { dataDir: one.dataDir });
    expect(await balanceOf(again.engine, token, BOB)).toBe(1n);
  });

  it("takes the log of a daemon that ran in journal, and is then no longer a journal's", async () => {
    const options = await createMigratedDatabase();
    const journal = await node(options, "journal", { durability: "journal" });
    const token = await deployToken(journal.engine);
    for (let i = 0; i < 20; i++) await send(journal, token);
    const root = rootOf(journal.engine);
    await journal.close();
    const strict = await node(options, "strict", { dataDir: journal.dataDir });
    expect(rootOf(strict.engine)).toBe(root);
    await send(strict, token);
    const replica = await node(options, "replica");
    await caughtUp(replica, strict);
    await replica.close();
    await strict.close();
    await expect(node(options, "journal", { durability: "journal" })).rejects.toMatchObject({
      code: "DATABASE_IN_USE",
    });
  });

  it("refuses a data directory whose chain is another", async () => {
    const options = await createMigratedDatabase();
    const one = await node(options, "one");
    await deployToken(one.engine);
    const directory = temporaryDirectory();
    onTestFinished(directory.remove);
    const other = await openEngine({
      dataDir: directory.path,
      balances: [{ address: new Uint8Array(20), balance: 1n }],
    });
    await deployToken(other.engine);
    await other.engine.close();
    await expect(node(options, "other", { dataDir: directory.path })).rejects.toMatchObject({
      code: "DATABASE_IN_USE",
    });
  });
});
