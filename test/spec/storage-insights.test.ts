/** storage_*: what the storage says of itself, asked over the interface that people use, of real servers. */
import { dirname } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Telemetry } from "../../src/observability/telemetry.ts";
import { encryptedDirectory } from "../support/encrypted-directory.ts";
import {
  ALICE,
  BOB,
  balanceOf,
  deployToken,
  openEngine,
  submit,
  temporaryDirectory,
  transfer,
} from "../support/engine.ts";
import { createMigratedDatabase, describePostgres } from "../support/postgres.ts";
import { describeOwnRedis, PrivateRedis } from "../support/redis.ts";
import { parseScrape } from "../support/scrape.ts";
import { storageMethods } from "../support/storage-methods.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

async function opened(options: Parameters<typeof openEngine>[0] = {}) {
  const directory = temporaryDirectory();
  const test = await openEngine({ dataDir: directory.path, ...options });
  onTestFinished(directory.remove);
  onTestFinished(() => test.engine.close());
  return { ...test, storage: storageMethods(test.engine) };
}

describe("with the embedded store alone", () => {
  it("says that there is no server, and counts what is stored", async () => {
    const { engine, storage } = await opened();
    const token = await deployToken(engine);
    await submit(engine, [transfer(token, ALICE, BOB, 1)]);
    expect(await storage.connectivity()).toMatchObject({
      postgresConnected: null,
      redisConnected: null,
      fallbackAvailable: false,
      backends: [
        { name: "log", status: "ok" },
        { name: "state", status: "ok" },
      ],
    });
    const page = await engine.service.contractState({ address: Buffer.from(token.slice(2), "hex"), limit: 100 });
    await expect
      .poll(() => storage.info())
      .toMatchObject({ totalContracts: 1, totalStateEntries: page.items.length, totalExecutions: 2, postgres: null });
    expect(await storage.stats()).toMatchObject({
      totalQueries: 0,
      postgres: null,
      redis: null,
      log: { durableSeq: 2 },
    });
  });

  it("counts what is encrypted too", async () => {
    const { engine, storage } = await opened({ dataDir: dirname(encryptedDirectory("journal")) });
    await deployToken(engine);
    await expect.poll(() => storage.info()).toMatchObject({ totalContracts: 1, totalExecutions: 1 });
  });

  it("forgets cached answers when it is told to", async () => {
    const { engine, storage } = await opened();
    const token = await deployToken(engine);
    const ask = () => balanceOf(engine, token, ALICE);
    await ask();
    await ask();
    expect(await storage.stats()).toMatchObject({ cacheHits: 1, cacheMisses: 1 });
    expect(await storage.clearCache()).toEqual({ queryAnswers: 1, redisCleared: null });
    expect(await ask()).toBe(1_000_000n);
    expect(await storage.stats()).toMatchObject({ cacheHits: 1, cacheMisses: 2 });
  });
});

describe("with storage in memory", () => {
  it("answers null for what is not counted", async () => {
    const { storage } = await opened({ dataDir: undefined });
    expect(await storage.info()).toMatchObject({
      totalContracts: null,
      stateStoreBytes: null,
      memoryFallbackEntries: 0,
    });
  });
});

