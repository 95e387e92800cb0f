/**
 * Question   How many ERC-20 tokens can be deployed a second?
 * Workload   tx_submit of deployments by 1,000 senders in turn, 64 outstanding on the Unix socket, acknowledged when
 *            durable; in turn with a null server on the same wire.
 * Expected   a quarter of the rate of single transfers: a deployment writes eight state entries where a transfer changes three,
 *            all of them new leaves. Far below that, something grows with the number of contracts.
 * Checked    every answer; in the end contract_list has every token, and a sample has its whole supply at its creator.
 * Run        node scripts/run.mjs bench/load/deploy.ts [--seconds 3] [--rounds 3]
 */
import { Workspace } from "../support/daemon.ts";
import { DEPLOY_SUPPLY } from "../support/json-deploys.ts";
import { printBanner } from "../support/machine.ts";
import { NullServer } from "../support/null-server.ts";
import { readOptions } from "../support/options.ts";
import { rateSpreadText, spreadOf, spreadText, tableText } from "../support/statistics.ts";
import { type Load, World } from "../support/world.ts";

const SENDERS = 1_000;
const PAGE = 1_000;
/** Every how manieth token of the list is asked for its supply. */
const SAMPLE_EVERY = 100;

const options = readOptions({ seconds: 3, rounds: 3 });
printBanner("Deployments of ERC-20 tokens over the Unix socket, 64 outstanding", options);

const workspace = new Workspace();
const world = await World.create(SENDERS, workspace.directory("data"));
const nullServer = await NullServer.start("ndjson", workspace.directory("null.ipc"));
try {
  const load: Load = { wire: "json-deploy", outstanding: 64, warmupMs: 500, measureMs: options.seconds * 1000 };
  const ours: { perSecond: number; p50Ms: number; p99Ms: number; answered: number }[] = [];
  const nulls: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    ours.push(await world.run(load));
    nulls.push((await world.runAgainst(nullServer.address, load)).perSecond);
  }
  const cells = [
    rateSpreadText(spreadOf(ours.map(({ perSecond }) => perSecond))),
    spreadText(spreadOf(ours.map(({ p50Ms }) => p50Ms)), 2),
    spreadText(spreadOf(ours.map(({ p99Ms }) => p99Ms)), 2),
    rateSpreadText(spreadOf(nulls)),
  ];
  process.stdout.write(
    `${tableText(["deployments/s, median (min–max)", "p50 ms", "p99 ms", "null server/s"], [cells])}\n`,
  );
  const deployed = ours.reduce((sum, { answered }) => sum + answered, 0);
  await checkTokens(deployed + 1);
} finally {
  await nullServer.close();
  await world.close();
  workspace.remove();
}

/** @param expected tokens, the one of the world among them. */
async function checkTokens(expected: number): Promise<void> {
  const { client } = world.daemon;
  let listed = 0;
  let sampled = 0;
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await client.call("contract_list", { limit: PAGE, cursor });
    for (const [i, { address, creator }] of items.entries()) {
      if ((listed + i) % SAMPLE_EVERY !== 0 || address === world.token) continue;
      const { result } = await client.call("contract_query", { address, entrypoint: "balanceOf", args: [creator] });
      if (result !== DEPLOY_SUPPLY)
        throw new Error(`the creator of ${address} has ${String(result)} of ${DEPLOY_SUPPLY}`);
      sampled++;
    }
    listed += items.length;
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
  if (listed !== expected) throw new Error(`contract_list has ${listed} tokens, ${expected} were deployed`);
  process.stdout.write(
    `checked: all ${listed} tokens are listed, ${sampled} of them asked for the creator's balance\n`,
  );
}
