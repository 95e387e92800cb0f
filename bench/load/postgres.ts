/**
 * Question   What does PostgreSQL behind the daemon cost, how fast do its tables follow, and how soon is a leader replaced?
 * Workload   transfers of 1 unit among `holders`, over the Unix socket; PostgreSQL on the same machine, as it was installed.
 *              journal    JSON batches of 100, 16 outstanding, for `seconds`: storage embedded and durability journal in turn,
 *                         `rounds` times; then how fast the tables take what has gathered, with nothing else to do
 *              strict     256 transfers outstanding, as tx_submit and as binary batches of 16, and 1 outstanding, in turn with
 *                         storage embedded; acknowledged when PostgreSQL has committed
 *              log-only   the same without tables (storage.postgres.tables = false)
 *              failover   two daemons on one log; one writer with one transfer at a time; kill -9 of the leader; the time from
 *                         there to the first transfer that the other acknowledges, `rounds` times
 * Expected   the goals in the table. Server, daemon and load generator share the cores. The tables cost the server more than all else
 *            costs together, so they let the first 5 s of a burst pass (burst-meter.ts); with --seconds 20 they don't. `strict`: a
 *            row of the log costs what its bytes cost, so it comes near to storage embedded on the same wire; tx_submit is
 *            bound by JSON on the main thread in either.
 * Checked    all balances and a thousand nonces of each world; the rows of the tables against the log; after every failover
 *            that each acknowledged transfer is there once.
 * Run        node scripts/run.mjs bench/load/postgres.ts [--holders 100000] [--seconds 3] [--rounds 3] [--rows journal,strict,log-only,failover]
 */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../src/client/client.ts";
import { Daemon, Workspace } from "../support/daemon.ts";
import { Database } from "../support/database.ts";
import { printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { mebibytes, rateSpreadText, rateText, spreadOf, spreadText, tableText } from "../support/statistics.ts";
import { type Load, World } from "../support/world.ts";

const GOAL_BURST_RATIO = 0.8;
const GOAL_FOLLOW = 25_000;
const GOAL_STRICT = 50_000;
const GOAL_STRICT_RATIO = 20;
const GOAL_FAILOVER_S = 5;
const WARMUP_MS = 500;
const ALICE = `0x${"a1".repeat(20)}`;
const BOB = `0x${"b0".repeat(20)}`;
const WRITES_BEFORE_KILL = 50;

interface TablesHealth {
  backends: {
    postgres?: { transactions: number; backlogEntries: number; backlogBytes: number; backlogMaxBytes: number };
  };
}

const options = readOptions({ holders: 100_000, seconds: 3, rounds: 3, rows: "journal,strict,log-only,failover" });
printBanner("PostgreSQL behind the daemon", options);
const chosen = options.rows.split(",");
const rows: string[][] = [];
const workspace = new Workspace();
const databases: Database[] = [];
try {
  if (chosen.includes("journal")) await measureJournal();
  if (chosen.includes("strict")) await measureStrict("strict", []);
  if (chosen.includes("log-only")) await measureStrict("strict, the log alone", ["--config", logOnlyConfig()]);
  if (chosen.includes("failover")) await measureFailover();
  process.stdout.write(`\n${tableText(["row", "goal", "measured", "verdict"], rows)}\n`);
} finally {
  for (const database of databases) await database.drop();
  workspace.remove();
}

async function newDatabase(name: string): Promise<Database> {
  const database = await Database.create(name);
  databases.push(database);
  return database;
}

function row(name: string, goal: string, measured: string, isMet: boolean): void {
  rows.push([name, goal, measured, isMet ? "met" : "missed"]);
}

async function tablesOf(daemon: Daemon) {
  return ((await daemon.health()) as unknown as TablesHealth).backends.postgres!;
}

async function tablesCaughtUp(daemon: Daemon): Promise<void> {
  while (((await tablesOf(daemon))?.backlogEntries ?? 0) > 0) await sleep(50);
}

async function measureJournal(): Promise<void> {
  const database = await newDatabase("journal");
  const load: Load = { wire: "json-batch", outstanding: 16, warmupMs: WARMUP_MS, measureMs: options.seconds * 1000 };
  const embedded = await World.create(options.holders, workspace.directory("embedded"));
  const journal = await World.create(options.holders, workspace.directory("journal"), ["--storage", database.url]);
  const bursts = {
    embedded: [] as number[],
    journal: [] as number[],
    growthBytes: [] as number[],
    follow: [] as number[],
  };
  for (let round = 0; round < options.rounds; round++) {
    await embedded.settle();
    bursts.embedded.push((await embedded.run(load)).perSecond);
    await journal.settle();
    await tablesCaughtUp(journal.daemon);
    const before = await tablesOf(journal.daemon);
    const result = await journal.run(load);
    bursts.journal.push(result.perSecond);
    const startedAt = performance.now();
    const after = await tablesOf(journal.daemon);
    bursts.growthBytes.push((after.backlogBytes - before.backlogBytes) / result.seconds);
    await tablesCaughtUp(journal.daemon);
    const followed = (await tablesOf(journal.daemon)).transactions - after.transactions;
    bursts.follow.push((followed / (performance.now() - startedAt)) * 1000);
  }
  const ratio = spreadOf(bursts.journal.map((rate, i) => rate / bursts.embedded[i]!));
  const follow = spreadOf(bursts.follow);
  const growth = spreadOf(bursts.growthBytes).median;
  const { backlogMaxBytes } = await tablesOf(journal.daemon);
  row("journal / embedded burst", `≥ ${GOAL_BURST_RATIO}`, spreadText(ratio, 2), ratio.median >= GOAL_BURST_RATIO);
  row("tables follow, transfers/s", rateText(GOAL_FOLLOW), rateSpreadText(follow), follow.median >= GOAL_FOLLOW);
  process.stdout.write(
    `embedded ${rateSpreadText(spreadOf(bursts.embedded))}/s, journal ${rateSpreadText(spreadOf(bursts.journal))}/s; ` +
      `the backlog grows by ${mebibytes(growth)}/s in a burst, so its bound of ${mebibytes(backlogMaxBytes)} is ` +
      `${growth > 0 ? `${Math.round(backlogMaxBytes / growth)} s` : "never"} away\n${await journal.check()}\n`,
  );
  const [counts] = await database.query(
    "select (select count(*) from smart_contracts.execution_history) as executions, (select sum(transaction_count) from smart_contracts.blocks) as transactions",
  );
  if (counts!["executions"] !== counts!["transactions"])
    throw new Error(`the tables differ: ${JSON.stringify(counts)}`);
  await embedded.close();
  await journal.close();
}

function logOnlyConfig(): string {
  const path = workspace.directory("log-only.toml");
  writeFileSync(path, "[storage.postgres]\ntables = false\n");
  return path;
}

async function measureStrict(name: string, more: readonly string[]): Promise<void> {
  const database = await newDatabase(more.length === 0 ? "strict" : "log_only");
  const flags = ["--storage", database.url, "--durability", "strict", ...more];
  const world = await World.create(options.holders, workspace.directory(`strict-${more.length}`), flags);
  const embedded = await World.create(options.holders, workspace.directory(`embedded-${more.length}`));
  const timed = { warmupMs: WARMUP_MS, measureMs: options.seconds * 1000 };
  const loads: { title: string; load: Load }[] = [
    { title: "tx_submit", load: { ...timed, wire: "json-single", outstanding: 256 } },
    { title: "binary", load: { ...timed, wire: "binary-batch", batchSize: 16, outstanding: 16 } },
  ];
  const rates = loads.map(() => [] as { strict: number; embedded: number; processorUs: number }[]);
  const one: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, { load }] of loads.entries()) {
      await tablesCaughtUp(world.daemon);
      const { perSecond, daemonUs } = await world.run(load);
      await embedded.settle();
      rates[i]!.push({ strict: perSecond, embedded: (await embedded.run(load)).perSecond, processorUs: daemonUs });
    }
    await tablesCaughtUp(world.daemon);
    one.push((await world.run({ ...timed, wire: "json-single", outstanding: 1 })).perSecond);
  }
  for (const [i, { title }] of loads.entries()) {
    const rate = spreadOf(rates[i]!.map(({ strict }) => strict));
    const share = spreadOf(rates[i]!.map((round) => round.strict / round.embedded));
    const processor = spreadOf(rates[i]!.map(({ processorUs }) => processorUs));
    const measured = `${rateSpreadText(rate)}; ${spreadText(share, 2)} of embedded; ${spreadText(processor, 1)} us`;
    const isMet = rate.median >= GOAL_STRICT;
    row(`${name}, 256 in flight, ${title}, transfers/s`, rateText(GOAL_STRICT), measured, isMet);
  }
  const ratio = spreadOf(rates[0]!.map(({ strict }, i) => strict / one[i]!));
  row(
    "over one a commit",
    `≥ ${GOAL_STRICT_RATIO}x`,
    `${spreadText(ratio, 0)} of ${rateText(spreadOf(one).median)}/s`,
    ratio.median >= GOAL_STRICT_RATIO,
  );
  process.stdout.write(`${await world.check()}\n`);
  await world.close();
  await embedded.close();
}

