/**
 * PostgreSQL killed (kill -9) under load and started again, and the daemon killed in front of it: the log, the state and the tables come
 * to equal roots, with every acknowledged transfer there once.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/client.ts";
import { toHex } from "../../src/encoding/hex.ts";
import type { EngineError } from "../../src/errors.ts";
import type { PostgresOptions } from "../../src/storage/postgres-options.ts";
import { startDaemon } from "../support/daemon.ts";
import {
  ALICE,
  BOB,
  balanceOf,
  deployment,
  deployToken,
  heightOf,
  openEngine,
  rootOf,
  submit,
  type TestEngine,
  temporaryDirectory,
  transfer,
} from "../support/engine.ts";
import { describeOwnPostgres, query, startKillablePostgres, urlOf } from "../support/postgres.ts";

const ROUNDS = Number(process.env["CRASH_ROUNDS"] ?? 3);
const TRANSFERS = 10;

function newDirectory(): string {
  const directory = temporaryDirectory();
  onTestFinished(directory.remove);
  return directory.path;
}

/** What the tables hold, when they have caught up with a height. */
async function tablesAt(options: PostgresOptions, height: number): Promise<{ root: string; transfers: number }> {
  const text = `select head_height::int as height, state_root,
      (select count(*)::int from smart_contracts.token_transfers where sender <> decode(repeat('00', 20), 'hex')) as transfers
    from smart_contracts.position`;
  const read = async () => (await query(options, text))[0];
  await expect.poll(async () => (await read())?.["height"]).toBe(height);
  const { state_root: root, transfers } = (await read())!;
  return { root: toHex(root as Buffer), transfers: transfers as number };
}

/** Sends with an id until it is acknowledged, as a client does that is told BUSY or OUTCOME_UNKNOWN. */
async function sendUntilAcknowledged({ engine }: TestEngine, token: string, n: number): Promise<void> {
  const once = transfer(token, ALICE, BOB, 1, { id: `0x${n.toString(16).padStart(64, "0")}` });
  for (;;) {
    const [problem] = await submit(engine, [once]).catch((thrown: EngineError) => [thrown]);
    if (!(problem instanceof Error)) return;
    expect(["BUSY", "OUTCOME_UNKNOWN"]).toContain(problem.code);
    await sleep(50);
  }
}

describeOwnPostgres("PostgreSQL, killed under load and started again,", () => {
  it.each(["journal", "strict"] as const)("loses and doubles nothing in durability %s", async (durability) => {
    const server = await startKillablePostgres();
    const postgres = {
      options: server.options,
      durability,
      address: "test",
      leaseMs: 10_000,
      commitTimeoutMs: 1_000,
    };
    const test = await openEngine({ dataDir: newDirectory(), postgres });
    onTestFinished(() => test.engine.close());
    const token = await deployToken(test.engine);
    let sent = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const sending = (async () => {
        for (let i = 0; i < TRANSFERS; i++) await sendUntilAcknowledged(test, token, ++sent);
      })();
      await sleep(10 * round);
      await server.kill();
      await sleep(100);
      await server.restart();
      await sending;
    }
    expect(await balanceOf(test.engine, token, BOB)).toBe(BigInt(ROUNDS * TRANSFERS));
    const [height, root] = [heightOf(test.engine), rootOf(test.engine)];
    expect(await tablesAt(server.options, height)).toEqual({ root, transfers: ROUNDS * TRANSFERS });
    if (durability === "journal") return;
    const fresh = await openEngine({ dataDir: newDirectory(), postgres: { ...postgres, address: "fresh" } });
    onTestFinished(() => fresh.engine.close());
    await expect.poll(() => rootOf(fresh.engine)).toBe(root);
  });

  it("has what the journal has when the daemon is killed between the two", async () => {
    const server = await startKillablePostgres();
    const dataDir = join(newDirectory(), "data");
    const start = () => startDaemon(dataDir, { args: ["--http", "off", "--storage", urlOf(server.options)] });
    let token = "";
    for (let round = 0; round < ROUNDS; round++) {
      const daemon = await start();
      onTestFinished(() => daemon.kill("SIGKILL"));
      const client = await connect({ ipc: daemon.ipc });
      if (round === 0) {
        const receipt = await client.call("tx_submit", { transaction: deployment(ALICE, "1000000") });
        token = (receipt as { contractAddress: string }).contractAddress;
      }
      for (let i = 0; i < TRANSFERS; i++)
        await client.call("tx_submit", { transaction: transfer(token, ALICE, BOB, 1) });
      await daemon.kill("SIGKILL");
      await client.close().catch(() => undefined);
    }
    const daemon = await start();
    onTestFinished(() => daemon.kill("SIGKILL"));
    const client = await connect({ ipc: daemon.ipc });
    const { stateRoot: root, blockHeight } = await client.call("state_root", {});
    expect(await tablesAt(server.options, blockHeight)).toEqual({ root, transfers: ROUNDS * TRANSFERS });
    await client.close();
  });
});
