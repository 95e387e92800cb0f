/** What a Redis server says of itself, on a connection made for it: for operators, never for the engine's own work. */
import { connectRedis, dropRedis, type RedisClient, redisError } from "./redis-connection.ts";
import type { RedisOptions } from "./redis-options.ts";

export interface RedisInspection {
  /** Of one round trip. */
  readonly latencyMs: number;
  readonly version: string;
  /** `standalone`, `cluster` or `sentinel`. */
  readonly mode: string;
  readonly isReplica: boolean;
  readonly memoryBytes: number;
  /** 0: as much as the machine has. */
  readonly memoryMaxBytes: number;
  readonly memoryPolicy: string;
  /** Of the whole server since it started, whoever asked. */
  readonly keyspaceHits: number;
  readonly keyspaceMisses: number;
  readonly evictedKeys: number;
  /** Entries of our change feed. */
  readonly feedLength: number;
}

/** @throws StorageError. */
export async function inspectRedis(options: RedisOptions): Promise<RedisInspection> {
  const client = await connectRedis(options, { name: "status" });
  try {
    return await inspect(client, options.keyPrefix);
  } catch (problem) {
    throw redisError("asking the server about itself", problem);
  } finally {
    dropRedis(client);
  }
}

async function inspect(client: RedisClient, keyPrefix: string): Promise<RedisInspection> {
  const startMs = performance.now();
  await client.exists(`${keyPrefix}position`);
  const latencyMs = performance.now() - startMs;
  const facts = new Map(
    (await client.info()).split("\r\n").map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1)] as const;
    }),
  );
  const number = (name: string) => Number(facts.get(name) ?? 0);
  return {
    latencyMs,
    version: facts.get("redis_version") ?? "",
    mode: facts.get("redis_mode") ?? "",
    isReplica: facts.get("role") === "slave",
    memoryBytes: number("used_memory"),
    memoryMaxBytes: number("maxmemory"),
    memoryPolicy: facts.get("maxmemory_policy") ?? "",
    keyspaceHits: number("keyspace_hits"),
    keyspaceMisses: number("keyspace_misses"),
    evictedKeys: number("evicted_keys"),
    feedLength: await client.xlen(`${keyPrefix}changes`).catch(lengthOfOther),
  };
}

/** Whatever else somebody put there has no length. */
function lengthOfOther(problem: Error): number {
  if (problem.message.startsWith("WRONGTYPE")) return 0;
  throw problem;
}
