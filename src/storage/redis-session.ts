/**
 * RedisSession: one connection on which the cache may be written, from opening to its first failure.
 *   connect ─▶ claim the prefix ─▶ position read ─▶ write, each with the position that it expects ─▶ release
 * Always
 *  - Values, feed and position change in one script: whoever reads several keys at once sees one point of the log.
 *  - What was read here decides only what is written here. Nothing else in the daemon depends on it.
 */
import { StorageError } from "../errors.ts";
import { connectRedis, dropRedis, type RedisClient, redisError } from "./redis-connection.ts";
import type { RedisLink, RedisWorkerData } from "./redis-protocol.ts";
import { CLAIM, RELEASE, WRITE } from "./redis-scripts.ts";
import type { StatementMeter } from "./statement-meter.ts";

/** Another writer is missed for this long; one that is slow has as long to say that it is there. */
const LEASE_MS = 3_000;
/** How often a writer that has nothing to write says so, and looks whether the cache is still as it left it. */
export const RENEW_MS = 1_000;
/** Keys of one script. A larger write comes in parts, the position with the last. */
const KEYS_MAX = 20_000;
const SCAN_COUNT = 1_000;

/** Not now: another writes, or this cache is not as it was left. */
export class NotWritableError extends Error {
  readonly link: RedisLink;

  constructor(link: RedisLink, message: string) {
    super(message);
    this.link = link;
  }
}

/** One value to set, or to remove. */
export interface CacheChange {
  readonly name: string;
  readonly value: string | undefined;
  readonly ttlSecs: number;
}

/** One entry of the change feed. */
export interface FeedEntry {
  readonly id: string;
  readonly fields: readonly string[];
}

export interface CacheWrite {
  readonly changes: readonly CacheChange[];
  readonly feed: readonly FeedEntry[];
  /** The position afterwards; undefined: as it was. */
  readonly position: string | undefined;
}

export class RedisSession {
  readonly #client: RedisClient;
  readonly #data: RedisWorkerData;
  readonly #meter: StatementMeter;
  readonly #claim: string;
  /** The position that this session knows to stand there; "" for none. */
  #position: string;
  #isLost = false;
  #isClosed = false;

  private constructor(
    client: RedisClient,
    data: RedisWorkerData,
    meter: StatementMeter,
    claim: string,
    position: string,
  ) {
    this.#client = client;
    this.#data = data;
    this.#meter = meter;
    this.#claim = claim;
    this.#position = position;
  }

