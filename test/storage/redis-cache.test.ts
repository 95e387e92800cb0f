/** The Redis cache against a plain model, over chains of blocks and rollbacks, with what a server and its users can do to it. */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { expect, it, onTestFinished } from "vitest";
import { BlockEntry } from "../../src/encoding/block-entry.ts";
import { compareBytes, fromLatin1, toLatin1 } from "../../src/encoding/bytes.ts";
import { toHex } from "../../src/encoding/hex.ts";
import type { RefreshedSnapshot } from "../../src/storage/cache-check.ts";
import { cacheName, cacheValue, keyOfCacheName, splitCacheValue } from "../../src/storage/cache-values.ts";
import { RedisFollower } from "../../src/storage/redis-follower.ts";
import type { RedisOptions } from "../../src/storage/redis-options.ts";
import type { RedisProgress, RedisReport } from "../../src/storage/redis-protocol.ts";
import { type Move, moves } from "../support/chain-moves.ts";
import { ChainBuilder, type Changes, EntryList, type Model } from "../support/entries.ts";
import { clientOf, describeOwnRedis, describeRedis, PrivateRedis, sharedRedis } from "../support/redis.ts";

const CONTRACT = "c".repeat(20);
/** A state store that stands at some entry of a chain. */
class ModelSnapshot implements RefreshedSnapshot {
  readonly #state: () => { seq: number; model: Model };
  #held: { seq: number; model: Model } | undefined;

  constructor(state: () => { seq: number; model: Model }) {
    this.#state = state;
  }

  refresh(): number {
    this.#held = this.#state();
    return this.#held.seq;
  }
  release(): void {
    this.#held = undefined;
  }
  appliedSeq(): number {
    return this.#held!.seq;
  }
  get(key: Uint8Array): Uint8Array | undefined {
    return this.#held!.model.get(toLatin1(key));
  }
  *range(start: Uint8Array, end: Uint8Array): IterableIterator<{ key: Uint8Array; value: Uint8Array }> {
    const all = [...this.#held!.model].map(([key, value]) => ({ key: fromLatin1(key), value }));
    for (const entry of all.sort((a, b) => compareBytes(a.key, b.key)))
      if (compareBytes(entry.key, start) >= 0 && compareBytes(entry.key, end) < 0) yield entry;
  }
}

class RunningFollower {
  readonly reports: RedisProgress[] = [];
  readonly ended: Promise<void>;
  readonly cleared: number[] = [];
  readonly #follower: RedisFollower;

  constructor(
    redis: RedisOptions,
    chain: ChainBuilder,
    options: { durableSeq?: number; store?: { seq: number; model: Model }; instance?: string; holder?: string } = {},
  ) {
    const { durableSeq = chain.entries.length - 1, store = { seq: -1, model: new Map() } } = options;
    const source = new EntryList(chain.entries, 5);
    const data = { journalDirectory: "", stateDirectory: "", durableSeq, logBytes: 1, redis, slowMs: 1_000 };
    const identity = { instance: options.instance ?? "log", holder: options.holder ?? "h" };
    this.#follower = new RedisFollower(
      { ...data, ...identity },
      { source, snapshot: new ModelSnapshot(() => store), report: (report) => this.#take(report) },
    );
    this.ended = this.#follower.run();
    this.ended.catch(() => undefined);
    onTestFinished(() => this.stop());
  }

  get last(): RedisProgress | undefined {
    return this.reports.at(-1);
  }
  durable(seq: number, logBytes: number): void {
    this.#follower.receive({ durableSeq: seq, logBytes });
  }
  clear(id: number): void {
    this.#follower.receive({ clear: id });
  }
  async reaches(seq: number): Promise<void> {
    await expect.poll(() => [this.last?.link, this.last?.appliedSeq], { interval: 5 }).toEqual(["ok", seq]);
  }
  async stop(): Promise<void> {
    this.#follower.receive({ stop: true });
    await this.ended;
  }
  #take(report: RedisReport): void {
    if ("link" in report) this.reports.push(report);
    else if ("cleared" in report) this.cleared.push(report.cleared);
  }
}

/** What stands under the prefix: values without their seq, by name. */
async function cached(client: Redis, { keyPrefix }: RedisOptions): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const key of (await client.keys(`${keyPrefix}*`)).sort()) {
    const name = key.slice(keyPrefix.length);
    if (keyOfCacheName(name) !== undefined) found[name] = splitCacheValue((await client.get(key))!)!.body;
  }
  return found;
}

