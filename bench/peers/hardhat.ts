/**
 * Question   How do our durable transfers over a socket compare with those of Hardhat's engine EDR, called in process?
 * Workload   ERC-20 transfers of 1 unit among `holders` that exist, uniform random, explicit nonces, no signatures.
 *            Hardhat 2.29.1, the newest that runs on Node 20: its network's provider, a block asked for every 1,000
 *            (bench/support/hardhat.ts), OpenZeppelin's ERC20 (openzeppelin-erc20.json).
 *            ours: tx_submitBatch of 100 with summaries, 16 outstanding, embedded store. In turn, `rounds` times.
 * Expected   ahead of it, though it has no socket and no disk.
 * Checked    with both: every answer, all transactions in blocks, all balances in the end.
 * Run        node scripts/run.mjs bench/peers/hardhat.ts [--holders 1000] [--seconds 3] [--rounds 3]
 *            It comes by npm into a temporary directory, 290 MB.
 */
import { Workspace } from "../support/daemon.ts";
import { Hardhat } from "../support/hardhat.ts";
import { readOptions } from "../support/options.ts";
import { compareWith } from "../support/peer.ts";

const options = readOptions({ holders: 1_000, seconds: 3, rounds: 3 });
const workspace = new Workspace();
try {
  const peer = await Hardhat.start(workspace.directory("npm"), options.holders);
  await compareWith(peer, workspace.directory("data"), { ...options, goal: 1 });
} finally {
  workspace.remove();
}
