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
import { readOptions } from "../support/options.ts";
import { compareWith } from "../support/peer.ts";

const GOAL_RATIO = 8;
const GOAL_HOLDERS = 1_000;

const options = readOptions({ holders: GOAL_HOLDERS, seconds: 3, rounds: 3, anvil: "" });
const workspace = new Workspace();
try {
  const binary = findAnvil(options.anvil, workspace.directory("npm"));
  const anvil = await Anvil.start(binary, workspace.path, options.holders);
  const goal = options.holders === GOAL_HOLDERS ? GOAL_RATIO : undefined;
  try {
    await compareWith(anvil, workspace.directory("data"), { ...options, goal });
  } finally {
    await anvil.close();
  }
} finally {
  workspace.remove();
}