describePostgres("with PostgreSQL and Redis", () => {
  describeOwnRedis("both real", () => {
    const scene = async () => {
      const server = await PrivateRedis.start();
      const database = await createMigratedDatabase();
      const proxy = await TcpProxy.open(database);
      onTestFinished(() => proxy.close());
      const options = { ...database, host: "127.0.0.1", port: proxy.port };
      const postgres = { options, durability: "journal", address: "test", slowMs: 500 } as const;
      const made = await opened({ postgres, redis: { options: server.options(), slowMs: 500 } });
      const token = await deployToken(made.engine);
      const caughtUp = () =>
        expect
          .poll(async () => {
            const { postgres: pg, redis, log } = await made.storage.stats();
            return [pg?.appliedSeq, redis?.appliedSeq].map((seq) => seq === log.durableSeq);
          })
          .toEqual([true, true]);
      await caughtUp();
      return { ...made, server, proxy, token, caughtUp };
    };

    it("measures a round trip to each, and names what does not answer", async () => {
      const { storage, server, proxy } = await scene();
      const both = await storage.connectivity();
      expect(both).toMatchObject({ postgresConnected: true, redisConnected: true, fallbackAvailable: true });
      for (const { name, latencyMs, version, error } of both.backends.slice(2)) {
        expect([name, error]).toEqual([name, null]);
        expect(latencyMs).toBeGreaterThan(0);
        expect(version).toMatch(/^\d+\./);
      }
      await server.kill();
      proxy.isRefusing = true;
      proxy.cut();
      await expect
        .poll(() => storage.connectivity())
        .toMatchObject({
          postgresConnected: false,
          redisConnected: false,
          fallbackAvailable: true,
          backends: [
            { name: "log", status: "ok" },
            { name: "state", status: "ok" },
            { name: "postgres", status: "unreachable", latencyMs: null, error: /PostgreSQL failed at connecting/ },
            { name: "redis", status: "unreachable", latencyMs: null, error: /Redis failed at connecting/ },
          ],
        });
    });

    it("counts what it asks of each, and lists what was slow without its values", async () => {
      const { engine, storage, proxy, token, caughtUp } = await scene();
      const before = await storage.stats();
      expect(before).toMatchObject({
        postgresConnections: 1,
        redisConnections: 1,
        postgres: { connections: 1, connectionsMax: 3, failed: 0, backlogEntries: 0 },
        redis: { link: "ok", failed: 0, backlogEntries: 0, mismatches: 0, fills: 1 },
      });
      proxy.delayMs = 300;
      await submit(engine, [transfer(token, ALICE, BOB, 7)]);
      await caughtUp();
      const after = await storage.stats();
      expect(after.totalQueries).toBeGreaterThan(before.totalQueries);
      expect(after.postgres!.slow.length).toBeGreaterThan(0);
      expect(after.postgres!.slow.length).toBeLessThanOrEqual(50);
      for (const { statement, ms } of after.postgres!.slow) {
        expect(ms).toBeGreaterThanOrEqual(500);
        expect(statement).not.toContain(BOB.slice(2));
      }
      expect(after.postgres!.slow.map(({ statement }) => statement)).toContain("upsert state");
      expect(after.redis!.valuesWritten).toBeGreaterThan(before.redis!.valuesWritten);
    });

    it("gives Prometheus the same figures, by server", async () => {
      const { engine, storage } = await scene();
      const { service } = engine;
      const telemetry = new Telemetry({
        version: "0",
        performance: true,
        errors: true,
        tracer: undefined,
        logSystem: "test",
      });
      const stats = await storage.stats();
      const streams = { subscriptions: 0, subscriptionsMax: 1, dropped: new Map() };
      const figures = {
        health: () => service.health(),
        height: () => 1,
        storage: () => stats,
        streams: () => streams,
        cache: () => service.cacheUse(),
        performance: async () => undefined,
      };
      const { samples } = parseScrape(await telemetry.text(figures));
      for (const server of ["postgres", "redis"] as const) {
        expect(samples.get(`contract_backend_up{backend="${server}"}`)).toBe(1);
        expect(samples.get(`contract_server_connections{server="${server}"}`)).toBe(1);
        expect(samples.get(`contract_server_seq{server="${server}"}`)).toBe(stats.log.durableSeq);
        expect(samples.get(`contract_server_queries_total{server="${server}"}`)).toBe(stats[server]!.queries);
      }
      expect(samples.get("contract_redis_fills_total")).toBe(1);
    });

    it("says what the servers hold", async () => {
      const { storage } = await scene();
      const info = await storage.info();
      expect(info.postgres!.tables.map(({ name }) => name)).toEqual(
        expect.arrayContaining(["blocks", "contract_state"]),
      );
      expect(info.postgresSizeBytes).toBe(info.postgres!.tables.reduce((sum, { bytes }) => sum + bytes, 0));
      expect(info.redis).toMatchObject({ mode: "standalone", memoryPolicy: "noeviction" });
      expect(info.redisMemoryUsageBytes).toBeGreaterThan(0);
      expect(info.redis!.feedLength).toBeGreaterThan(0);
    });

    it("empties Redis and fills it again when it is told to", async () => {
      const { engine, storage, server, caughtUp } = await scene();
      expect(await storage.clearCache()).toMatchObject({ redisCleared: true });
      await caughtUp();
      expect((await storage.stats()).redis).toMatchObject({ fills: 2, link: "ok" });
      await server.kill();
      await expect.poll(() => engine.service.health().backends["redis"]!.status).toBe("unreachable");
      await expect(storage.clearCache()).rejects.toMatchObject({ code: "STORAGE_ERROR", facts: { retryable: true } });
    });
  });
});
