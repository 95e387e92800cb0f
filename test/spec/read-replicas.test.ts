/** Read replicas: PostgreSQL's own copies, here a physical standby. What may be a little behind is read there, and says how far. */
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { PostgresConfig } from "../../src/config/config.ts";
import type { PostgresStorage } from "../../src/service/postgres-handle.ts";
import { stateTools } from "../../src/tools/state.ts";
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
import { describeOwnPostgres, query, type Standby, startStandby, urlOf } from "../support/postgres.ts";
import { runCli } from "../support/run-cli.ts";
import { storageMethods } from "../support/storage-methods.ts";

const BEHIND_MAX = 5;
const RUN = { signal: new AbortController().signal, onProgress: () => undefined };

async function opened(
  { primary, standby }: Standby,
  durability: PostgresStorage["durability"],
  dataDir = newDirectory(),
): Promise<TestEngine> {
  const readReplicas = { servers: [standby], entriesBehindMax: BEHIND_MAX };
  const postgres = { options: primary, durability, address: "http://test", leaseMs: 10_000, readReplicas };
  const test = await openEngine({ dataDir, postgres });
  onTestFinished(() => test.engine.close());
  return test;
}

function newDirectory(): string {
  const directory = temporaryDirectory();
  onTestFinished(directory.remove);
  return directory.path;
}

const healthOf = ({ engine }: TestEngine) => engine.service.health();
const replicaOf = (test: TestEngine) => healthOf(test).backends["postgres-replica-1"];
const send = ({ engine }: TestEngine, token: string) => submit(engine, [transfer(token, ALICE, BOB, 1)]);

