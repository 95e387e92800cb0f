/**
 * Question   What do subscribers cost durable transfers over the Unix socket?
 * Workload   one daemon, tx_submitBatch of 100 with summaries, 16 outstanding; without subscribers and with them in turn, the
 *            order changing every round. Subscribers are connections of a process of their own:
 *              1 block, 100 blocks      newBlocks, what a page left open follows
 *              1 log, 100 logs          newBlocks and the logs of every transfer
 * Expected   1 or 100 followers of blocks: a few percent of processor time. Logs of every transfer: as much as streams may
 *            take, a third of their thread; who can't keep up falls behind, and transfers go on.
 * Checked    every answer; in the end all balances; that each follower heard blocks whose heights follow one another.
 * Run        node scripts/run.mjs bench/load/event-streams.ts [--holders 20000] [--seconds 3] [--rounds 5]
 */
import { once } from "node:events";
import type { EventType } from "../../src/client/methods.ts";
import { Workspace } from "../support/daemon.ts";
import { printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { endWithBench, forkProgram } from "../support/program.ts";
import { rateSpreadText, spreadOf, spreadText, tableText } from "../support/statistics.ts";
import { type Load, World } from "../support/world.ts";

const ROWS: readonly { name: string; count: number; types: EventType[] }[] = [
  { name: "1 block", count: 1, types: ["newBlocks"] },
  { name: "100 blocks", count: 100, types: ["newBlocks"] },
  { name: "1 log", count: 1, types: ["newBlocks", "logs"] },
  { name: "100 logs", count: 100, types: ["newBlocks", "logs"] },
];

const options = readOptions({ holders: 20_000, seconds: 3, rounds: 5 });
printBanner("What subscribers cost transfers, in turn with none", options);

const workspace = new Workspace();
const world = await World.create(options.holders, workspace.directory("data"));
const followers = await forkProgram("bench/support/followers.ts", [world.daemon.ipc]);
endWithBench(followers);
const ask = async <T>(message: unknown): Promise<T> => {
  followers.send(message as object);
  const [answer] = (await once(followers, "message")) as [T & { problem?: string }];
  if (answer.problem !== undefined) throw new Error(answer.problem);
  return answer;
};

const load: Load = { wire: "json-batch", outstanding: 16, warmupMs: 1_000, measureMs: options.seconds * 1000 };
try {
  const rows: string[][] = [];
  for (const { name, count, types } of ROWS) {
    const rate = { without: [] as number[], with: [] as number[] };
    const us = { without: [] as number[], with: [] as number[] };
    let heard = 0;
    for (let round = 0; round < options.rounds; round++)
      for (const which of round % 2 === 0 ? (["without", "with"] as const) : (["with", "without"] as const)) {
        await world.settle();
        if (which === "with") await ask({ do: "follow", count, types });
        const result = await world.run(load);
        if (which === "with") heard += (await ask<{ events: number }>({ do: "stop" })).events;
        rate[which].push(result.perSecond);
        us[which].push(result.daemonUs);
      }
    const added = spreadOf(us.without.map((before, i) => us.with[i]! / before - 1));
    const lost = spreadOf(rate.without.map((before, i) => 1 - rate.with[i]! / before));
    rows.push([
      name,
      rateSpreadText(spreadOf(rate.without)),
      rateSpreadText(spreadOf(rate.with)),
      `${(100 * lost.median).toFixed(1)} %`,
      spreadText(spreadOf(us.without), 1),
      spreadText(spreadOf(us.with), 1),
      `${(100 * added.median).toFixed(1)} %`,
      Math.round(heard / options.rounds).toLocaleString("en-US"),
    ]);
  }
  const titles = [
    "followers",
    "without, a second",
    "with",
    "rate lost",
    "us of processor without",
    "with",
    "added",
    "events heard a round",
  ];
  process.stdout.write(`\n${tableText(titles, rows)}\n${await world.check()}\n`);
} finally {
  followers.kill();
  await world.close();
  workspace.remove();
}
