/**
 * Question   What does the cache in Redis cost durable transfers, how fast does it follow and feed, and what do reads from it give?
 * Workload   a redis-server of its own on the same machine, which saves nothing to disk; `holders` in a token
 *              transfers  JSON batches of 100, 16 outstanding, for `seconds`: no Redis, the cache, cache and feed, in turn, the order
 *                         changing every round, `rounds` times; then how long until the cache has all of it
 *              feed       one transfer at a time: from its acknowledgement to a reader's XREAD having its entry
 *              reads      balances by GET, 64 outstanding, and by MGET of 100, on one connection; beside them `balanceOf` of the
 *                         daemon, 64 outstanding over the Unix socket, in turn
 * Expected   a transfer writes three values and a block one entry: some us of the follower's thread and of Redis each, none of the
 *            main thread. A reader sees a block a few ms after its writer. A GET is cheaper than a query, which executes; MGET
 *            is what to use.
 * Checked    all balances and a thousand nonces of each world; that the cache ends at the daemon's block with no value of another; a
 *            thousand balances in it against the daemon's answers.
 * Run        node scripts/run.mjs bench/load/redis.ts [--holders 100000] [--seconds 3] [--rounds 3]
 */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../src/client/client.ts";
import { Accounts } from "../support/accounts.ts";
import { type Daemon, Workspace } from "../support/daemon.ts";
import { printBanner } from "../support/machine.ts";
import { readOptions } from "../support/options.ts";
import { RedisServer } from "../support/redis-server.ts";
import { percentileOf, rateSpreadText, rateText, spreadOf, spreadText, tableText } from "../support/statistics.ts";
import { type Load, World } from "../support/world.ts";

const PREFIX = "{polytorus:contracts}:";
const OUTSTANDING = 64;
const MGET_KEYS = 100;
const FEED_TRANSFERS = 300;
const SAMPLE = 1_000;
const ALICE = `0x${"a1".repeat(20)}`;
const BOB = `0x${"b0".repeat(20)}`;

interface Side {
  readonly name: string;
  readonly world: World;
  readonly redis: RedisServer | undefined;
  readonly perSecond: number[];
  readonly daemonUs: number[];
  readonly redisUs: number[];
  readonly followed: number[];
  readonly behindS: number[];
}

interface CacheHealth {
  backends: { redis?: { link: string; backlogEntries: number; fills: number; mismatches: number } };
}

const options = readOptions({ holders: 100_000, seconds: 3, rounds: 3 });
printBanner("The cache in Redis", options);
const workspace = new Workspace();
const sides: Side[] = [];
try {
  await addSide("no Redis", undefined);
  await addSide("cache", 0);
  await addSide("cache and feed", 10_000);
  await measureTransfers();
  const fed = sides.at(-1)!;
  const feed = await measureFeed(fed);
  const reads = await measureReads(fed);
  process.stdout.write(`\n${tableText(["row", "measured", ""], [...sides.map(sideRow), feed, ...reads])}\n`);
  for (const side of sides) process.stdout.write(`${side.name}: ${await checkSide(side)}\n`);
} finally {
  for (const { world, redis } of sides) {
    await world.close();
    await redis?.stop();
  }
  workspace.remove();
}

async function addSide(name: string, feedLength: number | undefined): Promise<void> {
  const redis = feedLength === undefined ? undefined : await RedisServer.start();
  const config = workspace.directory(`side-${sides.length}.toml`);
  writeFileSync(config, redis === undefined ? "" : `[redis]\nurl = "${redis.url}"\nfeed_max_length = ${feedLength}\n`);
  const world = await World.create(options.holders, workspace.directory(`side-${sides.length}`), ["--config", config]);
  sides.push({ name, world, redis, perSecond: [], daemonUs: [], redisUs: [], followed: [], behindS: [] });
  await cacheCaughtUp(world.daemon);
}

async function cacheOf(daemon: Daemon) {
  return ((await daemon.health()) as unknown as CacheHealth).backends.redis;
}

