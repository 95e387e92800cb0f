/** What the keys of [enhanced] do to a daemon, each beside a daemon without it. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Client, connect } from "../../src/client/client.ts";
import { toHex } from "../../src/encoding/hex.ts";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { startDaemon } from "../support/daemon.ts";
import { ALICE, BOB, deployment, temporaryDirectory, transfer } from "../support/engine.ts";
import { CELL_CONTRACTS, deployments, instruction, PEOPLE } from "../support/parallel-workload.ts";
import { parseScrape } from "../support/scrape.ts";
import { contractText, wasmOf } from "../support/wasm-chain.ts";

const PORT_LINE = /"http":"([^"]+)"/;

function environmentOf(settings: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`POLYTORUS_ENHANCED__${key.toUpperCase()}`, value]),
  );
}

/** Runs `body` against a daemon with these settings and a token. */
async function withDaemon(
  settings: Record<string, string>,
  body: (client: Client, token: string) => Promise<void>,
): Promise<void> {
  const directory = temporaryDirectory();
  const daemon = await startDaemon(join(directory.path, "data"), { environment: environmentOf(settings) });
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
    await client.call("tx_submit", { transaction: transfer(token, ALICE, BOB, 1) });
    const { healthScore, parts } = await client.call("contract_health", { address: token });
    expect(parts.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(healthScore!);
    expect(await client.call("metrics_performance", {})).toMatchObject({ totalExecutions: 2, analytics: true });
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
    await expect.poll(async () => (await balance(client, token, ALICE)).cached).toBe(false);
    const { cache } = await client.call("metrics_performance", {});
    expect(cache).toMatchObject({ entriesMax: 1 });
    expect(cache.queries.expired).toBeGreaterThan(0);
  });
});

it("keeps answers up to max_cache_bytes", async () => {
  const keptOf300 = async (settings: Record<string, string>) => {
    let kept = { bytes: 0, evicted: 0 };
    await withDaemon(settings, async (client, token) => {
      for (let i = 1; i <= 300; i++) await balance(client, token, `0x${i.toString(16).padStart(40, "0")}`);
      ({ cache: kept } = await client.call("metrics_performance", {}));
    });
    return kept;
  };
  const [bounded, roomy] = [await keptOf300({ max_cache_bytes: "64 KiB" }), await keptOf300({})];
  expect(bounded.bytes).toBeLessThanOrEqual(64 * 1024);
  expect(bounded.evicted).toBeGreaterThan(0);
  expect(roomy.bytes).toBeGreaterThan(64 * 1024);
  expect(roomy.evicted).toBe(0);
});

/** A token, and more questions of it than it takes to see that none is asked twice. */
async function ask600(client: Client): Promise<string> {
  const receipt = await client.call("tx_submit", { transaction: deployment() });
  const token = (receipt as { contractAddress: string }).contractAddress;
  for (let i = 1; i <= 600; i += 60)
    await Promise.all(
      Array.from({ length: 60 }, (_, k) => balance(client, token, `0x${(i + k).toString(16).padStart(40, "0")}`)),
    );
  return token;
}

for (const isOn of [true, false]) {
  it(`${isOn ? "keeps no answers that nobody asks for again, loads busy contracts at start, and says so" : "does neither with enable_optimization off"}`, async () => {
    const directory = temporaryDirectory();
    const options = { environment: environmentOf({ enable_optimization: String(isOn) }) };
    const done = async (client: Client) =>
      (await client.call("metrics_performance", {})).optimizations.map(({ what }) => what);
    let daemon = await startDaemon(join(directory.path, "data"), options);
    let client = await connect({ ipc: daemon.ipc });
    try {
      const token = await ask600(client);
      // Half a second after a start busy contracts are loaded, this one too where it is busy by then.
      if (isOn) expect(await done(client)).toContain("answersNotKept");
      else expect(await done(client)).toEqual([]);
      await balance(client, token, ALICE);
      expect(await balance(client, token, ALICE)).toMatchObject({ cached: !isOn });
      await client.close();
      await daemon.kill("SIGTERM");
      daemon = await startDaemon(join(directory.path, "data"), options);
      client = await connect({ ipc: daemon.ipc });
      // It begins half a second after the start.
      if (isOn) await expect.poll(() => done(client)).toEqual(["loadedAtStart"]);
      else {
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        expect(await done(client)).toEqual([]);
      }
    } finally {
      await client.close();
      await daemon.kill("SIGTERM");
      directory.remove();
    }
  });
}