describeOwnPostgres("a standby", () => {
  it("serves the log to daemons that follow, which are never further behind than the bound, and lead with everything", async () => {
    const servers = await startStandby();
    const leader = await opened(servers, "strict");
    const token = await deployToken(leader.engine);
    await expect.poll(() => replicaOf(leader)).toMatchObject({ status: "ok", logSeq: 1, entriesBehind: 0 });
    expect(healthOf(leader)).toMatchObject({ status: "ready", canWrite: true });

    // It stands still: who reads there stands where it does, until the bound.
    await servers.pause(true);
    const follower = await opened(servers, "strict");
    await expect.poll(() => replicaOf(follower)).toMatchObject({ status: "ok" });
    for (let i = 0; i < BEHIND_MAX; i++) await send(leader, token);
    await expect.poll(() => replicaOf(leader)).toMatchObject({ status: "ok", entriesBehind: BEHIND_MAX });
    const lag = () => heightOf(leader.engine) - heightOf(follower.engine);
    expect(lag()).toBeGreaterThan(0);
    for (let i = 0; i < BEHIND_MAX; i++) await send(leader, token);
    await expect.poll(lag).toBeLessThanOrEqual(BEHIND_MAX);
    const entriesBehind = 2 * BEHIND_MAX;
    await expect.poll(() => replicaOf(leader)).toMatchObject({ status: "behind", entriesBehind });
    expect(healthOf(leader)).toMatchObject({ status: "degraded", canWrite: true });

    // Within the bound again, and then the leader is gone: the rest comes from the primary.
    await servers.pause(false);
    await expect.poll(() => replicaOf(leader)).toMatchObject({ status: "ok", entriesBehind: 0 });
    await servers.pause(true);
    await send(leader, token);
    const [height, root] = [heightOf(leader.engine), rootOf(leader.engine)];
    await leader.engine.close();
    await expect.poll(() => healthOf(follower).canWrite).toBe(true);
    expect([heightOf(follower.engine), rootOf(follower.engine)]).toEqual([height, root]);
    await send(follower, token);
    expect(await balanceOf(follower.engine, token, BOB)).toBe(BigInt(2 * BEHIND_MAX + 2));
  });

  it("is read by a new daemon for all that it has, and away it keeps nobody from anything", async () => {
    const servers = await startStandby();
    const leader = await opened(servers, "strict");
    const token = await deployToken(leader.engine);
    for (let i = 0; i < 20; i++) await send(leader, token);
    await expect.poll(() => replicaOf(leader)).toMatchObject({ logSeq: 21 });
    const reads =
      "select sum(idx_tup_fetch + seq_tup_read)::int as n from pg_stat_user_tables where relname = 'block_log'";
    const follower = await opened(servers, "strict");
    await expect.poll(() => rootOf(follower.engine)).toBe(rootOf(leader.engine));
    await expect.poll(async () => (await query(servers.standby, reads))[0]?.["n"]).toBeGreaterThanOrEqual(20);
    await follower.engine.close();

    await servers.kill();
    await expect.poll(() => replicaOf(leader)).toMatchObject({ status: "unreachable", entriesBehind: null });
    await send(leader, token);
    const again = await opened(servers, "strict");
    expect(again.reports).toContain("warn: the log is copied from the primary, not from a read replica");
    await expect.poll(() => rootOf(again.engine)).toBe(rootOf(leader.engine));
  });

  it("answers storage_info as of an entry that it names, and the primary does where it is too far behind", async () => {
    const servers = await startStandby();
    const one = await opened(servers, "journal");
    const storage = storageMethods(one.engine);
    const token = await deployToken(one.engine);
    const [at, ofPrimary] = [servers.standby, servers.primary].map(({ port }) => expect.stringContaining(`:${port}/`));
    await expect.poll(async () => (await storage.info()).postgres).toMatchObject({ where: at, tablesSeq: 1 });
    const { backends } = await storage.connectivity();
    expect(backends.find(({ name }) => name === "postgres-replica")).toMatchObject({
      where: at,
      status: "ok",
      error: null,
    });
    // Whoever reads the tables there reads of one entry, which `position` names.
    const rows = `select (select applied_seq from smart_contracts.position)::int as seq,
                         (select count(*) from smart_contracts.execution_history)::int as executions`;
    expect(await query(servers.standby, rows)).toEqual([{ seq: 1, executions: 1 }]);

    await servers.pause(true);
    for (let i = 0; i < 2 * BEHIND_MAX; i++) await send(one, token);
    await expect.poll(() => replicaOf(one)).toMatchObject({ status: "behind", tablesSeq: 1 });
    const seq = 1 + 2 * BEHIND_MAX;
    await expect.poll(async () => (await storage.info()).postgres).toMatchObject({ where: ofPrimary, tablesSeq: seq });
    expect(healthOf(one)).toMatchObject({ status: "degraded", canWrite: true });
    const environment = {
      DATABASE_URL: urlOf(servers.primary),
      POLYTORUS_STORAGE__KIND: "postgres",
      POLYTORUS_STORAGE__POSTGRES__READ_REPLICA_URLS: urlOf(servers.standby),
      POLYTORUS_STORAGE__POSTGRES__READ_REPLICA_BEHIND_MAX: String(BEHIND_MAX),
    };
    const { checks } = (await runCli(["doctor", "--json"], { cwd: newDirectory(), environment })).json().result;
    const found = checks.find(({ name }: { name: string }) => name === "read replica");
    expect(found).toMatchObject({
      status: "warning",
      found: expect.stringContaining(`at entry 1, ${2 * BEHIND_MAX} behind`),
    });
    await servers.pause(false);
    await expect.poll(async () => (await storage.info()).postgres).toMatchObject({ where: at, tablesSeq: seq });
    expect(healthOf(one).status).toBe("ready");
  });

  it("is copied like the log itself, with an equal root", async () => {
    const servers = await startStandby();
    const one = await opened(servers, "strict");
    const token = await deployToken(one.engine);
    await send(one, token);
    await expect.poll(() => replicaOf(one)).toMatchObject({ logSeq: 2 });
    const to = { kind: "directory", path: join(newDirectory(), "copy") } as const;
    const from = { kind: "postgres", postgres: servers.standby as PostgresConfig } as const;
    const copied = await stateTools.copy(from, to, { replace: false }, RUN);
    expect(copied).toMatchObject({ stateRoot: rootOf(one.engine) });
  });
});