async function cacheCaughtUp(daemon: Daemon): Promise<void> {
  for (;;) {
    const cache = await cacheOf(daemon);
    if (cache === undefined || (cache.link === "ok" && cache.backlogEntries === 0)) return;
    await sleep(10);
  }
}

async function measureTransfers(): Promise<void> {
  const load: Load = { wire: "json-batch", outstanding: 16, warmupMs: 0, measureMs: options.seconds * 1000 };
  for (let round = 0; round < options.rounds; round++)
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      await side.world.settle();
      const daemonBefore = side.world.daemon.processorSeconds();
      const redisBefore = side.redis?.processorSeconds() ?? 0;
      const startedAt = performance.now();
      const result = await side.world.run(load);
      const loadedAt = performance.now();
      await cacheCaughtUp(side.world.daemon);
      const endedAt = performance.now();
      await side.world.settle();
      side.perSecond.push(result.perSecond);
      side.daemonUs.push(((side.world.daemon.processorSeconds() - daemonBefore) * 1e6) / result.answered);
      if (side.redis === undefined) continue;
      side.redisUs.push(((side.redis.processorSeconds() - redisBefore) * 1e6) / result.answered);
      side.followed.push((result.answered / (endedAt - startedAt)) * 1000);
      side.behindS.push((endedAt - loadedAt) / 1000);
    }
}

function sideRow({ name, perSecond, daemonUs, redisUs, followed, behindS }: Side): string[] {
  const used = `${spreadText(spreadOf(daemonUs), 1)} us of the daemon's processor time`;
  const rate = `${rateSpreadText(spreadOf(perSecond))} transfers/s, ${used}`;
  if (redisUs.length === 0) return [name, rate, ""];
  const behind = `all there ${spreadText(spreadOf(behindS), 1)} s after the last`;
  const cost = spreadOf(sides[0]!.perSecond.map((without, i) => 1 - perSecond[i]! / without)).median;
  const follows = `follows ${rateText(spreadOf(followed).median)}/s, ${behind}`;
  return [
    name,
    `${rate}, ${spreadText(spreadOf(redisUs), 1)} us of Redis'`,
    `${(100 * cost).toFixed(1)} % lost; ${follows}`,
  ];
}

async function measureFeed({ world, redis }: Side): Promise<string[]> {
  const { client } = world.daemon;
  const token = await deploy(client);
  await cacheCaughtUp(world.daemon);
  const reader = redis!.client.duplicate();
  const stream = `${PREFIX}changes`;
  let last = (await reader.xrevrange(stream, "+", "-", "COUNT", 1))[0]![0];
  const delaysMs: number[] = [];
  for (let i = 0; i < FEED_TRANSFERS; i++) {
    const next = reader.xread("BLOCK", 0, "STREAMS", stream, last).then((found) => ({ found, at: performance.now() }));
    await transfer(client, token);
    const acknowledgedAt = performance.now();
    const { found, at } = await next;
    last = found![0]![1].at(-1)![0];
    delaysMs.push(Math.max(0, at - acknowledgedAt));
  }
  reader.disconnect();
  delaysMs.sort((a, b) => a - b);
  const [p50, p99] = [0.5, 0.99].map((share) => percentileOf(delaysMs, share).toFixed(2));
  return [
    "feed",
    `an entry is read ${p50} ms after its acknowledgement, p99 ${p99} ms`,
    `${FEED_TRANSFERS} transfers, one at a time`,
  ];
}

async function measureReads({ world, redis }: Side): Promise<string[][]> {
  const keys = balanceKeys(world);
  const rates = { get: [] as number[], mget: [] as number[], query: [] as number[] };
  const load: Load = {
    wire: "json-balance",
    outstanding: OUTSTANDING,
    warmupMs: 500,
    measureMs: options.seconds * 1000,
  };
  for (let round = 0; round < options.rounds; round++) {
    rates.get.push(await readsPerSecond(1, OUTSTANDING, (key) => redis!.client.get(key[0]!), keys));
    rates.mget.push(await readsPerSecond(MGET_KEYS, 4, (some) => redis!.client.mget(some), keys));
    rates.query.push((await world.run(load)).perSecond);
  }
  return [
    ["GET, 64 outstanding", `${rateSpreadText(spreadOf(rates.get))} balances/s`, "one connection of ioredis"],
    ["MGET of 100", `${rateSpreadText(spreadOf(rates.mget))} balances/s`, "the same"],
    ["balanceOf of the daemon", `${rateSpreadText(spreadOf(rates.query))}/s`, "64 outstanding, Unix socket, same run"],
  ];
}

