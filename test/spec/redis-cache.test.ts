/** A cache in Redis beside the engine: whatever becomes of it, the engine answers the same, and it is right again by itself. */
import { readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Redis } from "ioredis";
import { expect, it, onTestFinished } from "vitest";
import { fromHex, toHex } from "../../src/encoding/hex.ts";
import type { EngineOptions } from "../../src/engine-options.ts";
import type { RedisOptions } from "../../src/storage/redis-options.ts";
import {
  ALICE,
  BOB,
  BUILT,
  balanceOf,
  CAROL,
  deployToken,
  heightOf,
  openEngine,
  rootOf,
  submit,
  type TestEngine,
  temporaryDirectory,
  transfer,
} from "../support/engine.ts";
import { createMigratedDatabase, describePostgres } from "../support/postgres.ts";
import { clientOf, describeOwnRedis, PrivateRedis, type PrivateRedisOptions } from "../support/redis.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

interface Scene {
  test: TestEngine;
  server: PrivateRedis;
  client: Redis;
  redis: RedisOptions;
  proxy: TcpProxy;
  token: string;
  reopen(): Promise<void>;
}

async function scene(
  options: { server?: PrivateRedisOptions; redis?: Partial<RedisOptions>; engine?: Partial<EngineOptions> } = {},
): Promise<Scene> {
  const server = await PrivateRedis.start(options.server);
  const proxy = await TcpProxy.open(server.options());
  const redis = server.options(options.redis);
  const client = clientOf(redis);
  client.on("error", () => undefined);
  const directory = temporaryDirectory();
  const storage = { options: { ...redis, port: proxy.port, commandTimeoutMs: 1_000 }, slowMs: 1_000 };
  const open = () => openEngine({ dataDir: directory.path, redis: storage, ...options.engine });
  const made = { server, client, redis, proxy, test: await open() } as Scene;
  onTestFinished(directory.remove);
  onTestFinished(() => proxy.close());
  onTestFinished(() => client.disconnect());
  onTestFinished(() => made.test.engine.close());
  made.reopen = async () => {
    await made.test.engine.close();
    made.test = await open();
  };
  made.token = await deployToken(made.test.engine);
  return made;
}

const backend = (test: TestEngine) => test.engine.service.health().backends["redis"]!;
const pay = async ({ test, token }: Scene, count = 1) => {
  for (let i = 0; i < count; i++) await submit(test.engine, [transfer(token, ALICE, BOB, 1)]);
};

/** Redis has caught up and holds exactly the engine's state, which answers as it should. */
async function expectEqual(stage: Scene, bob: bigint): Promise<void> {
  const { test, client, redis, token } = stage;
  const { keyPrefix } = redis;
  expect(await balanceOf(test.engine, token, BOB)).toBe(bob);
  const durableSeq = () => test.engine.service.health().backends["log"]!["durableSeq"];
  const page = await test.engine.service.contractState({ address: fromHex(token)!, limit: 1000 });
  const expected = page.items.map(({ key, value }) => [`state:${token}:${toHex(key)}`, toHex(value)]);
  const position = async () => JSON.parse((await client.get(`${keyPrefix}position`).catch(() => null)) ?? "{}");
  const state = async () => {
    const keys = (await client.keys(`${keyPrefix}state:*`)).sort();
    const values = keys.length === 0 ? [] : await client.mget(keys);
    return keys.map((key, i) => [key.slice(keyPrefix.length), JSON.parse(values[i]!).value]);
  };
  await expect.poll(async () => (await position()).seq).toBe(durableSeq());
  await expect.poll(() => backend(test).status).toBe("ok");
  expect(await position()).toMatchObject({ height: heightOf(test.engine), stateRoot: rootOf(test.engine) });
  expect(await state()).toEqual(expected);
  const accounts = await client.keys(`${keyPrefix}account:*`);
  for (const account of accounts) {
    const address = account.slice(account.indexOf(":0x") + 1);
    const { nonce, balance } = await test.engine.service.account(fromHex(address)!);
    expect(JSON.parse((await client.get(account))!)).toMatchObject({ nonce, balance: String(balance) });
  }
  expect(test.engine.service.health().status).toBe("ready");
  expect(test.fatal).toBeUndefined();
}

