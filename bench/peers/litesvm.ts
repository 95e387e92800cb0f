/**
 * Question   How do our durable transfers over a socket compare with LiteSVM's, which calls its VM in process?
 * Workload   transfers of 1 unit among `holders` that exist, uniform random, no signatures checked.
 *            LiteSVM 1.5.0: its built-in SPL Token program, transactions as bytes, no history (bench/support/lite-svm.ts).
 *            ours: tx_submitBatch of 100 with summaries, 16 outstanding, embedded store. In turn, `rounds` times.
 * Expected   ahead of it, though it has no socket, no blocks, no state root and no disk.
 * Checked    with both: every answer, all balances in the end.
 * Run        node scripts/run.mjs bench/peers/litesvm.ts [--holders 1000] [--seconds 3] [--rounds 3]
 *            It comes by npm into a temporary directory.
 */
import { Workspace } from "../support/daemon.ts";
import { LiteSvm } from "../support/lite-svm.ts";
import { readOptions } from "../support/options.ts";
import { compareWith } from "../support/peer.ts";

const options = readOptions({ holders: 1_000, seconds: 3, rounds: 3 });
const workspace = new Workspace();
try {
  const peer = LiteSvm.start(workspace.directory("npm"), options.holders);
  await compareWith(peer, workspace.directory("data"), { ...options, goal: 1 });
} finally {
  workspace.remove();
}
