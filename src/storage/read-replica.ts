/**
 * ReadReplica: a server that PostgreSQL itself keeps a copy on (a physical standby, or a logical replica of the schema). Asked
 * again and again how far it is, on a connection of its own; what may be a little behind is read there instead of on the primary.
 *   ask ─▶ of this log? ─▶ how far ─▶ ok, or behind ── gone ──▶ unreachable, and asked again later
 * Always
 *  - Its seqs are those of the transaction that it shows: whoever reads there may say as of which entry.
 *  - Nothing depends on it: what fails here is read from the primary.
 */
import type { Client } from "pg";
import { LogRows } from "./log-rows.ts";
import { connectPostgres, dropConnection } from "./postgres-connection.ts";
import { postgresError } from "./postgres-errors.ts";
import { describeServer, type PostgresOptions, quotedSchema } from "./postgres-options.ts";

export interface ReadReplicaState {
  readonly where: string;
  readonly status: "starting" | "ok" | "behind" | "unreachable";
  /** The newest entry that its tables and its log have; null where there is none, or it is not known. */
  readonly tablesSeq: number | null;
  readonly logSeq: number | null;
  /** Of what the primary has, as far as this daemon knows it. */
  readonly entriesBehind: number | null;
  /** Of the last question. */
  readonly latencyMs: number | null;
  readonly error?: string;
}

export interface ReadReplicaOptions {
  readonly postgres: PostgresOptions;
  /** Further behind it is not read from. */
  readonly entriesBehindMax: number;
  /** How far the primary is, of what the daemon has there: its log in durability strict, its tables in journal. */
  primarySeq(): number;
  /** Which of its seqs that compares with. */
  readonly compares: "logSeq" | "tablesSeq";
  report(level: "info" | "warn", message: string, facts: Record<string, unknown>): void;
}

const POLL_MS = 1_000;
const RETRY_MAX_MS = 10_000;

export class ReadReplica {
  readonly #options: ReadReplicaOptions;
  readonly #schema: string;
  readonly #rows: LogRows;
  #client: Client | undefined;
  #state: Omit<ReadReplicaState, "where">;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: ReadReplicaOptions) {
    this.#options = options;
    this.#schema = quotedSchema(options.postgres);
    this.#rows = new LogRows(this.#schema);
    this.#state = { status: "starting", tablesSeq: null, logSeq: null, entriesBehind: null, latencyMs: null };
  }

  start(): void {
    this.#schedule(0);
  }

  get postgres(): PostgresOptions {
    return this.#options.postgres;
  }

  get state(): ReadReplicaState {
    return { where: describeServer(this.#options.postgres), ...this.#state };
  }

  /** Entries of its log from a seq on, as far as it has them. Undefined: it can't be read. */
  async entries(fromSeq: number, countMax: number): Promise<Uint8Array[] | undefined> {
    const client = this.#client;
    if (client === undefined || this.#state.status !== "ok") return undefined;
    try {
      return await this.#rows.read(client, fromSeq, countMax);
    } catch (problem) {
      this.#failed(problem);
      return undefined;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    dropConnection(this.#client);
    await this.#turn;
    dropConnection(this.#client);
  }

  #schedule(ms: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#turn = this.#ask().finally(() =>
        this.#schedule(this.#failures === 0 ? POLL_MS : Math.min(RETRY_MAX_MS, POLL_MS * 2 ** this.#failures)),
      );
    }, ms);
  }

  async #ask(): Promise<void> {
    try {
      this.#client ??= await connectPostgres(this.#options.postgres, { application: "read replica" });
      const startMs = performance.now();
      const { tablesSeq, logSeq } = await readSeqs(this.#client, this.#schema);
      this.#found(tablesSeq, logSeq, performance.now() - startMs);
    } catch (problem) {
      if (!this.#isClosed) this.#failed(problem);
    }
  }

  #found(tablesSeq: number | null, logSeq: number | null, latencyMs: number): void {
    const { compares, entriesBehindMax, primarySeq, report } = this.#options;
    const seq = { tablesSeq, logSeq }[compares] ?? -1;
    const entriesBehind = Math.max(0, primarySeq() - seq);
    const status = entriesBehind > entriesBehindMax ? "behind" : "ok";
    if (this.#state.status !== status)
      report(status === "ok" ? "info" : "warn", `a read replica is ${status}`, { ...this.#where, entriesBehind });
    this.#failures = 0;
    this.#state = { status, tablesSeq, logSeq, entriesBehind, latencyMs: Math.round(latencyMs * 1000) / 1000 };
  }

  get #where(): { where: string } {
    return { where: describeServer(this.#options.postgres) };
  }

  #failed(problem: unknown): void {
    const { message: error } = postgresError("reading a read replica", problem);
    if (this.#failures++ === 0)
      this.#options.report("warn", "a read replica is unreachable", { ...this.#where, why: error });
    this.#state = { ...this.#state, status: "unreachable", entriesBehind: null, latencyMs: null, error };
    dropConnection(this.#client);
    this.#client = undefined;
  }
}

/** Of one moment. */
async function readSeqs(client: Client, schema: string): Promise<{ tablesSeq: number | null; logSeq: number | null }> {
  const { rows } = await client.query(
    `select (select applied_seq from ${schema}.position where id = 1) as tables_seq,
            (select max(seq) from ${schema}.block_log) as log_seq`,
  );
  const { tables_seq: tables, log_seq: log } = rows[0];
  return { tablesSeq: tables === null ? null : Number(tables), logSeq: log === null ? null : Number(log) };
}

/** The newest entry that a server has, in its log or in its tables; -1: none. @throws StorageError. */
export async function readNewestSeq(options: PostgresOptions): Promise<number> {
  const client = await connectPostgres(options, { application: "status" });
  try {
    const { tablesSeq, logSeq } = await readSeqs(client, quotedSchema(options));
    return logSeq ?? tablesSeq ?? -1;
  } catch (problem) {
    throw postgresError("asking how far the server is", problem);
  } finally {
    dropConnection(client);
  }
}
