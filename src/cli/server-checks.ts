/** What doctor makes of PostgreSQL and Redis, from what they say of themselves. */
import type { Config, PostgresConfig, PostgresServer } from "../config/config.ts";
import { toEngineError } from "../errors.ts";
import type { Check } from "./machine-checks.ts";
import {
  openDatabaseTools,
  type PostgresFacts,
  postgresFacts,
  type RedisFacts,
  readReplicaFacts,
  redisFacts,
} from "./seams.ts";

/** Statements in use came with it. */
const POSTGRES_MINIMUM = 120_000;
/** Streams came with it. */
const REDIS_MINIMUM = 5;
/** A lease lives on the server's clock: the difference matters to people who compare times, not to it. */
const CLOCK_DIFFERENCE_MAX_MS = 1_000;
/** To the log, for leadership, to the tables. */
const POSTGRES_CONNECTIONS = 3;

export async function checkPostgres({ storage }: Config): Promise<Check[]> {
  if (storage.kind !== "postgres") return [];
  const name = "PostgreSQL";
  try {
    const facts = await postgresFacts(storage.postgres);
    return [
      postgresCheck(name, facts, storage.durability, storage.postgres.tls.mode !== "disable"),
      await migrationsCheck(storage.postgres),
      ...(await Promise.all(
        storage.postgres.readReplicas.servers.map((server) => readReplicaCheck(storage.postgres, server)),
      )),
    ];
  } catch (problem) {
    const fix = "start it, or mend storage.postgres.* (DATABASE_URL)";
    return [{ name, status: "failed", found: toEngineError(problem).message, fix }];
  }
}

function postgresCheck(name: string, facts: PostgresFacts, durability: string, wantsTls: boolean): Check {
  const { version, versionNumber, latencyMs, connections, connectionsMax, clockAheadMs } = facts;
  const found = `version ${version}, ${latencyMs.toFixed(2)} ms away, ${connections} of ${connectionsMax} connections`;
  const failed = (why: string, fix: string): Check => ({ name, status: "failed", found: `${found}: ${why}`, fix });
  const warning = (why: string, fix: string): Check => ({ name, status: "warning", found: `${found}: ${why}`, fix });
  if (versionNumber < POSTGRES_MINIMUM) return failed("too old", "use PostgreSQL 12 or newer");
  if (facts.isReadOnly) return failed("it is read only", "name the primary, not a standby");
  if (wantsTls && !facts.isEncrypted) return failed("the connection is not encrypted", "let it speak TLS (ssl = on)");
  if (durability === "strict" && facts.synchronousCommit === "off")
    return failed("synchronous_commit is off, and durability is strict", "set synchronous_commit = on");
  if (connections + POSTGRES_CONNECTIONS > connectionsMax)
    return warning(`${POSTGRES_CONNECTIONS} more do not fit`, "raise max_connections, or close some");
  if (Math.abs(clockAheadMs) > CLOCK_DIFFERENCE_MAX_MS)
    return warning(`its clock is ${Math.round(clockAheadMs)} ms ahead of this one`, "set both clocks (NTP)");
  return { name, status: "ok", found };
}

async function readReplicaCheck(postgres: PostgresConfig, server: PostgresServer): Promise<Check> {
  const name = "read replica";
  const where = `${server.host}:${server.port}`;
  const fix =
    "start it, let it catch up, or take it out of storage.postgres.read_replica_urls; the primary is read meanwhile";
  try {
    const { version, latencyMs, seq, entriesBehind } = await readReplicaFacts(postgres, server);
    const found = `${where}, version ${version}, ${latencyMs.toFixed(2)} ms away, at entry ${seq}, ${entriesBehind} behind`;
    if (entriesBehind <= postgres.readReplicas.entriesBehindMax) return { name, status: "ok", found };
    return { name, status: "warning", found: `${found}: too far to be read from`, fix };
  } catch (problem) {
    return { name, status: "warning", found: `${where}: ${toEngineError(problem).message}`, fix };
  }
}

async function migrationsCheck(postgres: Config["storage"]["postgres"]): Promise<Check> {
  const name = "migrations";
  const { version, schema, isCurrent, problems, migrations } = await (await openDatabaseTools(postgres)).status();
  const found = `schema ${schema} has version ${version} of ${migrations.length}`;
  if (isCurrent) return { name, status: "ok", found };
  if (problems.length === 0) return { name, status: "failed", found, fix: "polytorus db migrate" };
  return { name, status: "failed", found: `${found}: ${problems.join("; ")}`, fix: "polytorus db validate --verbose" };
}

export async function checkRedis({ redis }: Config): Promise<Check[]> {
  if (redis === undefined) return [];
  const name = "Redis";
  try {
    return [redisCheck(name, await redisFacts(redis), redis.isCluster)];
  } catch (problem) {
    const fix = "start it, mend redis.* (REDIS_URL), or set redis.enabled = false; the daemon works without it";
    return [{ name, status: "failed", found: toEngineError(problem).message, fix }];
  }
}

function redisCheck(name: string, facts: RedisFacts, isCluster: boolean): Check {
  const { version, mode, latencyMs, memoryBytes, memoryMaxBytes, memoryPolicy } = facts;
  const memory = `${Math.ceil(memoryBytes / 2 ** 20)} MiB${memoryMaxBytes === 0 ? "" : ` of ${Math.floor(memoryMaxBytes / 2 ** 20)}`}`;
  const found = `version ${version}, ${mode}, ${latencyMs.toFixed(2)} ms away, ${memory} used`;
  const failed = (why: string, fix: string): Check => ({ name, status: "failed", found: `${found}: ${why}`, fix });
  if (Number.parseInt(version, 10) < REDIS_MINIMUM) return failed("too old", "use Redis 5 or newer");
  if (facts.isReplica) return failed("it is a replica, which takes no writes", "name the primary");
  if (isCluster !== (mode === "cluster"))
    return failed(`redis.cluster is ${isCluster}`, `set redis.cluster = ${mode === "cluster"}`);
  if (memoryPolicy.startsWith("allkeys"))
    return {
      name,
      status: "warning",
      found: `${found}: maxmemory-policy ${memoryPolicy} may drop any key, the cache's position too, and with it the cache`,
      fix: "set maxmemory-policy to noeviction, or to volatile-lru with times to live (redis.state_ttl_secs)",
    };
  return { name, status: "ok", found };
}
