/** Tools that work on a PostgreSQL database rather than on a daemon: each opens one connection and closes it. */
import type { DatabaseTools } from "./cli/seams.ts";
import type { PostgresConfig } from "./config/config.ts";
import { createMigration, migrationsDirectory } from "./storage/migration-files.ts";
import { Migrator } from "./storage/migrator.ts";
import { connectPostgres } from "./storage/postgres-connection.ts";

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

export function createMigrationFile(name: string): string {
  return createMigration(migrationsDirectory(), name);
}
