/**
 * Question   What do analytics, metrics and tracing cost durable transfers over the Unix socket?
 * Workload   two daemons with the same holders, measured in turn, the order changing every round: one measures nothing; the
 *            other has analytics, metrics, and traces one request in 100 into a collector that takes everything.
 *              batch       tx_submitBatch of 100 with summaries, 16 outstanding
 *              single-64   tx_submit, 64 outstanding
 * Expected   at most 3 % of the rate. Processor time a transfer, of all threads of the daemon, varies less with what else runs
 *            on the machine: look at it where rates differ by more from round to round than between the two.
 * Checked    every answer; in the end all balances, their sum, and a thousand nonces, of both; that traces arrived, and how many
 *            spans were dropped.
 * Run        node scripts/run.mjs bench/load/telemetry-cost.ts [--holders 20000] [--seconds 3] [--rounds 6] [--rows batch]
 */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Workspace } from "../support/daemon.ts";
import { printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { rateSpreadText, spreadOf, spreadText, tableText } from "../support/statistics.ts";
import { type Load, World } from "../support/world.ts";

const ROWS: readonly { name: string; wire: Load["wire"]; outstanding: number }[] = [
  { name: "batch", wire: "json-batch", outstanding: 16 },
  { name: "single-64", wire: "json-single", outstanding: 64 },
];
const WARMUP_MS = 1_000;
const COST_MAX = 0.03;
const NOTHING = `[enhanced]
enable_analytics = false
[monitoring]
performance = false
errors = false
`;

const options = readOptions({ holders: 20_000, seconds: 3, rounds: 6, rows: "all" });
printBanner("What measuring costs, in turn with a daemon that measures nothing", options);

const workspace = new Workspace();
let received = 0;
const collector = createServer((request, response) => {
  request.on("data", () => {});
  request.on("end", () => {
    received++;
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
});
await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
const { port } = collector.address() as AddressInfo;
const EVERYTHING = `[monitoring]
tracing = true
trace_one_in = 100
otlp_endpoint = "http://127.0.0.1:${port}/v1/traces"
`;

const worldOf = async (name: string, settings: string) => {
  const file = workspace.directory(`${name}.toml`);
  writeFileSync(file, settings);
  return await World.create(options.holders, workspace.directory(name), ["--config", file]);
};
const worlds = { off: await worldOf("off", NOTHING), on: await worldOf("on", EVERYTHING) };
try {
  const rows: string[][] = [];
  for (const row of ROWS.filter(({ name }) => options.rows === "all" || options.rows.split(",").includes(name)))
    rows.push(await measure(row));
  process.stdout.write(
    `\n${tableText(["row", "off, a second", "on, a second", "rate lost, median of pairs", "off, us of processor", "on, us", "processor time added", "verdict"], rows)}\n`,
  );
  if (received === 0) throw new Error("no trace reached the collector");
  for (const [name, world] of Object.entries(worlds)) process.stdout.write(`${name}: ${await world.check()}\n`);
  const metrics = await (await fetch(`${worlds.on.daemon.url}/metrics`)).text();
  const counted = (name: string) =>
    Number(new RegExp(`^${name} (.*)$`, "m").exec(metrics)?.[1]).toLocaleString("en-US");
  const [traces, dropped] = [counted("contract_traces_total"), counted("contract_spans_dropped_total")];
  process.stdout.write(
    `${traces} traces, ${received} batches of spans reached the collector, ${dropped} spans dropped\n`,
  );
} finally {
  for (const world of Object.values(worlds)) await world.close();
  collector.close();
  workspace.remove();
}

async function measure({ name, wire, outstanding }: (typeof ROWS)[number]): Promise<string[]> {
  const load: Load = { wire, outstanding, warmupMs: WARMUP_MS, measureMs: options.seconds * 1000 };
  const measured = {
    off: { rate: [] as number[], us: [] as number[] },
    on: { rate: [] as number[], us: [] as number[] },
  };
  for (let round = 0; round < options.rounds; round++)
    for (const which of round % 2 === 0 ? (["off", "on"] as const) : (["on", "off"] as const)) {
      await worlds[which].settle();
      const { perSecond, daemonUs } = await worlds[which].run(load);
      measured[which].rate.push(perSecond);
      measured[which].us.push(daemonUs);
    }
  const lost = spreadOf(measured.off.rate.map((rate, i) => 1 - measured.on.rate[i]! / rate));
  const added = spreadOf(measured.off.us.map((us, i) => measured.on.us[i]! / us - 1));
  const percent = ({ median, min, max }: { median: number; min: number; max: number }) =>
    [median, min, max].map((share) => `${(100 * share).toFixed(1)} %`);
  const [lostText, ...lostRange] = percent(lost);
  const [addedText, ...addedRange] = percent(added);
  return [
    name,
    rateSpreadText(spreadOf(measured.off.rate)),
    rateSpreadText(spreadOf(measured.on.rate)),
    `${lostText} (${lostRange.join(" to ")})`,
    spreadText(spreadOf(measured.off.us), 1),
    spreadText(spreadOf(measured.on.us), 1),
    `${addedText} (${addedRange.join(" to ")})`,
    lost.median <= COST_MAX ? "met" : "missed",
  ];
}
