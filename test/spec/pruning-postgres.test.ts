/** Pruning beside PostgreSQL: what its tables lack stays in the journal, and their own history goes by the same policy. */

import { expect, it, onTestFinished } from "vitest";
import type { Engine } from "../../src/engine.ts";
import { BOB, balanceOf, deployToken, rootOf, temporaryDirectory } from "../support/engine.ts";
import { createMigratedDatabase, describePostgres, query } from "../support/postgres.ts";
import { addBlocks, openSmall } from "../support/pruned-chain.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const BLOCKS = 120;
const KEPT = 30;
const history = { kept: { blocks: KEPT }, archive: undefined, lookMs: 50 };

describePostgres("an engine that prunes, with PostgreSQL's tables", () => {
  it("lets nothing go that they lack, prunes both when they are back, and takes blocks back in both", async () => {
    const direct = await createMigratedDatabase();
    const proxy = await TcpProxy.open(direct);
    const { path: dataDir, remove } = temporaryDirectory();
    onTestFinished(async () => {
      remove();
      await proxy.close();
    });
    const through = {
      ...direct,
      host: "127.0.0.1",
      port: proxy.port,
      connectTimeoutMs: 500,
      statementTimeoutMs: 1_000,
    };
    const postgres = { options: through, durability: "journal", address: "test" } as const;
    const engine = await openSmall(dataDir, { postgres, history, analytics: false });
    const lowest = () => (engine.service.info()["limits"] as { lowestHeight: number }).lowestHeight;
    const token = await deployToken(engine);
    proxy.isRefusing = true;
    proxy.cut();
    await addBlocks(engine, token, BLOCKS);
    const head = BLOCKS + 1;
    await expect.poll(() => engine.service.health().backends["log"]?.["notPruned"]).toBeDefined();
    expect(lowest()).toBe(0);
    proxy.isRefusing = false;
    const tables = async () =>
      (
        await query(
          direct,
          "select min(height)::int as lowest, max(height)::int as highest from smart_contracts.blocks",
        )
      )[0];
    await expect.poll(tables).toEqual({ lowest: head - KEPT + 1, highest: head });
    await expect.poll(lowest).toBeGreaterThan(0);
    expect(lowest()).toBeLessThanOrEqual(head - KEPT + 1);
    await engine.service.blockRollback(head - 5);
    await expect.poll(async () => (await tables())?.["highest"]).toBe(head - 5);
    await addBlocks(engine, token, 2);
    await expect.poll(async () => (await tables())?.["highest"]).toBe(head - 3);
    const root = rootOf(engine);
    expect(await balanceOf(engine, token, BOB)).toBe(BigInt(BLOCKS - 3));
    await engine.close();
    const again = await openSmall(dataDir, { postgres, history });
    expect(rootOf(again)).toBe(root);
    await addBlocks(again, token, 1);
    await expect.poll(async () => (await tables())?.["highest"]).toBe(head - 2);
    await again.close();
  });

  it("prunes a daemon's copy of a shared log, which goes on from it, and a new daemon starts from the whole", async () => {
    const options = await createMigratedDatabase();
    const directories = [temporaryDirectory(), temporaryDirectory()] as const;
    onTestFinished(() => {
      for (const { remove } of directories) remove();
    });
    const postgres = { options, durability: "strict", address: "test", leaseMs: 10_000 } as const;
    const open = (dataDir: string) => openSmall(dataDir, { postgres, history, analytics: false });
    const lowestOf = (engine: Engine) => (engine.service.info()["limits"] as { lowestHeight: number }).lowestHeight;
    const first = await open(directories[0].path);
    const token = await deployToken(first);
    await addBlocks(first, token, BLOCKS);
    await expect.poll(() => lowestOf(first)).toBeGreaterThan(0);
    await first.close();
    const again = await open(directories[0].path);
    await expect.poll(() => again.service.health().canWrite).toBe(true);
    await addBlocks(again, token, 1);
    const root = rootOf(again);
    expect(lowestOf(again)).toBeGreaterThan(0);
    await again.close();
    const other = await openSmall(directories[1].path, { postgres, analytics: false });
    await expect.poll(() => other.service.health().canWrite).toBe(true);
    expect([rootOf(other), lowestOf(other)]).toEqual([root, 0]);
    expect((await other.service.block(1))?.height).toBe(1);
    await other.close();
  });
});
