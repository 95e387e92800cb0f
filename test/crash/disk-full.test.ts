/**
 * A disk that fills up under the journal and under the state store: nothing acknowledged is lost, what is refused says why, and
 * the daemon goes on by itself when there is space. On a real, small file system, mounted for the test.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { type Client, connect } from "../../src/client/client.ts";
import type { ReceiptSummaryJson, RejectionJson } from "../../src/client/methods.ts";
import { toEngineError } from "../../src/errors.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { itWith } from "../support/describe-with.ts";
import type { Need } from "../support/need.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const DISK_MIB = 14;
const BALLAST_MIB = 3;
/** Of the state store alone. */
const STATE_MIB = 2;
const BATCH = 500;
const SENDER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const SUPPLY = 1_000_000_000_000n;

/** Found out by doing it. */
function mayMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), "polytorus-mount-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]);
  if (status === 0) spawnSync("umount", [directory]);
  rmdirSync(directory);
  return status === 0;
}

const MOUNTING: Need = {
  isMet: mayMount(),
  missing: "right to mount a small disk",
  command: "sudo npx vitest run test/crash/disk-full.test.ts",
};

/** A small disk at `path`. */
function mount(path: string, mib: number): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", path]);
  onTestFinished(() => void spawnSync("umount", ["-l", path]));
}

const LIMITS = { POLYTORUS_JOURNAL__SEGMENT_BYTES: "1 MiB", POLYTORUS_JOURNAL__BACKLOG_MAX_BYTES: "64 MiB" };

async function serve(dataDir: string, environment: Record<string, string> = LIMITS): Promise<DaemonProcess> {
  const daemon = await startDaemon(dataDir, { environment });
  onTestFinished(() => daemon.kill("SIGKILL"));
  return daemon;
}

async function connected(daemon: DaemonProcess): Promise<Client> {
  const client = await connect({ ipc: daemon.ipc });
  onTestFinished(() => void client.close().catch(() => undefined));
  return client;
}

async function deploy(client: Client): Promise<string> {
  const contract = { type: "erc20", name: "T", symbol: "T", decimals: 0, initialSupply: String(SUPPLY) };
  const transaction = { kind: "deploy", sender: SENDER, gasLimit: "2000000", contract } as never;
  const receipt = await client.call("tx_submit", { transaction });
  return (receipt as { contractAddress: string }).contractAddress;
}

let holders = 0;

/** One batch of transfers of 1 to accounts that are new. @throws EngineError of the first that was refused. */
async function transfer(client: Client, token: string): Promise<number> {
  const transactions = Array.from({ length: BATCH }, () => ({
    kind: "call",
    sender: SENDER,
    gasLimit: "100000",
    to: token,
    entrypoint: "transfer",
    args: [`0x${(++holders).toString(16).padStart(40, "0")}`, "1"],
  }));
  const { receipts } = await client.call("tx_submitBatch", {
    transactions: transactions as never,
    receipts: "summary",
  });
  for (const receipt of receipts as (ReceiptSummaryJson | RejectionJson)[])
    if ("error" in receipt) throw new Error(receipt.error.message);
  return receipts.length;
}

/** Transfers until one is refused; answers how many were acknowledged, and why it ended. */
async function fill(
  client: Client,
  token: string,
): Promise<{ acknowledged: number; refusal: { code: string; facts: object } }> {
  for (let acknowledged = 0; ; ) {
    try {
      acknowledged += await transfer(client, token);
    } catch (problem) {
      const { code, facts } = toEngineError(problem);
      return { acknowledged, refusal: { code, facts } };
    }
  }
}

async function sentBy(client: Client, token: string): Promise<bigint> {
  const { result } = await client.call("contract_query", { address: token, entrypoint: "balanceOf", args: [SENDER] });
  return SUPPLY - BigInt(result as string);
}

