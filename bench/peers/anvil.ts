/**
 * Question   How many times anvil's transfers a second are ours, over the same kind of socket?
 * Workload   ERC-20 transfers of 1 unit among `holders` that exist, uniform random, explicit nonces, no signatures.
 *            anvil 1.7.1: --ipc --no-mining --prune-history --auto-impersonate, JSON-RPC arrays of 100 eth_sendTransaction,
 *            a block asked for every 1,000: the mode in which it is fastest. OpenZeppelin's ERC20 (openzeppelin-erc20.json).
 *            ours: tx_submitBatch of 100 with summaries, 16 outstanding, embedded store. In turn, `rounds` times.
 * Expected   at least 8x with 1,000 holders. anvil keeps everything in memory and promises nothing after a crash; ours
 *            answers when the block is on the disk: the ratio is in anvil's favour.
 * Checked    with both: every answer, all transactions in blocks, all balances in the end.
 * Run        node scripts/run.mjs bench/peers/anvil.ts [--holders 1000] [--seconds 3] [--rounds 3] [--anvil PATH]
 *            anvil comes from PATH, or by npm from the package @foundry-rs/anvil into a temporary directory.
 */
import { Anvil } from "../support/anvil.ts";
import { Workspace } from "../support/daemon.ts";
import { findAnvil } from "../support/find-anvil.ts";
import { printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { rateSpreadText, spreadOf, tableText } from "../support/statistics.ts";
import { type Load, World } from "../support/world.ts";

const GOAL_RATIO = 8;
const GOAL_HOLDERS = 1_000;
const WARMUP_SECONDS = 1;

const options = readOptions({ holders: GOAL_HOLDERS, seconds: 3, rounds: 3, anvil: "" });
const workspace = new Workspace();
try {
  const binary = findAnvil(options.anvil, workspace.directory("npm"));
  await compare(binary);
} finally {
  workspace.remove();
}

async function compare(binary: string): Promise<void> {
  const anvil = await Anvil.start(binary, workspace.path, options.holders);
  const world = await World.create(options.holders, workspace.directory("data"));
  try {
    printBanner(`Transfers over a Unix socket, in batches of 100: ours in turn with ${anvil.version}`, options);
    const load: Load = {
      wire: "json-batch",
      outstanding: 16,
      warmupMs: WARMUP_SECONDS * 1000,
      measureMs: options.seconds * 1000,
    };
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < options.rounds; round++) {
      ours.push((await world.run(load)).perSecond);
      await anvil.measure(WARMUP_SECONDS);
      theirs.push(await anvil.measure(options.seconds));
    }
    report(ours, theirs);
    process.stdout.write(`${await world.check()}\n${await anvil.check()}\n`);
  } finally {
    await world.close();
    await anvil.close();
  }
}

function report(ours: readonly number[], theirs: readonly number[]): void {
  const [our, their] = [spreadOf(ours), spreadOf(theirs)];
  const rows = [
    ["ours", rateSpreadText(our), "durable, blocks, receipts, logs, state root"],
    ["anvil", rateSpreadText(their), "in memory, blocks, receipts, logs, state root"],
  ];
  process.stdout.write(`${tableText(["", "transfers/s, median (min–max)", "acknowledged means"], rows)}\n`);
  const ratio = our.median / their.median;
  const verdict =
    options.holders === GOAL_HOLDERS ? `, goal ${GOAL_RATIO}: ${ratio >= GOAL_RATIO ? "met" : "missed"}` : "";
  process.stdout.write(`ours / anvil ${ratio.toFixed(1)}${verdict}\n`);
}
