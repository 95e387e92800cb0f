/** dev_* on the daemon itself, over its socket and HTTP: snapshots, time, empty blocks, accounts, samples; and without --dev. */
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Client, connect } from "../../src/client/client.ts";
import type { ReceiptJson } from "../../src/client/methods.ts";
import { METHODS } from "../../src/rpc/methods.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const ALICE = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const BOB = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
/** Where the first transactions of the last account put them, on every chain. */
const TOKEN = "0x700b6a60ce7eaaea56f065753d8dcb9653dbad35";
const COUNTER = "0xa15bb66138824a1c7167f5e85b957d04dd34e468";
const DAY_MS = 86_400_000;
const DEV_METHODS = Object.keys(METHODS).filter((name) => name.startsWith("dev_"));

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

interface Dev {
  daemon: DaemonProcess;
  client: Client;
  url: string;
}

async function serve(
  dataDir: string,
  args: string[] = ["--dev"],
  environment: Record<string, string> = {},
): Promise<Dev> {
  const daemon = await startDaemon(dataDir, { args: [...args, "--http", "127.0.0.1:0"], environment });
  const client = await connect({ ipc: daemon.ipc });
  const line = daemon
    .stderr()
    .split("\n")
    .find((text) => text.includes('"msg":"listening"'))!;
  running.push({
    async close() {
      await client.close();
      await daemon.kill("SIGTERM");
    },
  });
  return { daemon, client, url: (JSON.parse(line) as { http: string }).http };
}

async function increment(client: Client): Promise<ReceiptJson> {
  const call = {
    kind: "call" as const,
    sender: BOB,
    to: COUNTER,
    gasLimit: 200_000,
    entrypoint: "increment",
    args: ["1"],
  };
  return (await client.call("tx_submit", { transaction: call })) as ReceiptJson;
}

async function counterValue(client: Client): Promise<unknown> {
  return (await client.call("contract_query", { address: COUNTER, entrypoint: "value", args: [] })).result;
}

async function timeOf(client: Client, height: number | "latest" = "latest"): Promise<number> {
  return (await client.call("block_get", { height })).timestampMs;
}

describe("without --dev", () => {
  it("every method of development says that it is not there, whoever asks, and changes nothing", async () => {
    const { client } = await serve(join(temporaryDirectory(), "data"), []);
    expect(DEV_METHODS.length).toBe(6);
    for (const name of DEV_METHODS) {
      const { params } = METHODS[name as "dev_mine"].example;
      await expect(client.call(name as "dev_mine", params)).rejects.toMatchObject({
        code: "DEV_ONLY",
        facts: { method: name },
      });
    }
    expect(await client.call("engine_info", {})).toMatchObject({ height: 0 });
    expect(await client.call("account_get", { address: ALICE })).toMatchObject({ balance: "0" });
    expect(await client.call("contract_list", {})).toMatchObject({ items: [] });
  });
});