describeOwnRedis("Redis beside the engine", () => {
  it("follows blocks and rollbacks, and goes on after a restart of the daemon without writing everything again", async () => {
    const stage = await scene();
    await pay(stage, 4);
    await stage.test.engine.service.blockRollback(heightOf(stage.test.engine) - 2);
    await expectEqual(stage, 2n);
    await stage.reopen();
    await pay(stage);
    await expectEqual(stage, 3n);
    expect(backend(stage.test)["fills"]).toBe(0);
    const contract = JSON.parse((await stage.client.get(`${stage.redis.keyPrefix}contract:${stage.token}`))!);
    expect(contract).toMatchObject({ kind: "builtin", type: "erc20", creator: ALICE, status: "active" });
  });

  it("takes back what was rolled back while it was away", async () => {
    const stage = await scene();
    await pay(stage, 4);
    await expectEqual(stage, 4n);
    await stage.server.kill();
    await stage.test.engine.service.blockRollback(heightOf(stage.test.engine) - 3);
    await submit(stage.test.engine, [transfer(stage.token, ALICE, CAROL, 5)]);
    await stage.server.restart();
    await expectEqual(stage, 1n);
  });

  it("need not be there at the start", async () => {
    const stage = await scene();
    await stage.server.kill();
    await stage.reopen();
    await pay(stage, 2);
    await expect.poll(() => backend(stage.test).status).toBe("unreachable");
    expect(stage.test.engine.service.health()).toMatchObject({ status: "degraded", canWrite: true, canRead: true });
    await stage.server.restart();
    await expectEqual(stage, 2n);
  });

  const faults: [string, (stage: Scene) => unknown, (stage: Scene) => unknown][] = [
    ["is killed and started again empty", ({ server }) => server.kill(), ({ server }) => server.restart()],
    [
      "refuses connections",
      ({ proxy }) => {
        proxy.isRefusing = true;
        proxy.cut();
      },
      ({ proxy }) => {
        proxy.isRefusing = false;
      },
    ],
    [
      "keeps still (half-open)",
      ({ proxy }) => {
        proxy.isHalfOpen = true;
      },
      ({ proxy }) => {
        proxy.isHalfOpen = false;
        proxy.cut();
      },
    ],
  ];
  it.each(faults)("goes on while the server %s, says so, and it catches up", async (_, spoil, mend) => {
    const stage = await scene();
    await pay(stage, 2);
    await expectEqual(stage, 2n);
    await spoil(stage);
    await pay(stage, 2);
    await expect.poll(() => backend(stage.test).status).toBe("unreachable");
    expect(stage.test.engine.service.health()).toMatchObject({ status: "degraded", canWrite: true });
    expect(await balanceOf(stage.test.engine, stage.token, BOB)).toBe(4n);
    await mend(stage);
    await pay(stage);
    await expectEqual(stage, 5n);
  });

  it("notices FLUSHALL without anything being written, and starts again", async () => {
    const stage = await scene();
    await pay(stage, 3);
    await expectEqual(stage, 3n);
    await stage.client.flushall();
    await expectEqual(stage, 3n);
    expect(backend(stage.test)["fills"]).toBe(2);
  });

  it("answers the same whatever Redis claims, and puts it right", async () => {
    const stage = await scene();
    const { client, redis, token } = stage;
    await pay(stage, 3);
    await expectEqual(stage, 3n);
    const [bob] = (await client.keys(`${redis.keyPrefix}state:${token}:*`)).filter((key) => key.endsWith(BOB.slice(2)));
    await client.set(bob!, '{"seq":0,"value":"0xffffff"}');
    await client.set(`${redis.keyPrefix}contract:${CAROL}`, '{"seq":0,"kind":"builtin"}');
    expect(await balanceOf(stage.test.engine, token, BOB)).toBe(3n);
    expect(await stage.test.engine.service.contract(fromHex(CAROL)!)).toBeUndefined();
    await expect.poll(() => backend(stage.test)["mismatches"]).toBe(1);
    await expectEqual(stage, 3n);
    expect(await client.exists(`${redis.keyPrefix}contract:${CAROL}`)).toBe(0);
    const position = `${redis.keyPrefix}position`;
    await client.set(position, (await client.get(position))!.replace(/"seq":\d+/, '"seq":9999'));
    await pay(stage);
    await expectEqual(stage, 4n);
  });

  it("comes back with an older state of its own, and is brought on from there", async () => {
    const stage = await scene();
    await pay(stage, 2);
    await expectEqual(stage, 2n);
    await stage.client.save();
    await pay(stage, 3);
    await expectEqual(stage, 5n);
    await stage.server.restart();
    await pay(stage);
    await expectEqual(stage, 6n);
    expect(backend(stage.test)["fills"]).toBe(1);
  });

  it("may lose its thread: the engine goes on, says so, and starts another", async () => {
    const scripts = temporaryDirectory();
    for (const name of readdirSync(BUILT)) symlinkSync(new URL(name, BUILT), join(scripts.path, name));
    const script = join(scripts.path, "redis-worker.js");
    rmSync(script);
    writeFileSync(script, "process.exit(3);");
    onTestFinished(scripts.remove);
    const stage = await scene({ engine: { scripts: pathToFileURL(`${scripts.path}/`) } });
    await expect.poll(() => backend(stage.test)["restarts"]).toBeGreaterThan(1);
    expect(backend(stage.test)).toMatchObject({ status: "failed", error: "the thread of the Redis cache ended" });
    await pay(stage, 2);
    expect(await balanceOf(stage.test.engine, stage.token, BOB)).toBe(2n);
    rmSync(script);
    symlinkSync(new URL("redis-worker.js", BUILT), script);
    await expectEqual(stage, 2n);
  });

  it("is spoken to over TLS, with the CA named and a password", async () => {
    const stage = await scene({ server: { tls: true, password: "s3cret" } });
    await pay(stage, 2);
    await expectEqual(stage, 2n);
    expect(JSON.stringify(stage.test.engine.service.health())).not.toContain("s3cret");
  });
});

describeOwnRedis("Redis beside daemons that share a log", () => {
  describePostgres("in PostgreSQL", () => {
    it("is written by one of them, and by another when that one is gone", async () => {
      const database = await createMigratedDatabase();
      const postgres = { options: database, durability: "strict", address: "test", leaseMs: 1_000 } as const;
      const first = await scene({ engine: { postgres } });
      await pay(first, 2);
      await expectEqual(first, 2n);
      const directory = temporaryDirectory();
      const redis = { options: first.redis, slowMs: 1_000 };
      const second = { ...first, test: await openEngine({ dataDir: directory.path, postgres, redis }) };
      onTestFinished(directory.remove);
      onTestFinished(() => second.test.engine.close());
      await expect.poll(() => backend(second.test)["link"]).toBe("standby");
      expect(backend(second.test).status).toBe("ok");
      await first.test.engine.close();
      await expect.poll(() => second.test.engine.service.health().canWrite).toBe(true);
      await pay(second, 1);
      await expectEqual(second, 3n);
      expect(backend(second.test)["fills"]).toBe(0);
    });
  });
});
