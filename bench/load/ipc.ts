/**
 * Question   How many transfers a second, and how soon each, over the daemon's Unix sockets, acknowledged when durable?
 * Workload   transfers of 1 unit, uniform random among holders that exist, explicit nonces; one connection. Each row is
 *            measured `rounds` times for `seconds` after 1 s of warm-up, in turn with a null server on the same wire; before
 *            each the state store has caught up. Rows (--rows a,b,…):
 *              batch-1k     tx_submitBatch of 100 with summaries, 16 outstanding, 1,000 holders
 *              batch        the same with `holders`
 *              binary       submit frames of 100, 16 outstanding
 *              single-64    tx_submit, answered by the whole receipt, 64 outstanding
 *              single-256   256 outstanding
 *              single-1     one outstanding; beside it the null server's round trip and a raw append and fdatasync
 *              balance-64   contract_query of balanceOf, 64 outstanding: with more holders than the cache has room, hardly ever cached
 *              cached-64    the same with 1,000 holders, all of whom the cache has after a moment
 * Expected   the goals in the table, for 100,000 holders on 2 cores with the load generator beside it. The null server shows
 *            what wire and generator leave: a row near it says more about them than about the engine. With few holders the
 *            state tree and LMDB fit the caches: twice the rate.
 * Checked    every answer; in the end all balances, their sum, and a thousand nonces.
 * Run        node scripts/run.mjs bench/load/ipc.ts [--holders 100000] [--seconds 3] [--rounds 3] [--rows batch,binary]
 */
import { Workspace } from "../support/daemon.ts";
import type { LoadResult } from "../support/load-driver.ts";
import { printBanner } from "../support/machine.ts";
import { NullServer } from "../support/null-server.ts";
import { readOptions } from "../support/options.ts";
import { measureRawSync } from "../support/raw-sync.ts";
import { mebibytes, rateSpreadText, spreadOf, spreadText, tableText } from "../support/statistics.ts";
import { type Load, World } from "../support/world.ts";

interface Goal {
  perSecond?: number;
  p50Ms?: number;
  p99Ms?: number;
}

interface Row {
  name: string;
  wire: Load["wire"];
  outstanding: number;
  goal: Goal;
}

const GOAL_HOLDERS = 100_000;
const FEW_HOLDERS = 1_000;
const WARMUP_MS = 1_000;
const NULL_MS = 2_000;
const HEADER = [
  "row",
  "holders",
  "goal",
  "a second, median (min–max)",
  "p50 ms",
  "p99 ms",
  "null server, a second",
  "ours / null",
  "verdict",
];
const RAW_SYNC_MS = 500;

const FEW_ROWS: readonly Row[] = [
  { name: "batch-1k", wire: "json-batch", outstanding: 16, goal: { perSecond: 300_000 } },
  { name: "cached-64", wire: "json-balance", outstanding: 64, goal: { perSecond: 120_000 } },
];
const ROWS: readonly Row[] = [
  { name: "batch", wire: "json-batch", outstanding: 16, goal: { perSecond: 150_000 } },
  { name: "binary", wire: "binary-batch", outstanding: 16, goal: { perSecond: 180_000 } },
  { name: "single-64", wire: "json-single", outstanding: 64, goal: { perSecond: 50_000, p99Ms: 5 } },
  { name: "single-256", wire: "json-single", outstanding: 256, goal: { perSecond: 80_000, p99Ms: 10 } },
  { name: "single-1", wire: "json-single", outstanding: 1, goal: { p50Ms: 0.4, p99Ms: 2 } },
  { name: "balance-64", wire: "json-balance", outstanding: 64, goal: { perSecond: 90_000 } },
];

interface Measured {
  row: Row;
  holders: number;
  ours: (LoadResult & { daemonUs: number })[];
  nulls: LoadResult[];
}

const options = readOptions({ holders: GOAL_HOLDERS, seconds: 3, rounds: 3, rows: "all" });
printBanner("Transfers and reads over the Unix sockets, in turn with a null server", options);

const chosen = new Set(options.rows.split(","));
const isChosen = (row: Row) => options.rows === "all" || chosen.has(row.name);
const unknown = [...chosen].filter(
  (name) => name !== "all" && ![...FEW_ROWS, ...ROWS].some((row) => row.name === name),
);
if (unknown.length > 0)
  throw new Error(`there is no row ${unknown.join(", ")}: ${[...FEW_ROWS, ...ROWS].map((row) => row.name).join(", ")}`);

