/**
 * Question   Does the daemon keep up for a minute what it does for three seconds, with backlog and memory flat?
 * Workload   JSON batches of 100 transfers, 16 outstanding, summaries, uniform random among `holders` that exist, each with
 *            a nonce's leaf. Three bursts of 3 s, then `seconds` without a pause; every 5 s the rate, p99, the journal that
 *            the state store has yet to apply (GET /health, 4 times a second), and the daemon's memory (smaps_rollup).
 * Expected   at least 0.85x the burst over the minute; the backlog bounded by one or two flushes of the follower; anonymous
 *            memory flat after the first flushes, at most 1 GiB with 1 million holders. A rate that falls from row to row:
 *            LMDB takes more and more of the cores.
 * Checked    every answer; in the end all balances, their sum, and a thousand nonces.
 * Run        node scripts/run.mjs bench/load/sustained.ts [--holders 100000] [--seconds 60]
 */
import { setTimeout as sleep } from "node:timers/promises";
import { backlogOf, type Daemon, type Health, Workspace } from "../support/daemon.ts";
import { printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { mebibytes, rateSpreadText, rateText, spreadOf, tableText } from "../support/statistics.ts";
import { type Load, World } from "../support/world.ts";

const GOAL_RATIO = 0.85;
const TICK_MS = 5_000;
const SAMPLE_MS = 250;
const BURSTS = 3;
const BURST_MS = 3_000;
/** Between bursts: the follower has caught up, as it would have before a real burst. */
const PAUSE_MS = 1_000;

/** The follower's backlog, looked at all the time: between two of its writes it grows and then falls at once. */
class BacklogSampler {
  #samples: { entries: number; bytes: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(daemon: Daemon, since: Health) {
    const sample = async () => this.#samples.push(backlogOf(await daemon.health(), since));
    this.#timer = setInterval(() => sample().catch(() => undefined), SAMPLE_MS);
  }

  /** "mean / largest" since the last time. */
  take(): string {
    const bytes = this.#samples.map((sample) => sample.bytes);
    this.#samples = [];
    if (bytes.length === 0) return "-";
    return `${mebibytes(bytes.reduce((sum, value) => sum + value, 0) / bytes.length)} / ${mebibytes(Math.max(...bytes))}`;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

const options = readOptions({ holders: 100_000, seconds: 60 });
printBanner("Sustained: JSON batches of 100 transfers over the Unix socket, acknowledged when durable", options);

const workspace = new Workspace();
const world = await World.create(options.holders, workspace.directory("data"));
try {
  const load: Load = { wire: "json-batch", outstanding: 16, warmupMs: 1_000, measureMs: BURST_MS };
  const bursts: number[] = [];
  for (let i = 0; i < BURSTS; i++) {
    bursts.push((await world.run(load)).perSecond);
    await world.settle();
    await sleep(PAUSE_MS);
  }
  report(bursts, await sustain(load));
  process.stdout.write(`${await world.check()}\n`);
} finally {
  await world.close();
  workspace.remove();
}

async function sustain(load: Load) {
  const rows: string[][] = [];
  const rates: number[] = [];
  const { daemon } = world;
  const backlog = new BacklogSampler(daemon, await daemon.health());
  const startedAt = performance.now();
  const result = await world.run({ ...load, measureMs: options.seconds * 1000, tickMs: TICK_MS }, (tick) => {
    const rate = tick.operations / tick.seconds;
    const { anonymousBytes, residentBytes } = daemon.memory();
    const at = String(Math.round((performance.now() - startedAt - load.warmupMs) / 1000));
    rates.push(rate);
    rows.push([
      at,
      rateText(rate),
      tick.p99Ms.toFixed(1),
      backlog.take(),
      mebibytes(anonymousBytes),
      mebibytes(residentBytes),
    ]);
  });
  backlog.stop();
  return { rows, rates, result };
}

function report(bursts: readonly number[], { rows, rates, result }: Awaited<ReturnType<typeof sustain>>): void {
  const burst = spreadOf(bursts);
  const ratio = result.perSecond / burst.median;
  const last = rates.slice(-Math.ceil(rates.length / 3));
  const lastThird = last.reduce((sum, rate) => sum + rate, 0) / last.length;
  const header = ["s", "transfers/s", "p99 ms", "backlog mean / max", "anonymous", "resident"];
  process.stdout.write(
    `${tableText(header, rows)}\n` +
      `burst ${rateSpreadText(burst)}/s; over ${options.seconds} s ${rateText(result.perSecond)}/s, its last third ${rateText(lastThird)}/s\n` +
      `sustained / burst ${ratio.toFixed(2)}, goal ${GOAL_RATIO}: ${ratio >= GOAL_RATIO ? "met" : "missed"}\n` +
      `processor time a transfer: daemon ${result.daemonUs.toFixed(1)} us, load generator ${result.generatorUs.toFixed(1)} us\n`,
  );
}
