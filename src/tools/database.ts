/** Tools that work on PostgreSQL and Redis rather than on a daemon: each opens one connection and closes it. */
import type { DatabaseTools, PostgresFacts, ReadReplicaFacts, RedisFacts } from "../cli/seams.ts";
import type { PostgresConfig, PostgresServer, RedisConfig } from "../config/config.ts";
import { createMigration, migrationsDirectory } from "../storage/migration-files.ts";
import { Migrator } from "../storage/migrator.ts";
import { connectPostgres } from "../storage/postgres-connection.ts";
import { inspectPostgres } from "../storage/postgres-inspection.ts";
import { readNewestSeq } from "../storage/read-replica.ts";
import { inspectRedis } from "../storage/redis-inspection.ts";

export function databaseTools(postgres: PostgresConfig): DatabaseTools {
  const withMigrator = async <T>(body: (migrator: Migrator) => Promise<T>): Promise<T> => {
    const client = await connectPostgres(postgres, { application: "db" });
    try {
      return await body(new Migrator(client, postgres.schema, migrationsDirectory()));
    } finally {
      await client.end();
    }
  };
  return {
    status: () => withMigrator((migrator) => migrator.status()),
    migrate: (options) => withMigrator((migrator) => migrator.migrate(options)),
    rollback: (version, options) => withMigrator((migrator) => migrator.rollback(version, options)),
    reset: (options) => withMigrator((migrator) => migrator.reset(options)),
  };
}

export function postgresFacts(postgres: PostgresConfig): Promise<PostgresFacts> {
  return inspectPostgres(postgres);
}

export async function readReplicaFacts(postgres: PostgresConfig, replica: PostgresServer): Promise<ReadReplicaFacts> {
  const { latencyMs, version } = await inspectPostgres(replica);
  // The replica first: the primary is never behind it then.
  const seq = await readNewestSeq(replica);
  return { latencyMs, version, seq, entriesBehind: (await readNewestSeq(postgres)) - seq };
}

export function redisFacts(redis: RedisConfig): Promise<RedisFacts> {
  return inspectRedis(redis);
}

export function createMigrationFile(name: string): string {
  return createMigration(migrationsDirectory(), name);
}
