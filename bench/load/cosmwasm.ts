/**
 * Question   How many transfers of an unchanged CosmWasm token (cw20-base) a second, over the daemon's Unix socket,
 *            acknowledged when durable?
 * Workload   tx_submitBatch of 100 transfers of 1 unit as JSON messages, with summaries, 16 outstanding, uniform random among
 *            holders that exist and have sent before, explicit nonces; `rounds` times for `seconds` after 1 s of warm-up, in
 *            turn with a null server on the same wire.
 * Expected   30,000 a second or more. The engine alone is the bound (micro/cosmwasm-cw20.bench.ts): wire, block, root and
 *            journal take a tenth of what the contract takes, on other threads mostly.
 * Checked    every answer; in the end the balance of every holder, and their sum.
 * Run        node scripts/run.mjs bench/load/cosmwasm.ts [--holders 10000] [--seconds 3] [--rounds 3]
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DEFAULT_PARAMETERS } from "../../src/execution/parameters.ts";
import { Accounts, Book, FUNDS } from "../support/accounts.ts";
import { Cw20Transfers } from "../support/cw20-transfers.ts";
import { backlogOf, Daemon, Workspace } from "../support/daemon.ts";
import { JsonBatches } from "../support/json-transfers.ts";
import { type LoadResult, runLoad } from "../support/load-driver.ts";
import { printBanner } from "../support/machine.ts";
import { NullServer } from "../support/null-server.ts";
import { readOptions } from "../support/options.ts";
import { Random } from "../support/random.ts";
import { rateSpreadText, spreadOf, spreadText, tableText } from "../support/statistics.ts";
import { FirstSends, RandomTransfers, type TransferSource } from "../support/transfer-source.ts";

const GOAL = 30_000;
const BATCH = 100;
const OUTSTANDING = 16;
const WARMUP_MS = 1_000;
const NULL_MS = 2_000;
/** Holders that one instantiate message funds: its body and its memory stay small. */
const FUNDED_AT_ONCE = 10_000;
const CHECKED_AT_ONCE = 500;

const options = readOptions({ holders: 10_000, seconds: 3, rounds: 3 });
if (options.holders > FUNDED_AT_ONCE) throw new Error(`--holders may be ${FUNDED_AT_ONCE} at most`);
printBanner("Transfers of cw20-base over the Unix socket, in batches of 100", options);

const { addressPrefix } = DEFAULT_PARAMETERS;
const accounts = new Accounts(options.holders);
const book = new Book(accounts);
const random = new Random(1);
const workspace = new Workspace();
const daemon = await Daemon.start(workspace.directory("data"));
const nullServer = await NullServer.start("ndjson", workspace.directory("null.ipc"));
try {
  const token = await deploy();
  const transfers = new Cw20Transfers(accounts, { token, addressPrefix });
  const load = (source: TransferSource, counted: Book, path: string, warmupMs: number, measureMs: number) => {
    const wire = new JsonBatches({ accounts, book: counted, token, source }, BATCH, transfers);
    return runLoad(wire, { path, outstanding: OUTSTANDING, warmupMs, measureMs });
  };
  await load(new FirstSends(accounts, 0, options.holders), book, daemon.ipc, 0, Infinity);
  const ours: (LoadResult & { daemonUs: number })[] = [];
  const nulls: LoadResult[] = [];
  for (let round = 0; round < options.rounds; round++) {
    await settle();
    const before = daemon.processorSeconds();
    const source = new RandomTransfers(accounts, random);
    const result = await load(source, book, daemon.ipc, WARMUP_MS, options.seconds * 1000);
    ours.push({ ...result, daemonUs: ((daemon.processorSeconds() - before) * 1e6) / result.answered });
    nulls.push(await load(source, new Book(accounts), nullServer.address, WARMUP_MS, NULL_MS));
  }
  const rate = spreadOf(ours.map(({ perSecond }) => perSecond));
  const header = [
    "transfers/s, median (min–max)",
    "goal",
    "verdict",
    "p50 ms",
    "p99 ms",
    "daemon, us each",
    "null server/s",
  ];
  const cells = [
    rateSpreadText(rate),
    `≥ ${GOAL.toLocaleString("en-US")}`,
    rate.median >= GOAL ? "met" : "missed",
    spreadText(spreadOf(ours.map(({ p50Ms }) => p50Ms)), 2),
    spreadText(spreadOf(ours.map(({ p99Ms }) => p99Ms)), 2),
    spreadText(spreadOf(ours.map(({ daemonUs }) => daemonUs)), 1),
    rateSpreadText(spreadOf(nulls.map(({ perSecond }) => perSecond))),
  ];
  process.stdout.write(`${tableText(header, [cells])}\n${await check(token, transfers)}\n`);
} finally {
  await nullServer.close();
  await daemon.kill();
  workspace.remove();
}

/** A token that every holder has `FUNDS` of. */
async function deploy(): Promise<string> {
  const contracts = dirname(createRequire(import.meta.url).resolve("@oraichain/common-contracts-build/package.json"));
  const texts = new Cw20Transfers(accounts, { token: "", addressPrefix });
  const initial_balances = Array.from({ length: options.holders }, (_, holder) => ({
    address: texts.textOf(holder),
    amount: String(FUNDS),
  }));
  book.balances.fill(FUNDS, 0, options.holders);
  const contract = {
    type: "wasm",
    code: `0x${readFileSync(join(contracts, "data", "cw20-base.wasm")).toString("hex")}`,
    init: { name: "Bench", symbol: "BNCH", decimals: 0, initial_balances },
  };
  const sender = accounts.text(accounts.owner);
  const transaction = { kind: "deploy" as const, sender, gasLimit: "100000000000", contract };
  const receipt = await daemon.client.call("tx_submit", { transaction });
  if ("contractAddress" in receipt && receipt.contractAddress !== null) return receipt.contractAddress;
  throw new Error(`the token was not deployed: ${JSON.stringify(receipt).slice(0, 400)}`);
}

async function settle(): Promise<void> {
  while (backlogOf(await daemon.health()).entries > 0) await sleep(50);
}

async function check(token: string, transfers: Cw20Transfers): Promise<string> {
  let sum = 0;
  for (let first = 0; first < options.holders; first += CHECKED_AT_ONCE) {
    const count = Math.min(CHECKED_AT_ONCE, options.holders - first);
    const asked = Array.from({ length: count }, (_, i) =>
      daemon.client.call("contract_query", {
        address: token,
        msg: { balance: { address: transfers.textOf(first + i) } },
      }),
    );
    for (const [i, { result }] of (await Promise.all(asked)).entries()) {
      const balance = Number((result as { balance: string }).balance);
      const expected = book.balances[first + i]!;
      if (balance !== expected) throw new Error(`${accounts.text(first + i)} has ${balance}, must have ${expected}`);
      sum += balance;
    }
  }
  if (sum !== options.holders * FUNDS) throw new Error(`balances add up to ${sum}`);
  return `checked: all ${options.holders.toLocaleString("en-US")} balances and their sum are what they must be`;
}
