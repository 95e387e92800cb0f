/**
 * One connection to Redis. `ioredis` is loaded with the first of them: a daemon without Redis never reads it.
 * Always
 *  - It never connects again by itself: whoever holds it decides when, and must look at what became of the keys meanwhile.
 *  - Opening fails within connectTimeoutMs, and a command within commandTimeoutMs, whatever the network does.
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { RedisOptions as ClientOptions, Cluster, Redis } from "ioredis";
import { EngineError, StorageError } from "../errors.ts";
import { describeRedis, type RedisOptions } from "./redis-options.ts";

export type RedisClient = Redis | Cluster;

/** @throws StorageError, retryable; `refused` among its facts when the server wants other credentials or another setup. */
export async function connectRedis(
  options: RedisOptions,
  use: { name: string; onLost?(): void },
): Promise<RedisClient> {
  const client = await newClient(options, `polytorus-${use.name}`);
  let reason: unknown;
  client.on("error", (problem: unknown) => {
    reason ??= problem;
  });
  let giveUp: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      giveUp = setTimeout(
        () => reject(new Error(`no answer within ${options.connectTimeoutMs} ms`)),
        options.connectTimeoutMs,
      );
    });
    await Promise.race([client.connect(), late]);
    client.once("end", () => use.onLost?.());
    return client;
  } catch (problem) {
    client.disconnect();
    throw redisError(`connecting to ${describeRedis(options)}`, reason ?? problem);
  } finally {
    clearTimeout(giveUp);
  }
}

/** Ends a connection without waiting for a server that may not answer. */
export function dropRedis(client: RedisClient | undefined): void {
  client?.disconnect();
}

async function newClient(options: RedisOptions, connectionName: string): Promise<RedisClient> {
  const { Cluster, Redis } = await import("ioredis");
  const { host, port, username, password, database, tls } = options;
  const common = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: { ...(isIP(host) === 0 ? { servername: host } : {}), ...caOf(tls.caFile) } }),
    connectionName,
    connectTimeout: options.connectTimeoutMs,
    commandTimeout: options.commandTimeoutMs,
    keepAlive: 10_000,
    // Redis 5 does not know the protocol's version 3, and nothing here needs it.
    protocol: 2,
    disableClientInfo: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => null,
  } satisfies ClientOptions;
  if (!options.isCluster) return new Redis({ ...common, host, port, db: database, lazyConnect: true });
  return new Cluster([{ host, port }], {
    redisOptions: common,
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: () => null,
    slotsRefreshTimeout: options.connectTimeoutMs,
    ...(tls === undefined ? {} : { dnsLookup: (address, callback) => callback(null, address) }),
  });
}

function caOf(path: string | undefined): { ca?: string } {
  if (path === undefined) return {};
  try {
    return { ca: readFileSync(path, "utf8") };
  } catch (problem) {
    throw new EngineError("CONFIGURATION_ERROR", `redis.ca_file can't be read: ${(problem as Error).message}`, {
      path,
    });
  }
}

/** First words of answers that say: as it is set up, this server will never take it. */
const REFUSALS = ["NOAUTH", "WRONGPASS", "NOPERM", "CROSSSLOT", "MOVED", "ASK"];
const REFUSAL_TEXTS =
  /invalid password|invalid username|without any password|DB index|SELECT is not allowed|cluster support/i;
const FULL = "OOM";

/** Why a command failed, as far as the server said: `refused`, `full`, or undefined. */
function reasonOf(message: string): "refused" | "full" | undefined {
  const word = message.split(" ", 1)[0]!;
  if (word === FULL) return "full";
  return REFUSALS.includes(word) || REFUSAL_TEXTS.test(message) ? "refused" : undefined;
}

/** @param doing what was tried, for people: "writing entries 3 to 5". */
export function redisError(doing: string, problem: unknown): StorageError {
  if (problem instanceof StorageError || problem instanceof EngineError) return problem as StorageError;
  const last = (problem as { lastNodeError?: Error } | undefined)?.lastNodeError;
  const message = last?.message ?? (problem instanceof Error ? problem.message || problem.name : String(problem));
  const reason = reasonOf(message);
  return new StorageError(
    `Redis failed at ${doing}: ${message}`,
    { retryable: true, ...(reason === undefined ? {} : { reason }) },
    { cause: problem },
  );
}
