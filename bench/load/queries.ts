/**
 * Question   How many queries of a WebAssembly contract a second, with the query threads and without, and what do they and
 *            transfers cost one another?
 * Workload   contract_query of cw20-base's balance, 64 outstanding on the Unix socket, cache bypassed; alone, and while
 *            batches of 100 built-in transfers run, 16 outstanding. One daemon with the default threads and one with none, in
 *            turn; the last row is the same transfers without queries.
 * Expected   alone, about the same: one thread or the other runs them. Beside transfers, more queries, sooner answered, and
 *            more transfers with threads than without, as far as there are cores: on two, queries, blocks, follower and load
 *            generators share them.
 * Checked    every answer; a balance in 32 is compared.
 * Run        node scripts/run.mjs bench/load/queries.ts [--holders 10000] [--seconds 3] [--rounds 3]
 */
import { writeFileSync } from "node:fs";
import { BALANCE, cw20Code, cw20Init, makeHolders } from "../support/cw20.ts";
import { Workspace } from "../support/daemon.ts";
import { deployWasm } from "../support/deploy-wasm.ts";
import { JsonMessages } from "../support/json-messages.ts";
import { type LoadResult, runLoad } from "../support/load-driver.ts";
import { printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { Random } from "../support/random.ts";
import { rateSpreadText, spreadOf, spreadText, tableText } from "../support/statistics.ts";
import { World } from "../support/world.ts";

const OUTSTANDING = 64;
const WARMUP_MS = 1_000;
/** The contract writes its genesis balances in one transaction. */
const CW20_HOLDERS = 1_000;
const DEPLOYER = `0x${"de".repeat(20)}`;

const options = readOptions({ holders: 10_000, seconds: 3, rounds: 3 });
printBanner("Queries of a CosmWasm token, with the query threads and without", options);

interface Side {
  name: string;
  world: World;
  token: string;
}

interface Measured {
  queries?: LoadResult & { daemonUs?: number };
  transfers?: LoadResult & { daemonUs: number };
}

const holders = makeHolders(CW20_HOLDERS);

const workspace = new Workspace();
const sides: Side[] = [];
try {
  for (const threads of ["default", "none"]) {
    const config = workspace.directory(`${threads}.toml`);
    writeFileSync(config, threads === "none" ? "[queries]\nthreads = 0\n" : "");
    const world = await World.create(options.holders, workspace.directory(threads), ["--config", config]);
    const token = await deployWasm(world.daemon.client, DEPLOYER, cw20Code(), cw20Init(holders));
    sides.push({ name: threads, world, token });
  }
  const rows: { name: string; side: Side; run: () => Promise<Measured>; results: Measured[] }[] = [];
  for (const side of sides) {
    const row = (name: string, run: () => Promise<Measured>) => rows.push({ name, side, run, results: [] });
    row("queries alone", async () => {
      const before = side.world.daemon.processorSeconds();
      const queries = await query(side);
      const seconds = side.world.daemon.processorSeconds() - before;
      return { queries: { ...queries, daemonUs: (seconds * 1e6) / queries.answered } };
    });
    row("queries and transfers", async () => {
      const [queries, transfers] = await Promise.all([query(side), transfer(side)]);
      return { queries, transfers };
    });
    row("transfers alone", async () => ({ transfers: await transfer(side) }));
  }
  for (let round = 0; round < options.rounds; round++)
    for (const { side, run, results } of rows) {
      await side.world.settle();
      results.push(await run());
    }
  const header = [
    "threads",
    "row",
    "queries/s, median (min–max)",
    "p50 ms",
    "p99 ms",
    "daemon us a query",
    "transfers/s",
    "p99 ms",
  ];
  process.stdout.write(
    `${tableText(
      header,
      rows.map(({ name, side, results }) => [side.name, name, ...cells(results)]),
    )}\n`,
  );
  for (const { name, world } of sides) process.stdout.write(`threads ${name}: ${await world.check()}\n`);
} finally {
  for (const { world } of sides) await world.close();
  workspace.remove();
}

function query({ world, token }: Side): Promise<LoadResult> {
  const wire = new JsonMessages(
    { token, holders: holders.map(({ text }) => text), balance: String(BALANCE) },
    new Random(2),
  );
  const path = world.daemon.ipc;
  return runLoad(wire, { path, outstanding: OUTSTANDING, warmupMs: WARMUP_MS, measureMs: options.seconds * 1000 });
}

function transfer({ world }: Side) {
  return world.run({ wire: "json-batch", outstanding: 16, warmupMs: WARMUP_MS, measureMs: options.seconds * 1000 });
}

function cells(results: readonly Measured[]): string[] {
  const queries = results.flatMap((one) => one.queries ?? []);
  const transfers = results.flatMap((one) => one.transfers ?? []);
  const alone = queries.flatMap(({ daemonUs }) => daemonUs ?? []);
  const rate = (of: readonly LoadResult[]) =>
    of.length === 0 ? "-" : rateSpreadText(spreadOf(of.map(({ perSecond }) => perSecond)));
  const latency = (of: readonly LoadResult[], name: "p50Ms" | "p99Ms") =>
    of.length === 0 ? "-" : spreadText(spreadOf(of.map((one) => one[name])), 2);
  return [
    rate(queries),
    latency(queries, "p50Ms"),
    latency(queries, "p99Ms"),
    alone.length === 0 ? "-" : spreadText(spreadOf(alone), 1),
    rate(transfers),
    latency(transfers, "p99Ms"),
  ];
}