/** `outstanding` loops that read `size` random keys each, for `seconds`. Answers keys a second. */
async function readsPerSecond(
  size: number,
  outstanding: number,
  read: (keys: string[]) => Promise<unknown>,
  keys: readonly string[],
): Promise<number> {
  const startedAt = performance.now();
  const endAt = startedAt + options.seconds * 1000;
  let count = 0;
  let at = 0;
  const loop = async () => {
    while (performance.now() < endAt) {
      const some = Array.from({ length: size }, (_, i) => keys[((at + i) * 7_919) % keys.length]!);
      at += size;
      const found = await read(some);
      if (found === null || (Array.isArray(found) && found.includes(null)))
        throw new Error(`no value under ${some[0]}`);
      count += size;
    }
  };
  await Promise.all(Array.from({ length: outstanding }, loop));
  return (count / (performance.now() - startedAt)) * 1000;
}

function balanceKeys({ holders, token }: World): string[] {
  const accounts = new Accounts(holders);
  const prefix = `${PREFIX}state:${token}:0x${Buffer.from("bal:").toString("hex")}`;
  return Array.from({ length: holders }, (_, i) => prefix + accounts.text(i).slice(2));
}

async function checkSide({ world, redis }: Side): Promise<string> {
  const checked = await world.check();
  if (redis === undefined) return checked;
  const { daemon, token, holders } = world;
  await cacheCaughtUp(daemon);
  const position = JSON.parse((await redis.client.get(`${PREFIX}position`))!) as { stateRoot: string };
  const { stateRoot } = await daemon.client.call("state_root", {});
  if (position.stateRoot !== stateRoot)
    throw new Error(`the cache has root ${position.stateRoot}, the daemon ${stateRoot}`);
  const { fills, mismatches } = (await cacheOf(daemon))!;
  if (mismatches > 0) throw new Error(`${mismatches} values were not what the daemon had written`);
  const accounts = new Accounts(holders);
  const keys = balanceKeys(world);
  const step = Math.max(1, Math.floor(holders / SAMPLE));
  for (let i = 0; i < holders; i += step) {
    const { value } = JSON.parse((await redis.client.get(keys[i]!))!) as { value: string };
    const call = { address: token, entrypoint: "balanceOf", args: [accounts.text(i)] };
    const { result } = await daemon.client.call("contract_query", call);
    if (BigInt(value) !== BigInt(String(result))) throw new Error(`${keys[i]} has ${value}, the daemon says ${result}`);
  }
  return `${checked}; so are ${Math.ceil(holders / step)} balances in Redis, at the daemon's root, filled ${fills} times`;
}

async function deploy(client: Client): Promise<string> {
  const contract = { type: "erc20", name: "Feed", symbol: "FEED", decimals: 0, initialSupply: "1000000000" };
  const transaction = { kind: "deploy" as const, sender: ALICE, gasLimit: "10000000", contract };
  const receipt = await client.call("tx_submit", { transaction });
  if (!("contractAddress" in receipt) || receipt.contractAddress === null) throw new Error(JSON.stringify(receipt));
  return receipt.contractAddress;
}

async function transfer(client: Client, token: string): Promise<void> {
  const call = { kind: "call" as const, sender: ALICE, gasLimit: "100000", to: token, entrypoint: "transfer" };
  const receipt = await client.call("tx_submit", { transaction: { ...call, args: [BOB, "1"] } });
  if (!("status" in receipt) || receipt.status !== "success") throw new Error(JSON.stringify(receipt));
}