it("stops what runs longer than max_execution_time_ms, and nothing else", async () => {
  const directory = temporaryDirectory();
  const code = toHex(wasmOf(contractText({ call: "(loop $l (br $l))" })));
  const withLimit = async (settings: Record<string, string>, body: (client: Client) => Promise<void>) => {
    const daemon = await startDaemon(join(directory.path, "data"), { environment: environmentOf(settings) });
    const client = await connect({ ipc: daemon.ipc });
    try {
      await body(client);
    } finally {
      await client.close();
      await daemon.kill("SIGTERM");
    }
  };
  let spinner = "";
  const spin = async (client: Client, gasLimit: number) => {
    const call = { kind: "call" as const, sender: BOB, to: spinner, calldata: "0x", gasLimit };
    const { receipts } = await client.call("tx_submitBatch", { transactions: [call, deployment()] });
    return receipts;
  };
  try {
    await withLimit({}, async (client) => {
      const transaction = {
        kind: "deploy" as const,
        sender: BOB,
        gasLimit: 10_000_000,
        contract: { type: "wasm", code },
      };
      const receipt = await client.call("tx_submit", { transaction });
      spinner = (receipt as { contractAddress: string }).contractAddress;
      expect(await spin(client, 3_000_000)).toMatchObject([
        { status: "halted", haltReason: "OutOfGas" },
        { status: "success" },
      ]);
    });
    await withLimit({ max_execution_time_ms: "3000" }, async (client) => {
      const timeout = { error: { data: { code: "EXECUTION_TIMEOUT", limitMs: 3_000 } } };
      // Gas for hours.
      expect(await spin(client, DEFAULT_PARAMETERS.transactionGasMax)).toMatchObject([timeout, { status: "success" }]);
    });
  } finally {
    directory.remove();
  }
});

it("runs calls of different WebAssembly contracts beside each other with enable_parallel_execution on", async () => {
  const adoptedAfter = async (
    settings: Record<string, string>,
    isEnough: (blocks: number, adopted: number) => boolean,
  ) => {
    const directory = temporaryDirectory();
    const daemon = await startDaemon(join(directory.path, "data"), {
      environment: environmentOf(settings),
      args: ["--http", "127.0.0.1:0", "--dev"],
    });
    const client = await connect({ ipc: daemon.ipc });
    const [, url] = PORT_LINE.exec(daemon.stderr()) as unknown as [string, string];
    const adopted = async () =>
      parseScrape(await (await fetch(`${url}/metrics`)).text()).samples.get(
        'contract_parallel_transactions_total{outcome="adopted"}',
      );
    try {
      await client.call("tx_submitBatch", { transactions: await deployments() });
      const transactions = Array.from({ length: 80 }, (_, i) => ({
        kind: "call" as const,
        sender: PEOPLE[i % 6]!,
        to: CELL_CONTRACTS[i % 2]!,
        gasLimit: 1_000_000,
        calldata: `0x${instruction(1, 1, 1)}`,
      }));
      for (let blocks = 0; !isEnough(blocks, (await adopted())!); blocks++)
        await client.call("tx_submitBatch", { transactions });
      return await adopted();
    } finally {
      await client.close();
      await daemon.kill("SIGTERM");
      directory.remove();
    }
  };
  const on = { enable_parallel_execution: "true", parallel_threads: "1" };
  expect(await adoptedAfter(on, (_blocks, adopted) => adopted > 0)).toBeGreaterThan(0);
  expect(await adoptedAfter({}, (blocks) => blocks === 100)).toBe(0);
});
