/**
 * What a failed statement means for whoever sent it: worth sending again, or wrong as it stands.
 */
import { StorageError } from "../errors.ts";

/** Classes of SQLSTATE that say: the server, or its load, was in the way. */
const TRANSIENT_CLASSES = ["08", "53", "57", "58"];
/** Serialization failure, deadlock, lock not available, and CockroachDB's "restart transaction" (40001 too). */
const TRANSIENT_STATES = ["40001", "40P01", "55P03"];
/** A server that was made a standby. */
const READ_ONLY = "25006";

/** The server's code of five characters; undefined when it did not answer. */
export function sqlStateOf(problem: unknown): string | undefined {
  const code = (problem as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Nothing of the statement took effect, and the same statement may succeed later. */
export function isTransient(problem: unknown): boolean {
  const state = sqlStateOf(problem);
  if (state === undefined) return true;
  return state === READ_ONLY || TRANSIENT_STATES.includes(state) || TRANSIENT_CLASSES.includes(state.slice(0, 2));
}

export function isDuplicate(problem: unknown): boolean {
  return sqlStateOf(problem) === "23505";
}

/** No schema, no table or no column of this name: the migrations have not run. */
export function isMissing(problem: unknown): boolean {
  return ["3F000", "42P01", "42703", "42883"].includes(sqlStateOf(problem) ?? "");
}

/** @param doing what was tried, for people: "reading the log". */
export function postgresError(doing: string, problem: unknown, retryable = isTransient(problem)): StorageError {
  if (problem instanceof StorageError) return problem;
  const sqlState = sqlStateOf(problem);
  const message = problem instanceof Error ? problem.message || problem.name : String(problem);
  const said = sqlState === undefined ? message : `${message} (SQLSTATE ${sqlState})`;
  return new StorageError(
    `PostgreSQL failed at ${doing}: ${said}`,
    { retryable, ...(sqlState === undefined ? {} : { sqlState }) },
    { cause: problem },
  );
}