  /** @throws StorageError when the server can't be reached. @throws NotWritableError. */
  static async open(data: RedisWorkerData, meter: StatementMeter, onLost: () => void): Promise<RedisSession> {
    const { redis, instance, holder } = data;
    let session: RedisSession | undefined;
    const lost = () => {
      if (session === undefined || session.#isClosed) return;
      session.#isLost = true;
      onLost();
    };
    const client = await connectRedis(redis, { name: "cache", onLost: lost });
    meter.opened();
    const claim = JSON.stringify({ instance, holder });
    try {
      const keys = [`${redis.keyPrefix}writer`, `${redis.keyPrefix}position`];
      const [isOurs, text] = (await meter.measure("claim", () =>
        client.eval(CLAIM, keys.length, ...keys, claim, LEASE_MS),
      )) as [number, string | null];
      if (isOurs === 0) throw notOurs(redis.keyPrefix, instance, text!);
      session = new RedisSession(client, data, meter, claim, text ?? "");
      return session;
    } catch (problem) {
      meter.closed();
      dropRedis(client);
      throw problem instanceof NotWritableError ? problem : redisError("claiming the cache", problem);
    }
  }

  /** The connection is gone. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** As JSON; "" when there is none. */
  get position(): string {
    return this.#position;
  }

  /** @throws StorageError when the server fails; what was written is then unknown. @throws NotWritableError. */
  async write({ changes, feed, position }: CacheWrite): Promise<void> {
    let from = 0;
    for (; changes.length - from > KEYS_MAX; from += KEYS_MAX)
      await this.#write("write values", changes.slice(from, from + KEYS_MAX), [], undefined);
    await this.#write("write values", changes.slice(from), feed, position);
  }

  /** Keeps the claim. @throws NotWritableError when the position is no longer what was written last. */
  async renew(): Promise<void> {
    await this.#write("renew", [], [], undefined);
  }

  /** Values by name; null where there is none. */
  async read(names: readonly string[]): Promise<(string | null)[]> {
    if (names.length === 0) return [];
    const { keyPrefix } = this.#data.redis;
    return await this.#run("read values", () => this.#client.mget(names.map((name) => keyPrefix + name)));
  }

  /** Some names under the prefix, and where to go on; "0" at the end. A name may come twice. */
  async scan(cursor: string): Promise<{ cursor: string; names: string[] }> {
    const { keyPrefix } = this.#data.redis;
    const pattern = `${keyPrefix.replace(/[\\*?[\]]/g, "\\$&")}*`;
    const [next, keys] = await this.#run("scan", async () => {
      const node = await this.#node();
      return await node.scan(cursor, "MATCH", pattern, "COUNT", SCAN_COUNT);
    });
    return { cursor: next, names: keys.map((key) => key.slice(keyPrefix.length)) };
  }

  /** Lets another writer in at once. */
  async release(): Promise<void> {
    const key = `${this.#data.redis.keyPrefix}writer`;
    await this.#run("release", () => this.#client.eval(RELEASE, 1, key, this.#claim));
  }

  close(): void {
    this.#isClosed = true;
    this.#meter.closed();
    dropRedis(this.#client);
  }

  async #write(
    what: string,
    changes: readonly CacheChange[],
    feed: readonly FeedEntry[],
    position: string | undefined,
  ): Promise<void> {
    const { keyPrefix, feedLength } = this.#data.redis;
    const keys = [`${keyPrefix}writer`, `${keyPrefix}position`, `${keyPrefix}changes`];
    for (const { name } of changes) keys.push(keyPrefix + name);
    const values: (string | number)[] = [this.#claim, LEASE_MS, this.#position, position ?? "", feedLength];
    const entries = feedLength === 0 ? [] : feed;
    values.push(entries.length);
    for (const { id, fields } of entries) values.push(id, fields.length, ...fields);
    for (const { value, ttlSecs } of changes) values.push(value ?? "", ttlSecs);
    const answer = await this.#run(what, () => this.#client.call("EVAL", [WRITE, keys.length, ...keys, ...values]));
    if (answer === "held") throw new NotWritableError("standby", "another daemon took the cache over");
    if (answer !== "ok")
      throw new NotWritableError("filling", "the cache is not as this daemon left it: its position is gone or another");
    if (position !== undefined) this.#position = position;
  }

  async #run<T>(what: string, command: () => Promise<T>): Promise<T> {
    try {
      return await this.#meter.measure(what, command);
    } catch (problem) {
      throw redisError(what, problem);
    }
  }

  /** The server that has our keys: in a cluster, the node of the prefix's slot. */
  async #node() {
    const client = this.#client;
    if (!("nodes" in client)) return client;
    const { keyPrefix } = this.#data.redis;
    const slot = (await client.cluster("KEYSLOT", keyPrefix)) as number;
    const [owner] = (client.slots[slot] ?? []) as string[];
    const node = client.nodes("master").find(({ options: { host, port } }) => `${host}:${port}` === owner);
    if (node === undefined) throw new StorageError(`no node of the cluster has slot ${slot}`, { retryable: true });
    return node;
  }
}

function notOurs(keyPrefix: string, instance: string, writer: string): NotWritableError {
  const other = parsedClaim(writer);
  if (other?.instance === instance)
    return new NotWritableError("standby", `another daemon of this log writes the cache: ${other.holder}`);
  return new NotWritableError(
    "held",
    `${other?.holder ?? writer.slice(0, 100)} writes another log under ${keyPrefix}: give each its own redis.key_prefix`,
  );
}

function parsedClaim(text: string): { instance: string; holder: string } | undefined {
  try {
    const { instance, holder } = JSON.parse(text) as { instance: unknown; holder: unknown };
    return typeof instance === "string" && typeof holder === "string" ? { instance, holder } : undefined;
  } catch {
    return undefined;
  }
}