async function measureFailover(): Promise<void> {
  const seconds: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const database = await newDatabase(`failover${round}`);
    const flags = ["--storage", database.url, "--durability", "strict"];
    const leader = await Daemon.start(workspace.directory(`leader-${round}`), flags);
    const token = await deploy(leader.client);
    const replica = await Daemon.start(workspace.directory(`replica-${round}`), flags);
    let acknowledged = 0;
    for (; acknowledged < WRITES_BEFORE_KILL; acknowledged++) await send(leader.client, token);
    const killedAt = performance.now();
    await leader.kill();
    for (;;) {
      try {
        await send(replica.client, token);
        break;
      } catch {
        await sleep(20);
      }
    }
    seconds.push((performance.now() - killedAt) / 1000);
    acknowledged++;
    const { result } = await replica.client.call("contract_query", {
      address: token,
      entrypoint: "balanceOf",
      args: [BOB],
    });
    if (String(result) !== String(acknowledged))
      throw new Error(`${acknowledged} transfers were acknowledged, ${String(result)} are there`);
    await replica.kill();
  }
  const spread = spreadOf(seconds);
  row(
    "failover, s",
    `≤ ${GOAL_FAILOVER_S}`,
    `${spreadText(spread, 1)}; 0 acknowledged lost`,
    spread.median <= GOAL_FAILOVER_S,
  );
}

async function deploy(client: Client): Promise<string> {
  const contract = { type: "erc20", name: "Bench", symbol: "BNCH", decimals: 0, initialSupply: "1000000000" };
  const transaction = { kind: "deploy" as const, sender: ALICE, gasLimit: "10000000", contract };
  const receipt = await client.call("tx_submit", { transaction });
  if (!("contractAddress" in receipt) || receipt.contractAddress === null) throw new Error(JSON.stringify(receipt));
  return receipt.contractAddress;
}

async function send(client: Client, token: string): Promise<void> {
  const call = { kind: "call" as const, sender: ALICE, gasLimit: "100000", to: token, entrypoint: "transfer" };
  const receipt = await client.call("tx_submit", { transaction: { ...call, args: [BOB, "1"] } });
  if (!("status" in receipt) || receipt.status !== "success") throw new Error(JSON.stringify(receipt));
}