function expected(model: Model): Record<string, string> {
  const pairs = Array.from(model, ([text, value]) => [fromLatin1(text), value] as const)
    .filter(([key]) => cacheName(key) !== undefined)
    .map(([key, value]) => [cacheName(key)!, splitCacheValue(cacheValue(key, value, 0))!.body] as const);
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function add(chain: ChainBuilder, pairs: readonly [number, string | undefined][]): void {
  const changes: Changes = new Map(
    pairs.map(([n, value]) => [
      n < 7 ? `\x13${CONTRACT}k${n}` : `\x15${n}`,
      value === undefined ? undefined : fromLatin1(value),
    ]),
  );
  chain.block({ changes });
}

/** A chain, and its state after each entry. */
function play(list: readonly Move[]): { chain: ChainBuilder; states: Model[] } {
  const chain = new ChainBuilder();
  const states: Model[] = [];
  for (const move of list) {
    if (!("back" in move)) add(chain, move.block);
    else if (chain.headHeight >= 0) chain.rollBack(Math.max(0, chain.headHeight - move.back));
    while (states.length < chain.entries.length) states.push(chain.state);
  }
  return { chain, states };
}

const STATE = (key: string): string => cacheName(fromLatin1(`\x13${CONTRACT}${key}`))!;

describeRedis("the Redis cache", () => {
  const scene = (changes: Partial<RedisOptions> = {}): { redis: RedisOptions; client: Redis } => {
    const redis = sharedRedis(changes);
    const client = clientOf(redis);
    onTestFinished(() => client.disconnect());
    return { redis, client };
  };

  it("leads to the model's state wherever the follower stops, and wherever the state store stands", async () => {
    await fc.assert(
      fc.asyncProperty(moves, fc.array(fc.nat(25), { maxLength: 3 }), fc.nat(25), async (list, stops, storeAt) => {
        const { redis, client } = scene();
        const { chain, states } = play(list);
        const last = chain.entries.length - 1;
        if (last < 0) return;
        const seq = Math.min(storeAt, last);
        for (const stop of stops.sort((a, b) => a - b)) {
          const durableSeq = Math.min(stop, last);
          const store = { seq: Math.min(seq, durableSeq), model: states[Math.min(seq, durableSeq)]! };
          const follower = new RunningFollower(redis, chain, { durableSeq, store });
          await follower.stop();
        }
        const follower = new RunningFollower(redis, chain, { store: { seq, model: states[seq]! } });
        await follower.reaches(last);
        expect(await cached(client, redis)).toEqual(expected(chain.state));
        await follower.stop();
        client.disconnect();
      }),
      { numRuns: 15 },
    );
  });

  it("stands at a position that names its block, and each value is as of an entry no newer than it", async () => {
    const { redis, client } = scene();
    const { chain } = play([{ block: [[1, "a"]] }, { block: [[2, "b"]] }]);
    await new RunningFollower(redis, chain).reaches(1);
    const [position, value] = await client.mget(`${redis.keyPrefix}position`, redis.keyPrefix + STATE("k2"));
    const head = new BlockEntry(chain.entries[1]!);
    expect(JSON.parse(position!)).toMatchObject({
      seq: 1,
      height: 1,
      blockHash: toHex(head.blockHash),
      instance: "log",
    });
    expect(JSON.parse(value!)).toEqual({ seq: 1, value: toHex(fromLatin1("b")) });
  });

  it("feeds one entry for each block and rollback, with the keys that they touched, and keeps a bounded number", async () => {
    const { redis, client } = scene();
    const { chain } = play([
      { block: [[1, "a"]] },
      {
        block: [
          [1, "b"],
          [2, "c"],
        ],
      },
      { back: 1 },
      { block: [] },
    ]);
    await new RunningFollower(redis, chain).reaches(3);
    const entries = await client.xrange(`${redis.keyPrefix}changes`, "-", "+");
    const facts = entries.map(([id, fields]) => {
      const pairs = Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i]!, fields[2 * i + 1]!]);
      const { type, height, keys } = Object.fromEntries(pairs) as Record<string, string>;
      return [id, type, height, ...(keys === undefined ? [] : (JSON.parse(keys) as string[]))];
    });
    expect(facts).toEqual([
      ["0-1", "block", "0", STATE("k1")],
      ["1-1", "block", "1", STATE("k1"), STATE("k2")],
      ["2-1", "rollback", "0", STATE("k1"), STATE("k2")],
      ["3-1", "block", "1"],
    ]);
    const long = scene({ feedLength: 10 });
    const many = play(Array.from({ length: 500 }, () => ({ block: [[1, "a"]] }) as Move));
    await new RunningFollower(long.redis, many.chain).reaches(499);
    // MAXLEN ~ drops whole nodes of the stream, 100 entries each.
    expect(await long.client.xlen(`${long.redis.keyPrefix}changes`)).toBeLessThanOrEqual(110);
  });

  it("gives each class its time to live, and fills only those that have none", async () => {
    const { redis, client } = scene({ ttlSecs: { contract: 0, state: 100, account: 0, code: 0 } });
    const { chain, states } = play([{ block: [[1, "a"]] }, { block: [[2, "b"]] }]);
    await new RunningFollower(redis, chain, { store: { seq: 0, model: states[0]! } }).reaches(1);
    expect(Object.keys(await cached(client, redis))).toEqual([STATE("k2")]);
    expect(await client.ttl(redis.keyPrefix + STATE("k2"))).toBeGreaterThan(90);
  });

  it("skips what it is too far behind and fills from the state store", async () => {
    const { redis, client } = scene({ backlogMaxBytes: 1_000 });
    const { chain, states } = play(Array.from({ length: 40 }, (_, i) => ({ block: [[i % 7, `v${i}`]] }) as Move));
    const store = { seq: 0, model: states[0]! };
    const follower = new RunningFollower(redis, chain, { durableSeq: 0, store });
    await follower.reaches(0);
    Object.assign(store, { seq: 38, model: states[38]! });
    follower.durable(38, 99_999_990);
    follower.durable(39, 100_000_000);
    await follower.reaches(39);
    expect(follower.last!.counts.fills).toBe(2);
    expect(await cached(client, redis)).toEqual(expected(chain.state));
    const feed = await client.xrange(`${redis.keyPrefix}changes`, "-", "+");
    expect(feed.map(([id]) => id.split("-")[0])).toEqual(["0", "38", "39"]);
  });

  it("keeps what two daemons with different logs write apart, and lets a second of the same log stand by", async () => {
    const { redis, client } = scene();
    const { chain } = play([{ block: [[1, "a"]] }]);
    const first = new RunningFollower(redis, chain);
    await first.reaches(0);
    const foreign = new RunningFollower(redis, play([{ block: [[1, "x"]] }]).chain, { instance: "other", holder: "o" });
    const second = new RunningFollower(redis, chain, { holder: "second" });
    await expect.poll(() => foreign.last).toMatchObject({ link: "held", problem: /redis\.key_prefix/ });
    await expect.poll(() => second.last?.link).toBe("standby");
    expect(await cached(client, redis)).toEqual(expected(chain.state));
    await foreign.stop();
    await first.stop();
    await second.reaches(0);
  });

  const value = (chain: ChainBuilder, n: number, seq: number): string =>
    cacheValue(fromLatin1(`\x13${CONTRACT}k${n}`), chain.state.get(`\x13${CONTRACT}k${n}`) ?? fromLatin1("z"), seq);
  it.each<[string, (client: Redis, prefix: string, chain: ChainBuilder) => Promise<unknown>]>([
    ["a stale value", (client, prefix) => client.set(prefix + STATE("k1"), '{"seq":0,"value":"0x00"}')],
    ["a value newer than the log", (client, prefix, chain) => client.set(prefix + STATE("k1"), value(chain, 1, 999))],
    ["a value that is in no state", (client, prefix, chain) => client.set(prefix + STATE("k6"), value(chain, 6, 1))],
    ["something that is no value", (client, prefix) => client.set(prefix + STATE("k1"), "gibberish")],
    [
      "another type of value",
      async (client, prefix) => {
        await client.del(prefix + STATE("k1"));
        await client.lpush(prefix + STATE("k1"), "x");
      },
    ],
    ["a missing value", (client, prefix) => client.del(prefix + STATE("k2"))],
    ["a position of another log", (client, prefix) => client.set(`${prefix}position`, '{"seq":1,"instance":"log"}')],
    [
      "a position that is a list",
      async (client, prefix) => {
        await client.del(`${prefix}position`);
        await client.lpush(`${prefix}position`, "x");
      },
    ],
    ["a missing position", (client, prefix) => client.del(`${prefix}position`)],
    ["a feed that is no stream", (client, prefix) => client.set(`${prefix}changes`, "x")],
    ["a feed from the future", (client, prefix) => client.xadd(`${prefix}changes`, "999999-1", "type", "block")],
  ])("is right again after somebody left there %s", async (what, lie) => {
    const { redis, client } = scene();
    const { chain, states } = play([{ block: [[1, "a"]] }, { block: [[2, "b"]] }, { block: [[3, "c"]] }]);
    const store = { seq: 1, model: states[1]! };
    const follower = new RunningFollower(redis, chain, { durableSeq: 1, store });
    await follower.reaches(1);
    await lie(client, redis.keyPrefix, chain);
    follower.durable(2, 100);
    Object.assign(store, { seq: 2, model: states[2]! });
    if (!what.includes("feed")) await expect.poll(() => follower.last?.counts.fills).toBe(2);
    await follower.reaches(2);
    expect(await cached(client, redis)).toEqual(expected(chain.state));
    const feed = await client.xrevrange(`${redis.keyPrefix}changes`, "+", "-", "COUNT", 1);
    expect(feed[0]![0]).toMatch(/^2-/);
  });

  it("is emptied and filled when asked to", async () => {
    const { redis, client } = scene();
    const { chain, states } = play([{ block: [[1, "a"]] }, { block: [[2, "b"]] }]);
    const follower = new RunningFollower(redis, chain, { store: { seq: 1, model: states[1]! } });
    await follower.reaches(1);
    await client.set(`${redis.keyPrefix}theirs`, "kept");
    follower.clear(7);
    await expect.poll(() => follower.cleared).toEqual([7]);
    await follower.reaches(1);
    expect(await cached(client, redis)).toEqual(expected(chain.state));
    expect(await client.get(`${redis.keyPrefix}theirs`)).toBe("kept");
  });
});

