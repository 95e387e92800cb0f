/**
 * Question   How near does HTTP come to a server that executes nothing?
 * Workload   autocannon, 50 connections, no pipelining, a fresh body for every request. tx_submit of a transfer of 1 unit
 *            (--dev: unsigned), uniform random, explicit nonces, every connection with senders of its own; contract_query of
 *            balanceOf for a random holder. In turn with a node:http server that parses the body and answers a constant of
 *            the same length: ABAB, `rounds` times.
 * Expected   at least 0.6x for transfers, 0.7x for balanceOf. autocannon makes each body and takes a core: with the server on
 *            the other one both figures are far below what a load generator in C gets, and only their ratio says something.
 * Checked    every answer: status 200 and success, or the balance; in the end all balances, their sum, a thousand nonces.
 * Run        node scripts/run.mjs bench/load/http.ts [--holders 100000] [--seconds 4] [--rounds 5] [--connections 50]
 */
import { Workspace } from "../support/daemon.ts";
import type { HttpLoadOptions, HttpLoadResult } from "../support/http-load.ts";
import { printBanner } from "../support/machine.ts";
import { NullServer } from "../support/null-server.ts";
import { readOptions } from "../support/options.ts";
import { rateSpreadText, spreadOf, spreadText, tableText } from "../support/statistics.ts";
import { World } from "../support/world.ts";

const ROWS = [
  { method: "transfer", title: "transfer", goal: 0.6 },
  { method: "balanceOf", title: "balanceOf", goal: 0.7 },
] as const;
const WARMUP_SECONDS = 1;
const HEADER = [
  "request",
  "goal",
  "ours/s, median (min–max)",
  "p50 ms",
  "p99 ms",
  "null server/s",
  "p99 ms",
  "ours / null",
  "verdict",
];

const options = readOptions({ holders: 100_000, seconds: 4, rounds: 5, connections: 50 });
printBanner("HTTP by autocannon, no pipelining, in turn with a null server", options);

const workspace = new Workspace();
const nullServer = await NullServer.start("http", "");
const world = await World.create(options.holders, workspace.directory("data"), ["--dev"]);
try {
  const rows: string[][] = [];
  for (const { method, title, goal } of ROWS) rows.push([title, `≥ ${goal}`, ...(await compare(method, goal))]);
  process.stdout.write(`${tableText(HEADER, rows)}\n${await world.check()}\n`);
} finally {
  await world.close();
  await nullServer.close();
  workspace.remove();
}

async function compare(method: HttpLoadOptions["method"], goal: number): Promise<string[]> {
  const ours: HttpLoadResult[] = [];
  const nulls: HttpLoadResult[] = [];
  for (let round = 0; round < options.rounds; round++) {
    await world.settle();
    ours.push(await measure(method, world.daemon.url, round));
    nulls.push(await measure(method, nullServer.address, round));
  }
  const [our, their] = [ours, nulls].map((results) => spreadOf(results.map(({ perSecond }) => perSecond)));
  const ratio = our!.median / their!.median;
  return [
    rateSpreadText(our!),
    spreadText(spreadOf(ours.map(({ p50Ms }) => p50Ms)), 1),
    spreadText(spreadOf(ours.map(({ p99Ms }) => p99Ms)), 1),
    rateSpreadText(their!),
    spreadText(spreadOf(nulls.map(({ p99Ms }) => p99Ms)), 1),
    ratio.toFixed(2),
    ratio >= goal ? "met" : "missed",
  ];
}

/** The first round of each server warms it up; autocannon opens new connections every time. */
async function measure(method: HttpLoadOptions["method"], url: string, round: number): Promise<HttpLoadResult> {
  const isNullServer = url === nullServer.address;
  const request = {
    url,
    method,
    connections: options.connections,
    isNullServer,
    ipc: isNullServer ? undefined : world.daemon.ipc,
  };
  if (round === 0) await world.generator.ask("runHttp", { ...request, seconds: WARMUP_SECONDS });
  return await world.generator.ask("runHttp", { ...request, seconds: options.seconds });
}
