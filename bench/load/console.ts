/**
 * Question   How soon does the console show what a cold daemon has, and what does a page that is left open cost the daemon?
 * Workload   first load  a daemon that was just started on `transfers` transfers, a browser without a cache: from the navigation
 *                        until the overview shows the newest transaction, its name and the first figures
 *            live page   processor time of the daemon, all threads, over `seconds` with a page open, less that of as many
 *                        seconds without one, in turn: none, then each view; on a daemon that does nothing, and on one that
 *                        executes 200 transfers a second in 20 blocks, which the page follows
 * Expected   at most 1 s; at most 1 % of a core (the overview asks for 18 metrics every 2 s, and for what is newest at most once
 *            in 2 s; above 5 blocks a second it is not told of each)
 * Checked    the newest transaction that the page shows is the newest there is; the page was up to date when it was closed
 * Run        node scripts/run.mjs bench/load/console.ts [--transfers 100000] [--seconds 15] [--rounds 3]
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { CHROMIUM, openBrowser, WITHOUT_CHROMIUM } from "../../test/support/chromium.ts";
import { Daemon, Workspace } from "../support/daemon.ts";
import { printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { spreadOf, spreadText, tableText } from "../support/statistics.ts";

const LOAD_GOAL_MS = 1_000;
const COST_GOAL = 0.01;
const SETTLE_MS = 10_000;
const BATCH = 1_000;
const PERIOD_MS = 50;
const EACH_PERIOD = 10;
const SENDER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const VIEWS = ["/console", "/console/transactions", "/console/events"];

const options = readOptions({ transfers: 100_000, seconds: 15, rounds: 3 });
printBanner("The console: its first load from a cold daemon, and what a live page costs the daemon", options);
if (CHROMIUM === undefined) {
  process.stderr.write(`${WITHOUT_CHROMIUM}\n`);
  process.exit(1);
}

const workspace = new Workspace();
const browser = await openBrowser();
const rows: string[][] = [];
try {
  const dataDir = workspace.directory("data");
  let daemon = await Daemon.start(dataDir);
  const token = await prepare(daemon);
  const loads: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    await daemon.stop();
    daemon = await Daemon.start(dataDir);
    loads.push(await firstLoadMs(browser, daemon));
  }
  const load = spreadOf(loads);
  rows.push([
    "first load, cold daemon",
    `≤ ${LOAD_GOAL_MS} ms`,
    `${spreadText(load, 0)} ms`,
    verdict(load.median <= LOAD_GOAL_MS),
  ]);
  // A daemon that was just started is still busy with itself.
  await sleep(SETTLE_MS);
  for (const isBusy of [false, true]) rows.push(...(await liveCosts(browser, daemon, { token, isBusy })));
  await daemon.stop();
} finally {
  await browser.close();
  workspace.remove();
}
process.stdout.write(tableText(["", "goal", "median (min–max)", "verdict"], rows));

function verdict(isMet: boolean): string {
  return isMet ? "met" : "missed";
}

async function prepare({ client }: Daemon): Promise<string> {
  const contract = { type: "erc20", name: "Bench", symbol: "BNCH", decimals: 2, initialSupply: "1000000000000" };
  const deploy = { kind: "deploy" as const, sender: SENDER, gasLimit: "10000000", contract };
  const receipt = await client.call("tx_submit", { transaction: deploy });
  const token = "contractAddress" in receipt ? receipt.contractAddress! : "";
  for (let sent = 0; sent < options.transfers; sent += BATCH)
    await client.call("tx_submitBatch", { transactions: transfers(token, BATCH), receipts: "summary" });
  return token;
}

function transfers(token: string, count: number) {
  return Array.from({ length: count }, (_, n) => ({
    kind: "call" as const,
    sender: SENDER,
    gasLimit: "100000",
    to: token,
    entrypoint: "transfer",
    args: [`0x${String(n % 1000).padStart(40, "7")}`, "1"],
  }));
}

/** A context of its own has no cache. */
async function openPage(of: Browser, url: string): Promise<Page> {
  const page = await (await of.newContext({ viewport: { width: 1400, height: 900 } })).newPage();
  await page.goto(url, { waitUntil: "commit" });
  return page;
}

async function firstLoadMs(of: Browser, daemon: Daemon): Promise<number> {
  const { items } = await daemon.client.call("tx_list", { limit: 1 });
  const page = await openPage(of, `${daemon.url}/console`);
  await page.locator(`a[href$="${items[0]!.transactionHash}"]`).waitFor();
  await page.getByText("BNCH").first().waitFor();
  // The deployment is a transaction too.
  await page.getByText(`${(options.transfers + 1).toLocaleString("en-US")} in all`).waitFor();
  const ms = Number(await page.evaluate("performance.now()"));
  await page.context().close();
  return ms;
}

async function liveCosts(
  of: Browser,
  daemon: Daemon,
  { token, isBusy }: { token: string; isBusy: boolean },
): Promise<string[][]> {
  const costs = VIEWS.map((): number[] => []);
  for (let round = 0; round < options.rounds; round++) {
    const without = await processorShare(daemon, token, isBusy);
    for (const [index, view] of VIEWS.entries()) {
      const page = await openPage(of, `${daemon.url}${view}`);
      await page.locator("tbody tr").first().waitFor();
      // What the first load costs is another question.
      await sleep(2_000);
      const withPage = await processorShare(daemon, token, isBusy);
      await requireUpToDate(page, daemon);
      await page.context().close();
      costs[index]!.push(100 * (withPage - without));
    }
  }
  return VIEWS.map((view, index) => {
    const cost = spreadOf(costs[index]!);
    const what = `${view} open, ${isBusy ? "200 transfers/s" : "idle"}: more of a core`;
    return [what, `≤ ${100 * COST_GOAL} %`, `${spreadText(cost, 2)} %`, verdict(cost.median <= 100 * COST_GOAL)];
  });
}

/** Of one core, over the seconds of a round. */
async function processorShare(daemon: Daemon, token: string, isBusy: boolean): Promise<number> {
  const before = daemon.processorSeconds();
  const startedAt = performance.now();
  const endAt = startedAt + options.seconds * 1000;
  for (let next = startedAt; performance.now() < endAt; next += PERIOD_MS) {
    if (isBusy)
      await daemon.client.call("tx_submitBatch", { transactions: transfers(token, EACH_PERIOD), receipts: "summary" });
    await sleep(Math.max(0, next + PERIOD_MS - performance.now()));
  }
  return ((daemon.processorSeconds() - before) * 1000) / (performance.now() - startedAt);
}

async function requireUpToDate(page: Page, daemon: Daemon): Promise<void> {
  const { height } = await daemon.client.call("engine_info", {});
  await page.locator(`tbody a[href="/console/blocks/${height}"]`).first().waitFor({ timeout: 10_000 });
}
