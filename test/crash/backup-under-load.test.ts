/** A backup of a daemon that takes blocks all the while: restored, it is the chain as of the entry that it states. */
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { type Client, connect } from "../../src/client/client.ts";
import { verifyChain } from "../../src/tools/verify-chain.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { ALICE, BOB, deployment, temporaryDirectory, transfer } from "../support/engine.ts";
import { runCli } from "../support/run-cli.ts";

const ROUNDS = 3;
const BATCH = 50;
const RUN = { signal: new AbortController().signal, onProgress: () => undefined };

const directory = temporaryDirectory();
let daemon: DaemonProcess | undefined;

afterAll(async () => {
  await daemon?.kill("SIGKILL");
  directory.remove();
});

interface Load {
  stopped: boolean;
  /** Height of the newest block that was acknowledged. */
  acknowledged: number;
}

async function send(client: Client, token: string, load: Load): Promise<void> {
  while (!load.stopped) {
    const transactions = Array.from({ length: BATCH }, () => transfer(token, ALICE, BOB, 1));
    const { blockHeight } = await client.call("tx_submitBatch", { transactions, receipts: "summary" });
    load.acknowledged = Math.max(load.acknowledged, Number(blockHeight));
  }
}

it("restores to the root of the block that it is as of, with everything acknowledged before it began", async () => {
  const dataDir = join(directory.path, "data");
  daemon = await startDaemon(dataDir, {
    args: ["--http", "off"],
    // Segments end while backups run.
    environment: { POLYTORUS_JOURNAL__SEGMENT_BYTES: "1MiB" },
  });
  const client = await connect({ ipc: daemon.ipc });
  const deployed = await client.call("tx_submit", { transaction: deployment(ALICE, "1000000000") });
  const token = (deployed as { contractAddress: string }).contractAddress;
  const load: Load = { stopped: false, acknowledged: 0 };
  const working = send(client, token, load);
  for (let round = 0; round < ROUNDS; round++) {
    const before = load.acknowledged;
    const file = join(directory.path, `${round}.ptbackup`);
    const backup = await runCli(["backup", file, "--data-dir", dataDir, "--json"]);
    const { seq, height, stateRoot } = backup.json().result;
    expect(height).toBeGreaterThanOrEqual(before);
    const block = await client.call("block_get", { height });
    expect(block).toMatchObject({ seq, stateRoot });
    const restored = join(directory.path, `restored-${round}`);
    const { code, stderr } = await runCli(["restore", file, "--data-dir", restored, "--json"]);
    expect(code, stderr).toBe(0);
    const report = await verifyChain(restored, RUN);
    expect(report.mismatch).toBeUndefined();
    expect(report).toMatchObject({ to: height, stateRoot });
  }
  load.stopped = true;
  await working;
  const taken = await runCli([
    "state",
    "export",
    "--data-dir",
    dataDir,
    "--out",
    join(directory.path, "s.ndjson"),
    "--json",
  ]);
  expect(taken.json().result.height).toBeGreaterThanOrEqual(load.acknowledged);
  await client.close();
});
