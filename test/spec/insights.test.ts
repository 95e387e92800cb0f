/** What the daemon says of itself: counted from the log, kept over restarts, equal whoever counts. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ContractHealthJson, PerformanceJson } from "../../src/client/metrics.ts";
import type { Engine } from "../../src/engine.ts";
import {
  ALICE,
  BOB,
  balanceOf,
  bytes,
  deployToken,
  openEngine,
  submit,
  temporaryDirectory,
  transfer,
} from "../support/engine.ts";

const performanceOf = async (engine: Engine) => (await engine.service.performance()) as unknown as PerformanceJson;
const healthOf = async (engine: Engine, address: string) =>
  (await engine.service.contractHealth(bytes(address))) as unknown as ContractHealthJson;

/** Three transfers that succeed, one that reverts, one that runs out of gas; a query run, and one from the cache. */
async function work(engine: Engine): Promise<string> {
  const token = await deployToken(engine);
  await submit(
    engine,
    [1, 2, 3].map((amount) => transfer(token, ALICE, BOB, amount)),
  );
  await submit(engine, [transfer(token, BOB, ALICE, 1000)]);
  await submit(engine, [transfer(token, ALICE, BOB, 1, { gasLimit: 22_000 })]);
  await balanceOf(engine, token, BOB);
  await balanceOf(engine, token, BOB);
  return token;
}

describe.each(["memory", "embedded"])("on storage %s", (kind) => {
  it("counts executions, failures by reason, times, gas, callers and queries", async () => {
    const directory = temporaryDirectory();
    const { engine } = await openEngine({ dataDir: kind === "memory" ? undefined : directory.path });
    try {
      const token = await work(engine);
      const performance = await performanceOf(engine);
      expect(performance).toMatchObject({
        totalExecutions: 6,
        successRate: 4 / 6,
        activeContracts: 1,
        recentErrorRate: 2 / 6,
        cacheHitRate: 0.5,
        cacheUtilization: 1 / 1000,
        rollbacks: 0,
      });
      expect(performance.avgExecutionTimeMs).toBeGreaterThan(0);
      expect(performance.executions!.total.timed).toBe(6);
      expect(performance.topCallers.map(({ address, total }) => [address, total.executions])).toEqual([
        [ALICE, 5],
        [BOB, 1],
      ]);
      const health = await healthOf(engine, token);
      expect(health).toMatchObject({ totalExecutions: 5, successRate: 3 / 5, cache: { hits: 1, misses: 1 } });
      expect(health.errorReasons).toEqual([
        { reason: "ERC20InsufficientBalance", count: 1 },
        { reason: "OutOfGas", count: 1 },
      ]);
      const analytics = await engine.service.contractAnalytics(bytes(token));
      expect(analytics["entrypoints"]).toMatchObject([
        { entrypoint: "(deploy)", total: { executions: 1, successRate: 1 } },
        { entrypoint: "transfer", total: { executions: 5, reverted: 1, halted: 1 } },
      ]);
    } finally {
      await engine.close();
      directory.remove();
    }
  });
});

it("gives a contract no score before its first call, and scores its calls alone", async () => {
  const directory = temporaryDirectory();
  const { engine } = await openEngine({ dataDir: directory.path });
  try {
    const token = await deployToken(engine);
    const unused = { healthScore: null, status: null, parts: [], totalExecutions: 0, lastExecutionMs: null };
    expect(await healthOf(engine, token)).toMatchObject(unused);
    expect((await engine.service.contractAnalytics(bytes(token)))["total"]).toMatchObject({ executions: 1 });
    await submit(engine, [transfer(token, ALICE, BOB, 1), transfer(token, ALICE, BOB, 1)]);
    const { healthScore, gasEfficiency, totalExecutions } = await healthOf(engine, token);
    expect([gasEfficiency, totalExecutions]).toEqual([(50_400 + 33_300) / 2, 2]);
    expect(healthScore).toBeCloseTo(0.6 + 0.3 * (1 - gasEfficiency! / 100_000) + 0.1);
  } finally {
    await engine.close();
    directory.remove();
  }
});

