/**
 * Real daemons on one log in PostgreSQL: the leader killed, and the leader stopped for longer than its lease and resumed.
 * Every transfer that anybody acknowledged is there once, and all daemons come to equal roots.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { type Client, connect } from "../../src/client/client.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { ALICE, BOB, deployment, temporaryDirectory, transfer } from "../support/engine.ts";
import { createMigratedDatabase, describePostgres, urlOf } from "../support/postgres.ts";

interface Member {
  process: DaemonProcess;
  client: Client;
}

async function member(url: string, advertise?: string): Promise<Member> {
  const directory = temporaryDirectory();
  onTestFinished(directory.remove);
  const http = advertise === undefined ? "off" : "127.0.0.1:0";
  const args = ["--http", http, "--storage", url, "--durability", "strict"];
  const environment = {
    POLYTORUS_STORAGE__POSTGRES__LEASE_MS: "5000",
    ...(advertise === undefined ? {} : { POLYTORUS_HTTP__ADVERTISE: advertise }),
  };
  const process = await startDaemon(directory.path, { args, environment });
  onTestFinished(() => process.kill("SIGKILL"));
  const client = await connect({ ipc: process.ipc });
  onTestFinished(() => client.close().catch(() => undefined));
  return { process, client };
}

async function balanceOfBob({ client }: Member, token: string): Promise<number> {
  const { result } = await client.call("contract_query", { address: token, entrypoint: "balanceOf", args: [BOB] });
  return Number(result);
}

/** Sends with an id until it is acknowledged: the same id runs once, whoever takes it. */
async function send({ client }: Member, token: string, id: number): Promise<void> {
  const transaction = transfer(token, ALICE, BOB, 1, { id: `0x${id.toString(16).padStart(64, "0")}` });
  for (;;) {
    const receipt = await client.call("tx_submit", { transaction }).catch((problem: unknown) => problem);
    if (!(receipt instanceof Error)) {
      expect(receipt).toMatchObject({ status: "success" });
      return;
    }
    await sleep(50);
  }
}

const rootOf = async ({ client }: Member) => await client.call("state_root", {});

describePostgres("daemons on one log", () => {
  it("lose nothing when the leader is killed, and take one back that was stopped for longer than its lease", async () => {
    const url = urlOf(await createMigratedDatabase());
    const first = await member(url);
    const deployed = await first.client.call("tx_submit", { transaction: deployment(ALICE, "1000") });
    const token = (deployed as { contractAddress: string }).contractAddress;
    const second = await member(url);
    for (let id = 1; id <= 10; id++) await send(first, token, id);

    // The leader sleeps: another leads meanwhile; awake again, it has no token any more.
    first.process.child.kill("SIGSTOP");
    const asleep = first.client
      .call("tx_submit", { transaction: transfer(token, ALICE, BOB, 100) })
      .catch((problem: unknown) => problem);
    for (let id = 11; id <= 20; id++) await send(second, token, id);
    first.process.child.kill("SIGCONT");
    expect(await asleep).toBeInstanceOf(Error);
    await expect.poll(() => rootOf(first)).toEqual(await rootOf(second));
    expect(await balanceOfBob(first, token)).toBe(20);

    // The leader dies: the one that slept takes over.
    await second.process.kill("SIGKILL");
    for (let id = 16; id <= 25; id++) await send(first, token, id);
    expect(await balanceOfBob(first, token)).toBe(25);
    const third = await member(url);
    await expect.poll(() => rootOf(third)).toEqual(await rootOf(first));
    expect(await balanceOfBob(third, token)).toBe(25);
  });

  it("send writers to where the leader says that it is reached, not to where it listens", async () => {
    const url = urlOf(await createMigratedDatabase());
    await member(url, "https://engine-0.example:8645");
    const follower = await member(url);
    const refused = follower.client.call("tx_submit", { transaction: deployment(ALICE, "1000") });
    await expect(refused).rejects.toMatchObject({
      code: "NOT_LEADER",
      facts: { leader: "https://engine-0.example:8645" },
    });
  });
});
