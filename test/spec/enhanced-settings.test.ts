/** What the keys of [enhanced] do to a daemon, each beside a daemon without it. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Client, connect } from "../../src/client/client.ts";
import { startDaemon } from "../support/daemon.ts";
import { ALICE, BOB, deployment, temporaryDirectory } from "../support/engine.ts";

/** Runs `body` against a daemon with these settings and a token. */
async function withDaemon(
  settings: Record<string, string>,
  body: (client: Client, token: string) => Promise<void>,
): Promise<void> {
  const directory = temporaryDirectory();
  const environment = Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`POLYTORUS_ENHANCED__${key.toUpperCase()}`, value]),
  );
  const daemon = await startDaemon(join(directory.path, "data"), { environment });
  const client = await connect({ ipc: daemon.ipc });
  try {
    const receipt = await client.call("tx_submit", { transaction: deployment() });
    await body(client, (receipt as { contractAddress: string }).contractAddress);
  } finally {
    await client.close();
    await daemon.kill("SIGTERM");
    directory.remove();
  }
}

const balance = (client: Client, token: string, owner: string, gasLimit?: number) =>
  client.call("contract_query", { address: token, entrypoint: "balanceOf", args: [owner], gasLimit });

it("caches, counts, optimises and enforces gas limits by default", async () => {
  await withDaemon({}, async (client, token) => {
    await balance(client, token, ALICE);
    expect(await balance(client, token, ALICE)).toMatchObject({ cached: true, ageMs: expect.any(Number) });
    expect(
      await client.call("contract_query", { address: token, entrypoint: "balanceOf", args: [ALICE], cache: "bypass" }),
    ).toMatchObject({ cached: false });
    await expect(balance(client, token, ALICE, 1)).rejects.toMatchObject({ code: "GAS_EXHAUSTED" });
    const { healthScore, parts } = await client.call("contract_health", { address: token });
    expect(parts.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(healthScore!);
    expect(await client.call("metrics_performance", {})).toMatchObject({ totalExecutions: 1, analytics: true });
    await expect(client.call("contract_health", { address: BOB })).rejects.toMatchObject({
      code: "CONTRACT_NOT_FOUND",
    });
  });
});

it("keeps no answer with enable_caching off, counts nothing with enable_analytics off, lets gas be with enforce_gas_limits off", async () => {
  const off = { enable_caching: "false", enable_analytics: "false", enforce_gas_limits: "false" };
  await withDaemon(off, async (client, token) => {
    await balance(client, token, ALICE);
    expect(await balance(client, token, ALICE)).toMatchObject({ cached: false });
    expect(await balance(client, token, ALICE, 1)).toMatchObject({ result: "1000000" });
    expect(await client.call("contract_health", { address: token })).toMatchObject({ healthScore: null });
    expect(await client.call("metrics_performance", {})).toMatchObject({ analytics: false, cacheUtilization: null });
  });
});

it("drops answers after cache_ttl_secs, and beyond max_cache_entries", async () => {
  await withDaemon({ cache_ttl_secs: "1", max_cache_entries: "1" }, async (client, token) => {
    await balance(client, token, ALICE);
    await balance(client, token, BOB);
    expect(await balance(client, token, ALICE)).toMatchObject({ cached: false });
    const { ageMs } = await balance(client, token, ALICE);
    expect(ageMs).toBeLessThan(1000);
    await expect.poll(async () => (await balance(client, token, ALICE)).cached, { timeout: 5000 }).toBe(false);
    const { cache } = await client.call("metrics_performance", {});
    expect(cache).toMatchObject({ entriesMax: 1 });
    expect(cache.queries.expired).toBeGreaterThan(0);
  });
});