describe("with --dev", () => {
  it("an empty chain begins with funded accounts and two contracts at known addresses; another start adds none", async () => {
    const dataDir = join(temporaryDirectory(), "data");
    for (const start of [1, 2]) {
      const { client, daemon } = await serve(dataDir);
      const { items } = await client.call("dev_accounts", {});
      expect(items.map(({ name }) => name)).toEqual([
        "alice",
        "bob",
        "carol",
        "dave",
        "erin",
        "frank",
        "grace",
        "heidi",
        "ivan",
        "judy",
      ]);
      expect(items[0]).toEqual({ name: "alice", address: ALICE, nonce: 0, balance: `10000${"0".repeat(18)}` });
      expect(daemon.stderr()).toContain(JSON.stringify({ token: TOKEN, counter: COUNTER }));
      const owned = { address: TOKEN, entrypoint: "balanceOf", args: [ALICE] };
      expect(await client.call("contract_query", owned)).toMatchObject({ result: `1000000${"0".repeat(18)}` });
      expect(await counterValue(client)).toBe("0");
      expect(await client.call("engine_info", {}), `start ${start}`).toMatchObject({ height: 1 });
      await running.pop()!.close();
    }
  });

  it("an empty chain stays empty with dev_samples false, and a chain with blocks stays as it is", async () => {
    const dataDir = join(temporaryDirectory(), "data");
    const { client } = await serve(dataDir, ["--dev"], { POLYTORUS_DEV_SAMPLES: "false" });
    expect(await client.call("contract_list", {})).toMatchObject({ items: [] });
    await client.call("dev_mine", {});
    await running.pop()!.close();
    const again = await serve(dataDir);
    expect(await again.client.call("contract_list", {})).toMatchObject({ items: [] });
    expect(again.daemon.stderr()).toContain('"samples":{}');
  });

  it("goes back to a snapshot, once, and forgets those after it: state, nonces, ids and receipts as they were", async () => {
    const { client } = await serve(join(temporaryDirectory(), "data"));
    await increment(client);
    const first = await client.call("dev_snapshot", {});
    expect(first).toMatchObject({ snapshotId: "1", height: 2 });
    const lost = await increment(client);
    const second = await client.call("dev_snapshot", {});
    await increment(client);
    expect(await counterValue(client)).toBe("3");
    expect(await client.call("dev_revert", { snapshotId: first.snapshotId })).toEqual({
      height: 2,
      stateRoot: first.stateRoot,
    });
    expect(await counterValue(client)).toBe("1");
    expect(await client.call("account_get", { address: BOB })).toMatchObject({ nonce: 1 });
    await expect(client.call("tx_receipt", { transactionHash: lost.transactionHash })).rejects.toMatchObject({
      code: "TRANSACTION_NOT_FOUND",
    });
    for (const { snapshotId } of [first, second])
      await expect(client.call("dev_revert", { snapshotId })).rejects.toMatchObject({ code: "SNAPSHOT_NOT_FOUND" });
    expect(await increment(client)).toMatchObject({ status: "success", blockHeight: 3 });
    expect(await counterValue(client)).toBe("2");
  });

  it("a snapshot has what was sent before it, answered or not; a revert takes back what was sent before it", async () => {
    const { client } = await serve(join(temporaryDirectory(), "data"));
    const before = Array.from({ length: 20 }, () => increment(client));
    const snapshot = client.call("dev_snapshot", {});
    const { snapshotId } = await snapshot;
    await Promise.all(before);
    expect(await counterValue(client)).toBe("20");
    const lost = Array.from({ length: 20 }, () => increment(client));
    await client.call("dev_revert", { snapshotId });
    await Promise.all(lost);
    expect(await counterValue(client)).toBe("20");
  });

  it("says which height can still be had when the blocks since a snapshot are no longer kept", async () => {
    const { client } = await serve(join(temporaryDirectory(), "data"));
    const { snapshotId } = await client.call("dev_snapshot", {});
    await client.call("dev_increaseTime", { ms: DAY_MS });
    await client.call("dev_mine", { blocks: 200 });
    await expect(client.call("dev_revert", { snapshotId })).rejects.toMatchObject({
      code: "PRUNED",
      facts: { height: 1, lowestHeight: expect.any(Number) },
    });
  });

  it("puts the time of new blocks forward, exactly where asked, and back with a snapshot", async () => {
    const { client } = await serve(join(temporaryDirectory(), "data"));
    const { snapshotId } = await client.call("dev_snapshot", {});
    const begun = await timeOf(client);
    const { offsetMs, timestampMs } = await client.call("dev_increaseTime", { ms: 30 * DAY_MS });
    expect(offsetMs).toBe(30 * DAY_MS);
    expect(timestampMs).toBeGreaterThanOrEqual(begun + 30 * DAY_MS);
    await increment(client);
    expect(await timeOf(client)).toBeGreaterThanOrEqual(timestampMs);
    const exact = timestampMs + DAY_MS + 123;
    await client.call("dev_setNextBlockTimestamp", { timestampMs: exact });
    await increment(client);
    expect(await timeOf(client)).toBe(exact);
    await client.call("dev_mine", {});
    const gone = await timeOf(client);
    expect(gone - exact).toBeGreaterThanOrEqual(0);
    expect(gone - exact).toBeLessThan(60_000);
    await client.call("dev_revert", { snapshotId });
    await client.call("dev_mine", {});
    expect(await timeOf(client)).toBeLessThan(begun + DAY_MS);
  });

  it.each([
    ["dev_setNextBlockTimestamp", { timestampMs: 1_000 }, "timestampMs"],
    ["dev_setNextBlockTimestamp", { timestampMs: Number.MAX_SAFE_INTEGER }, "timestampMs"],
    ["dev_increaseTime", { ms: Number.MAX_SAFE_INTEGER }, "ms"],
    ["dev_increaseTime", { ms: -1 }, "ms"],
    ["dev_mine", { blocks: 0 }, "blocks"],
    ["dev_mine", { blocks: 1_001 }, "blocks"],
  ] as const)("%s refuses %j by name", async (method, params, path) => {
    const { client } = await serve(join(temporaryDirectory(), "data"), ["--dev", "--storage", "memory"]);
    await expect(client.call(method as "dev_mine", params as never)).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
      facts: { path },
    });
    expect(await client.call("engine_info", {})).toMatchObject({ height: 1 });
  });

  it("goes on from the chain's time after a restart, and every block still comes out as the journal says", async () => {
    const dataDir = join(temporaryDirectory(), "data");
    const { client } = await serve(dataDir);
    await client.call("dev_increaseTime", { ms: DAY_MS });
    await client.call("dev_mine", { blocks: 3 });
    await increment(client);
    const before = await timeOf(client);
    await running.pop()!.close();
    const again = await serve(dataDir);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await increment(again.client);
    expect(await timeOf(again.client)).toBeGreaterThan(before);
    await running.pop()!.close();
    const verified = await runCli(["block", "verify", "--data-dir", dataDir, "--json"]);
    expect(verified.json()).toMatchObject({ status: "ok", result: { blocks: 7, transactions: 4 } });
  });

  it("answers over HTTP whoever is on this machine, as for unsigned transactions from any sender", async () => {
    const { url } = await serve(join(temporaryDirectory(), "data"));
    const ask = async (method: string, params: object) => {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
      const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
      return ((await answer.json()) as { result: Record<string, unknown> }).result;
    };
    expect(await ask("dev_snapshot", {})).toMatchObject({ snapshotId: "1" });
    const sender = `0x${"77".repeat(20)}`;
    const call = { kind: "call", sender, to: COUNTER, gasLimit: "200000", entrypoint: "increment", args: ["1"] };
    expect(await ask("tx_submit", { transaction: call })).toMatchObject({ status: "success" });
    expect(await ask("dev_revert", { snapshotId: "1" })).toMatchObject({ height: 1 });
  });

  it("belongs to mode auto: a node's blocks and times are its own", async () => {
    const { client } = await serve(join(temporaryDirectory(), "data"), ["--dev", "--mode", "driven"]);
    await expect(client.call("dev_mine", {})).rejects.toMatchObject({ code: "WRONG_MODE" });
    expect((await client.call("dev_accounts", {})).items.length).toBe(10);
  });
});