/** Again and again while it is refused with BUSY. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await attempt();
    } catch (problem) {
      if (toEngineError(problem).code !== "BUSY") throw problem;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

itWith(
  MOUNTING,
  "a state store on a full disk is waited for until the backlog is full, and follows by itself when there is space",
  async () => {
    const dataDir = join(temporaryDirectory(), "data");
    await (await startDaemon(dataDir)).kill("SIGTERM");
    const state = join(dataDir, "state");
    mount(state, STATE_MIB);
    const environment = { ...LIMITS, POLYTORUS_JOURNAL__BACKLOG_MAX_BYTES: "2 MiB" };
    const daemon = await serve(dataDir, environment);
    const client = await connected(daemon);
    const token = await deploy(client);
    const { acknowledged, refusal } = await fill(client, token);
    expect(refusal).toMatchObject({ code: "BUSY", facts: { retryAfterMs: expect.any(Number) } });
    // Submissions may fill what the log may be ahead before the state store's first write has failed.
    await expect.poll(daemon.stderr).toContain("the state store waits, and the log grows meanwhile");
    expect(await sentBy(client, token)).toBe(BigInt(acknowledged));

    execFileSync("mount", ["-o", "remount,size=64m", state]);
    await until(() => daemon.stderr().includes("the state store follows the log again"));
    const more = await eventually(() => transfer(client, token));
    expect(await sentBy(client, token)).toBe(BigInt(acknowledged + more));
    await daemon.kill("SIGKILL");
    const again = await connected(await serve(dataDir, environment));
    expect(await sentBy(again, token)).toBe(BigInt(acknowledged + more));
  },
);

itWith(MOUNTING, "a state store on a full disk does not keep the daemon from stopping", async () => {
  const dataDir = join(temporaryDirectory(), "data");
  await (await startDaemon(dataDir)).kill("SIGTERM");
  const state = join(dataDir, "state");
  mount(state, STATE_MIB);
  const daemon = await serve(dataDir);
  const client = await connected(daemon);
  const token = await deploy(client);
  let acknowledged = 0;
  while (!daemon.stderr().includes("the state store waits")) acknowledged += await transfer(client, token);
  await daemon.kill("SIGTERM");
  expect(daemon.child.exitCode).toBe(0);
  execFileSync("mount", ["-o", "remount,size=64m", state]);
  const again = await connected(await serve(dataDir));
  expect(await sentBy(again, token)).toBe(BigInt(acknowledged));
});

itWith(
  MOUNTING,
  "a full disk refuses with nothing written; a daemon that died on one has everything when it starts with space again",
  async () => {
    const disk = join(temporaryDirectory(), "disk");
    mkdirSync(disk);
    mount(disk, DISK_MIB);
    const ballast = join(disk, "ballast");
    writeFileSync(ballast, Buffer.alloc(BALLAST_MIB * 2 ** 20));
    const daemon = await serve(join(disk, "data"));
    const client = await connected(daemon);
    const token = await deploy(client);
    const { acknowledged, refusal } = await fill(client, token);
    expect(acknowledged).toBeGreaterThan(BATCH);
    expect(refusal).toMatchObject({ code: "STORAGE_ERROR", facts: { retryable: true } });
    expect(await sentBy(client, token)).toBe(BigInt(acknowledged));
    await daemon.kill("SIGKILL");
    // To the last block. A start that finds no room for its lock says so; one that does, in what the dead daemon left, serves.
    spawnSync("dd", ["if=/dev/zero", `of=${join(disk, "rest")}`, "bs=4096"]);
    const started = await startDaemon(join(disk, "data"), { environment: LIMITS }).catch((problem: Error) => problem);
    if (started instanceof Error) {
      expect(started.message).toMatch(/ended with code 69:[\s\S]*STORAGE_ERROR[\s\S]*no space left on device/i);
      // Else each start that is tried would leave one more.
      expect(readdirSync(join(disk, "data")).filter((name) => name.startsWith("LOCK.draft"))).toEqual([]);
    } else {
      expect(await sentBy(await connected(started), token)).toBe(BigInt(acknowledged));
      await started.kill("SIGKILL");
    }

    rmSync(join(disk, "rest"));
    rmSync(ballast);
    const again = await connected(await serve(join(disk, "data")));
    expect(await sentBy(again, token)).toBe(BigInt(acknowledged));
    expect((await runCli(["db", "maintenance", "--check", "--data-dir", join(disk, "data")])).code).toBe(0);
  },
);