/** Of every round: what the disk took just then. */
const rawSyncs: { p50Ms: number; p99Ms: number }[] = [];
const workspace = new Workspace();
const nullServers = {
  ndjson: await NullServer.start("ndjson", workspace.directory("null.ipc")),
  binary: await NullServer.start("binary", workspace.directory("null.bin.ipc")),
};
try {
  const measured = [
    ...(await measureRows(FEW_ROWS.filter(isChosen), FEW_HOLDERS)),
    ...(await measureRows(ROWS.filter(isChosen), options.holders)),
  ];
  process.stdout.write(`\n${tableText(HEADER, measured.map(cellsOf))}\n${notes(measured)}`);
} finally {
  for (const server of Object.values(nullServers)) await server.close();
  workspace.remove();
}

async function measureRows(rows: readonly Row[], holders: number): Promise<Measured[]> {
  if (rows.length === 0) return [];
  const measured = rows.map((row): Measured => ({ row, holders, ours: [], nulls: [] }));
  const world = await World.create(holders, workspace.directory(`data-${holders}`));
  try {
    for (let round = 0; round < options.rounds; round++) {
      await world.settle();
      rawSyncs.push(measureRawSync(world.dataDir, RAW_SYNC_MS));
      for (const entry of measured) await measureOnce(world, entry);
    }
    const { anonymousBytes, residentBytes } = world.daemon.memory();
    process.stdout.write(
      `${holders.toLocaleString("en-US")} holders: ${mebibytes(anonymousBytes)} anonymous, ${mebibytes(residentBytes)} resident memory\n` +
        `${await world.check()}\n`,
    );
  } finally {
    await world.close();
  }
  return measured;
}

async function measureOnce(world: World, { row, ours, nulls }: Measured): Promise<void> {
  const { wire, outstanding } = row;
  const nullServer = wire === "binary-batch" ? nullServers.binary : nullServers.ndjson;
  await world.settle();
  ours.push(await world.run({ wire, outstanding, warmupMs: WARMUP_MS, measureMs: options.seconds * 1000 }));
  nulls.push(
    await world.runAgainst(nullServer.address, { wire, outstanding, warmupMs: WARMUP_MS, measureMs: NULL_MS }),
  );
}

function cellsOf({ row, holders, ours, nulls }: Measured): string[] {
  const rate = spreadOf(ours.map(({ perSecond }) => perSecond));
  const p50 = spreadOf(ours.map(({ p50Ms }) => p50Ms));
  const p99 = spreadOf(ours.map(({ p99Ms }) => p99Ms));
  const nullRate = spreadOf(nulls.map(({ perSecond }) => perSecond));
  const { perSecond = 0, p50Ms = Infinity, p99Ms = Infinity } = row.goal;
  const isMet = rate.median >= perSecond && p50.median <= p50Ms && p99.median <= p99Ms;
  const isComparable = holders === GOAL_HOLDERS || FEW_ROWS.includes(row);
  return [
    row.name,
    holders.toLocaleString("en-US"),
    goalText(row.goal),
    rateSpreadText(rate),
    spreadText(p50, 2),
    spreadText(p99, 2),
    rateSpreadText(nullRate),
    (rate.median / nullRate.median).toFixed(2),
    isComparable ? (isMet ? "met" : "missed") : "-",
  ];
}

function goalText({ perSecond, p50Ms, p99Ms }: Goal): string {
  const parts = [
    perSecond === undefined ? "" : `≥ ${perSecond.toLocaleString("en-US")}/s`,
    p50Ms === undefined ? "" : `p50 ≤ ${p50Ms} ms`,
    p99Ms === undefined ? "" : `p99 ≤ ${p99Ms} ms`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** What the disk and the cores took, and what stands beside one outstanding transfer. */
function notes(measured: readonly Measured[]): string {
  const of = (results: readonly { p50Ms: number; p99Ms: number }[]) =>
    `p50 ${spreadText(spreadOf(results.map(({ p50Ms }) => p50Ms)), 2)}, p99 ${spreadText(spreadOf(results.map(({ p99Ms }) => p99Ms)), 2)} ms`;
  const alone = measured.find(({ row }) => row.outstanding === 1);
  const header = ["processor time", "daemon, us an operation", "load generator, us", "cores busy with both"];
  return [
    tableText(header, measured.map(costsOf)),
    `append of 1 kB and fdatasync, raw, in the same directory: ${of(rawSyncs)}`,
    ...(alone === undefined ? [] : [`one outstanding, null server's round trip: ${of(alone.nulls)}`]),
    "",
  ].join("\n");
}

/** Cores idle while a row misses its goal: it waits for the disk, or for its own stages one after the other. */
function costsOf({ row, ours }: Measured): string[] {
  const middle = (values: number[]) => spreadOf(values).median;
  const daemonUs = middle(ours.map((one) => one.daemonUs));
  const generatorUs = middle(ours.map((one) => one.generatorUs));
  const cores = middle(ours.map((one) => ((one.daemonUs + one.generatorUs) * one.perSecond) / 1e6));
  return [row.name, daemonUs.toFixed(1), generatorUs.toFixed(1), cores.toFixed(2)];
}
