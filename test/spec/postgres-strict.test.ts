/** Durability strict: several engines on one log in PostgreSQL. One leads; nothing that was acknowledged is lost or doubled. */
import { afterEach, expect, it } from "vitest";
import type { EngineOptions } from "../../src/engine-options.ts";
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
import { errorResponse, TcpProxy } from "../support/tcp-proxy.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Node extends TestEngine {
  dataDir: string;
  close(): Promise<void>;
}

/** An engine on the log, in a data directory of its own unless one is given. */
async function node(
  options: PostgresOptions,
  name: string,
  more: { dataDir?: string; durability?: "journal" | "strict"; engine?: Partial<EngineOptions> } = {},
): Promise<Node> {
  let { dataDir } = more;
  if (dataDir === undefined) {
    const directory = temporaryDirectory();
    cleanups.push(directory.remove);
    dataDir = directory.path;
  }
  const { durability = "strict" } = more;
  const test = await openEngine({
    dataDir,
    postgres: { options, durability, address: `http://${name}`, leaseMs: 1_500 },
    ...more.engine,
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= test.engine.close());
  cleanups.push(close);
  return Object.assign(test, { dataDir, close });
}

async function through(options: PostgresOptions): Promise<{ proxy: TcpProxy; options: PostgresOptions }> {
  const proxy = await TcpProxy.open(options);
  cleanups.push(() => proxy.close());
  return {
    proxy,
    options: { ...options, host: "127.0.0.1", port: proxy.port, connectTimeoutMs: 500, statementTimeoutMs: 1_000 },
  };
}

const statusOf = (one: Node) => one.engine.service.health().status;
const send = (one: Node, token: string) => submit(one.engine, [transfer(token, ALICE, BOB, 1)]);

/** Sends until it is acknowledged, as a client with retryable errors would. */
async function sendUntilAcknowledged(one: Node, token: string): Promise<void> {
  for (;;) {
    const problem = await send(one, token).catch((thrown: unknown) => thrown);
    if (!(problem instanceof Error)) return;
    expect(problem).toMatchObject({ facts: { retryable: true } });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function caughtUp(replica: Node, leader: Node): Promise<void> {
  await expect.poll(() => heightOf(replica.engine), { timeout: 20_000 }).toBe(heightOf(leader.engine));
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
    await expect.poll(() => statusOf(replica), { timeout: 10_000 }).toBe("ready");
    await send(replica, token);
    expect(await balanceOf(replica.engine, token, BOB)).toBe(6n);
    // PostgreSQL's tables go on under the new leader.
    const height = "select head_height::int as height from smart_contracts.position";
    await expect
      .poll(async () => (await query(options, height))[0]?.["height"], { timeout: 20_000 })
      .toBe(heightOf(replica.engine));
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
    await expect.poll(() => statusOf(one), { timeout: 10_000 }).toBe("ready");
    await send(one, token);
    expect(await balanceOf(one.engine, token, BOB)).toBe(1n);
  });

  it.each([
    ["the server goes away before it sees an append", "before"],
    ["the answer to an append is lost", "after"],
    ["an append can't be serialized (40001)", errorResponse("40001", "restart transaction", true)],
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

  it("refuses writes, retryably and with nothing run, while PostgreSQL is away, and goes on when it is back", async () => {
    const { proxy, options } = await through(await createMigratedDatabase());
    const one = await node(options, "one");
    const token = await deployToken(one.engine);
    await send(one, token);
    proxy.isRefusing = true;
    proxy.cut();
    // The first may be on its way: it is settled when the server is back, one way or the other.
    const caught = send(one, token).catch((problem: unknown) => problem);
    await expect.poll(() => statusOf(one), { timeout: 10_000 }).toBe("degraded");
    await expect(send(one, token)).rejects.toMatchObject({ code: "STORAGE_ERROR", facts: { retryable: true } });
    proxy.isRefusing = false;
    await caught;
    await sendUntilAcknowledged(one, token);
    const received = await balanceOf(one.engine, token, BOB);
    expect(received).toBe((await caught) instanceof Error ? 2n : 3n);
    // The lease and the tables have connections of their own, which come back in their own time.
    await expect.poll(() => statusOf(one), { timeout: 20_000 }).toBe("ready");
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
    cleanups.push(directory.remove);
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