it("goes on counting after a restart, and counts the same from the log alone", async () => {
  const directory = temporaryDirectory();
  const open = () => openEngine({ dataDir: directory.path });
  try {
    let { engine } = await open();
    const token = await work(engine);
    const before = await performanceOf(engine);
    await engine.close();

    ({ engine } = await open());
    const reopened = await performanceOf(engine);
    expect(reopened.executions!.total).toEqual(before.executions!.total);
    await submit(engine, [transfer(token, ALICE, BOB, 1)]);
    const { analytics: _, ...counted } = await engine.service.contractAnalytics(bytes(token));
    await engine.close();

    rmSync(join(directory.path, "analytics.json"));
    ({ engine } = await open());
    const recounted = await performanceOf(engine);
    expect(recounted).toMatchObject({ totalExecutions: 7, totalGasConsumed: expect.stringMatching(/^\d+$/) });
    expect(recounted.executions!.total).toMatchObject({ executions: 7, timed: 0, avgTimeMs: null });
    const again = await engine.service.contractAnalytics(bytes(token));
    expect(again).toMatchObject({
      state: counted["state"],
      series: counted["series"],
      errorReasons: counted["errorReasons"],
    });
    await engine.close();
  } finally {
    directory.remove();
  }
});

it.each(["memory", "embedded"])("has a contract's state as a rollback left it, on storage %s", async (kind) => {
  const directory = temporaryDirectory();
  const { engine } = await openEngine({ dataDir: kind === "memory" ? undefined : directory.path });
  const stateOf = async (token: string) => (await engine.service.contractAnalytics(bytes(token)))["state"];
  try {
    const token = await deployToken(engine);
    const height = engine.service.info()["height"] as number;
    const before = await stateOf(token);
    for (let i = 1; i <= 3; i++)
      await submit(engine, [transfer(token, ALICE, `0x${String(i).repeat(40)}`, 5), transfer(token, ALICE, BOB, 1)]);
    expect(await stateOf(token)).toMatchObject({ keys: 6 });
    await engine.service.blockRollback(height);
    expect(await stateOf(token)).toEqual(before);
    await submit(engine, [transfer(token, ALICE, BOB, 1)]);
    expect(await stateOf(token)).toMatchObject({ keys: 3 });
    expect(await performanceOf(engine)).toMatchObject({ totalExecutions: 8, rollbacks: 1 });
  } finally {
    await engine.close();
    directory.remove();
  }
});

it("measures nothing when analytics are off, and says so", async () => {
  const { engine } = await openEngine({ analytics: false });
  try {
    const token = await work(engine);
    expect(await performanceOf(engine)).toMatchObject({ totalExecutions: null, analytics: false, cacheHitRate: 0.5 });
    expect(await healthOf(engine, token)).toMatchObject({ healthScore: null, analytics: false });
  } finally {
    await engine.close();
  }
});

it("has no score for a contract before it is executed, and none for plain value", async () => {
  const { engine } = await openEngine({ balances: [{ address: bytes(ALICE), balance: 10n }] });
  try {
    await submit(engine, [{ kind: "call", sender: ALICE, gasLimit: 100_000, to: BOB, value: "1" }]);
    expect(await performanceOf(engine)).toMatchObject({ totalExecutions: 0, successRate: null });
  } finally {
    await engine.close();
  }
});

it("loads the contracts executed most when it starts, and says which", async () => {
  const directory = temporaryDirectory();
  try {
    let { engine } = await openEngine({ dataDir: directory.path });
    const token = await deployToken(engine);
    await engine.close();
    ({ engine } = await openEngine({ dataDir: directory.path }));
    await expect
      .poll(async () => (await performanceOf(engine)).optimizations)
      .toEqual([{ what: "loadedAtStart", contract: token, executions: 1 }]);
    await engine.close();
  } finally {
    directory.remove();
  }
});