describe("polytorus dev", () => {
  it("lists accounts, takes a snapshot, moves time, makes blocks and goes back", async () => {
    const { daemon } = await serve(join(temporaryDirectory(), "data"));
    const run = async (...args: string[]) => {
      const ran = await runCli(["dev", ...args, "--ipc", daemon.ipc, "--json"]);
      return { code: ran.code, ...ran.json() };
    };
    expect((await run("accounts")).result.items[1].name).toBe("bob");
    expect((await run("snapshot")).result.snapshotId).toBe("1");
    expect((await run("time", "--forward", "36h")).result.offsetMs).toBe(36 * 3_600_000);
    expect((await run("time", "--next", "2100-01-01T00:00:00Z")).result.timestampMs).toBe(Date.UTC(2100, 0, 1));
    expect((await run("mine", "2")).result).toMatchObject({ height: 3 });
    expect((await run("revert", "1")).result).toMatchObject({ height: 1 });
    expect(await run("revert", "1")).toMatchObject({ code: 3, error: { code: "SNAPSHOT_NOT_FOUND" } });
    expect(await run("time")).toMatchObject({ code: 2, error: { code: "VALIDATION_ERROR" } });
    expect(await run("time", "--forward", "soon")).toMatchObject({
      code: 2,
      error: { details: { path: "--forward" } },
    });
  });
});