describeOwnRedis("a Redis server of its own", () => {
  const started = async (...args: Parameters<typeof PrivateRedis.start>) => {
    const server = await PrivateRedis.start(...args);
    const redis = server.options();
    const client = clientOf(redis);
    client.on("error", () => undefined);
    onTestFinished(() => client.disconnect());
    return { server, redis, client };
  };
  const two = () =>
    play([
      { block: [[1, "a"]] },
      {
        block: [
          [2, "b"],
          [1, undefined],
        ],
      },
    ]);

  it("that is a cluster has everything on one node", async () => {
    const { redis, client } = await started({ isCluster: true });
    const { chain, states } = two();
    const follower = new RunningFollower(redis, chain, { store: { seq: 0, model: states[0]! } });
    await follower.reaches(1);
    expect(await cached(client, redis)).toEqual(expected(chain.state));
  });

  it("that is a cluster and was not said to be one is refused by name", async () => {
    const { redis } = await started({ isCluster: true });
    const follower = new RunningFollower({ ...redis, isCluster: false, keyPrefix: "no-tag:" }, two().chain);
    await expect.poll(() => follower.last).toMatchObject({ link: "refused", problem: /CROSSSLOT/ });
  });

  it("is spoken to over TLS with its own CA, and refused when the certificate is not that CA's", async () => {
    const { redis, client } = await started({ tls: true, password: "s3cret" });
    const { chain } = two();
    await new RunningFollower(redis, chain).reaches(1);
    expect(await cached(client, redis)).toEqual(expected(chain.state));
    const stranger = await PrivateRedis.start({ tls: true });
    const wrong = new RunningFollower({ ...redis, tls: { caFile: stranger.caFile } }, chain, { holder: "w" });
    await expect.poll(() => wrong.last).toMatchObject({ link: "unreachable", problem: /certificate/ });
  });

  it("that wants another password is refused by name, without showing one", async () => {
    const { redis } = await started({ password: "s3cret" });
    const follower = new RunningFollower({ ...redis, password: "guess" }, two().chain);
    await expect.poll(() => follower.last).toMatchObject({ link: "refused", problem: /WRONGPASS/ });
    expect(follower.last!.problem).not.toMatch(/guess|s3cret/);
  });

  it("that is full is said to be, and followed again when it has room", async () => {
    const { redis, client } = await started({ args: ["--maxmemory-policy", "noeviction"] });
    const { chain } = two();
    const follower = new RunningFollower(redis, chain, { durableSeq: 0 });
    await follower.reaches(0);
    await client.config("SET", "maxmemory", "1");
    follower.durable(1, 2);
    await expect.poll(() => follower.last?.link).toBe("full");
    await client.config("SET", "maxmemory", "0");
    await follower.reaches(1);
    expect(await cached(client, redis)).toEqual(expected(chain.state));
  });

  it("that comes back with an older state of its own is followed on from there", async () => {
    const { server, redis, client } = await started();
    const { chain } = play(Array.from({ length: 6 }, (_, i) => ({ block: [[i, `v${i}`]] }) as Move));
    const follower = new RunningFollower(redis, chain, { durableSeq: 2 });
    await follower.reaches(2);
    await client.save();
    follower.durable(4, 10);
    await follower.reaches(4);
    await server.restart();
    follower.durable(5, 11);
    await follower.reaches(5);
    expect(follower.last).toMatchObject({ counts: { fills: 1 } });
    expect(await cached(client, redis)).toEqual(expected(chain.state));
  });
});
