/**
 * Keys and variables of the seed documents that choose Postgres or Redis. This version keeps its state in the embedded
 * store or in memory: whoever asks for another is refused plainly, never served from somewhere else in silence.
 */
import type { ConfigProblem } from "./problem.ts";

const SUPPORTED = "this version stores in `embedded` (journal and LMDB in data_dir) or `memory`";

/** Variables that, in the seed documents, select a database. */
const SELECTING_VARIABLES = ["DATABASE_URL", "POSTGRES_HOST", "POSTGRES_DB", "REDIS_URL", "REDIS_HOST"];

/** Sections and keys of a file that choose a database. `fallback_to_memory` alone chooses none: it maps to a durability. */
export function databaseSectionProblems(section: Record<string, unknown>, origin: string): ConfigProblem[] {
  return Object.entries(section).flatMap(([key, value]) => {
    const name = `database_storage.${key}`;
    if (key !== "fallback_to_memory") {
      return [{ key: name, origin, message: `selects Postgres or Redis; ${SUPPORTED}. Remove [database_storage].` }];
    }
    if (value === true) return [];
    return [
      {
        key: name,
        origin,
        message: `false asks for durability "strict", Postgres' commit; ${SUPPORTED}, with durability "journal".`,
      },
    ];
  });
}

/**
 * Refuses variables that select a database, unless `storage.kind` is chosen by name: then they belong to another program.
 */
export function databaseVariableProblems(environment: NodeJS.ProcessEnv): ConfigProblem[] {
  return SELECTING_VARIABLES.filter((name) => environment[name] !== undefined && environment[name] !== "").map(
    (name) => ({
      key: "storage.kind",
      origin: name,
      message: `selects a database; ${SUPPORTED}. Unset it, or say --storage embedded if it is meant for another program.`,
    }),
  );
}

/** What to say about a storage that was asked for by name or URL and is not one of this version's. */
export function storageKindProblem(value: string): string | undefined {
  return /^(postgres|postgresql|redis|rediss|database)(:|$)/i.test(value) ? `is a database; ${SUPPORTED}` : undefined;
}
