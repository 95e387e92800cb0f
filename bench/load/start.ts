/**
 * Question   How long from exec of node until the daemon answers, and how fast does it take up what it had journalled?
 * Workload   Each start: spawn to the answer of engine_info.
 *            empty      a data directory that does not exist
 *            snapshot   `holders` that exist, stopped in order: the saved state tree is loaded
 *            rebuilt    the same with state.tree deleted: the tree is built from LMDB
 *            recovery   kill -9 after `transfers` more, with state store, indexes and saved tree put back to where they were
 *                       before them: the followers had applied nothing. Rate: transfers / (this start - the median
 *                       start from the snapshot).
 * Expected   400 ms, 500 ms and 6 s with 1 million holders, 300,000 transfers/s. The page cache is warm: a start after a
 *            reboot reads the same files from the disk.
 * Checked    after every recovery, all balances and their sum: everything acknowledged before the kill is there.
 * Run        node scripts/run.mjs bench/load/start.ts [--holders 1000000] [--transfers 600000] [--rounds 3]
 */
import { cpSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Daemon, Workspace } from "../support/daemon.ts";
import { printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { mebibytes, rateSpreadText, type Spread, spreadOf, spreadText } from "../support/statistics.ts";
import { World } from "../support/world.ts";

/** What followers and stops write; the journal is the truth they follow. */
const FOLLOWED = ["state", "index", "state.tree"];
const TREE = "state.tree";

const GOALS = { empty: 400, snapshot: 500, rebuilt: 6_000, recovery: 300_000 };

const options = readOptions({ holders: 1_000_000, transfers: 600_000, rounds: 3 });
printBanner("Start: from exec of node to the first answer, and recovery", options);

const workspace = new Workspace();
try {
  printRow(["start", "goal", "median (min–max)", "verdict"]);
  printRow(["---", "---", "---", "---"]);
  printStart("empty data directory", await measureEmpty(), GOALS.empty);
  const world = await World.create(options.holders, workspace.directory("data"));
  try {
    await measureFilled(world);
  } finally {
    await world.close();
  }
} finally {
  workspace.remove();
}

async function measureFilled(world: World): Promise<void> {
  const holders = `${options.holders.toLocaleString("en-US")} holders`;
  const tree = join(world.dataDir, TREE);
  await world.restart("stop");
  const treeBytes = statSync(tree, { throwIfNoEntry: false })?.size ?? 0;
  const snapshot = await repeat(() => restart(world, "loaded"));
  printStart(`${holders}, saved tree of ${mebibytes(treeBytes)}`, snapshot, GOALS.snapshot);
  const rebuilt = await repeat(() => restart(world, "rebuilt", () => rmSync(tree, { force: true })));
  printStart(`${holders}, tree rebuilt from LMDB`, rebuilt, GOALS.rebuilt);
  await measureRecovery(world, snapshot.median);
}

/** Rows are printed as they are measured: with a million holders the whole takes minutes. */
function printRow(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}

function printStart(what: string, ms: Spread, goalMs: number): void {
  printRow([what, `≤ ${goalMs} ms`, `${spreadText(ms, 0)} ms`, ms.median <= goalMs ? "met" : "missed"]);
}

/** Stops the daemon in order and starts it; the start must have found its tree where the measurement says. */
async function restart(world: World, tree: "loaded" | "rebuilt", between?: () => void): Promise<number> {
  const startMs = await world.restart("stop", between);
  await requireTree(world, tree);
  return startMs;
}

async function requireTree(world: World, tree: "loaded" | "rebuilt"): Promise<void> {
  const { executor } = (await world.daemon.health()).backends;
  if (executor.tree !== tree) throw new Error(`the tree was ${executor.tree}, this measurement is of one ${tree}`);
}

async function repeat(measure: () => Promise<number>): Promise<Spread> {
  const values: number[] = [];
  for (let i = 0; i < options.rounds; i++) values.push(await measure());
  return spreadOf(values);
}

async function measureEmpty(): Promise<Spread> {
  let next = 0;
  return await repeat(async () => {
    const daemon = await Daemon.start(workspace.directory(`empty-${next++}`));
    await daemon.stop();
    return daemon.startMs;
  });
}

async function measureRecovery(world: World, cleanStartMs: number): Promise<void> {
  const rates: number[] = [];
  const startsMs: number[] = [];
  const checks: string[] = [];
  let journalBytes = 0;
  for (let round = 0; round < options.rounds; round++) {
    await world.restart("stop", () => copy(world.dataDir, workspace.directory("before")));
    const before = (await world.daemon.health()).backends.log.bytes;
    const sent = await world.transfer(options.transfers);
    journalBytes = (await world.daemon.health()).backends.log.bytes - before;
    const startMs = await world.restart("kill", () => copy(workspace.directory("before"), world.dataDir));
    await requireTree(world, "loaded");
    startsMs.push(startMs);
    rates.push((sent / (startMs - cleanStartMs)) * 1000);
    checks.push(`after kill ${round + 1}, ${await world.check()}\n`);
  }
  const rate = spreadOf(rates);
  const what = `recovery of ${options.transfers.toLocaleString("en-US")} transfers, ${mebibytes(journalBytes)} of journal, ready after ${spreadText(spreadOf(startsMs), 0)} ms`;
  const verdict = rate.median >= GOALS.recovery ? "met" : "missed";
  printRow([what, `≥ ${GOALS.recovery.toLocaleString("en-US")}/s`, `${rateSpreadText(rate)}/s`, verdict]);
  process.stdout.write(`\n${checks.join("")}`);
}

function copy(from: string, to: string): void {
  for (const name of FOLLOWED) {
    rmSync(join(to, name), { recursive: true, force: true });
    cpSync(join(from, name), join(to, name), { recursive: true });
  }
}
