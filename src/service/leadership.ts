/**
 * Leadership: which of several daemons on one log appends to it, and what the others do meanwhile.
 *   leader    keeps its lease ── the token no longer holds ──▶ replica
 *   replica   copies and follows the log ── the lease has run out, and it could claim it ── reads the rest ──▶ leader
 * Always
 *  - A new leader has followed every entry that an older token wrote before it appends one itself.
 *  - What a replica copies from a read replica of PostgreSQL is what the primary has, and near enough to its end.
 *  - Time only decides when somebody may try: what a leader that slept through its lease appends fails by its token.
 */
import type { Client } from "pg";
import { EngineError, StorageError } from "../errors.ts";
import { entryHash, LogRows } from "../storage/log-rows.ts";
import { connectPostgres, dropConnection } from "../storage/postgres-connection.ts";
import {
  claimLease,
  type LeaseHolder,
  type LeaseRequest,
  readLease,
  releaseLease,
  renewLease,
} from "../storage/postgres-lease.ts";
import type { PostgresLog } from "../storage/postgres-log.ts";
import { describeServer, type PostgresOptions, quotedSchema } from "../storage/postgres-options.ts";
import type { StatementMeter } from "../storage/statement-meter.ts";
import type { ReadReplicas } from "./read-replicas.ts";

export interface LeadershipOptions {
  readonly postgres: PostgresOptions;
  readonly meter: StatementMeter;
  readonly lease: LeaseRequest;
  readonly log: PostgresLog;
  readonly replicas: ReadReplicas | undefined;
  /** Takes what was copied into execution, and publishes it. */
  follow(): Promise<void>;
  onPromoted(token: bigint): void;
  /** @param why what whoever waits is told. */
  onDemoted(why: EngineError): void;
  onFatal(error: EngineError): void;
  report(level: "info" | "warn", message: string, facts: Record<string, unknown>): void;
}

/** How often a replica looks for entries, and for a lease that has run out. */
const POLL_MS = 150;
const READ_ENTRIES = 64;

export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #schema: string;
  readonly #rows: LogRows;
  #client: Client | undefined;
  #token: bigint | undefined;
  /** Who leads, as last seen. */
  #holder: LeaseHolder | undefined;
  /** When the lease was last known to be this daemon's. */
  #provenAtMs = Number.NEGATIVE_INFINITY;
  #problem: StorageError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: LeadershipOptions) {
    this.#options = options;
    this.#schema = quotedSchema(options.postgres);
    this.#rows = new LogRows(this.#schema);
  }

  /** @param token when this daemon leads already. */
  start(token: bigint | undefined): void {
    if (token !== undefined) this.#promote(token);
    this.#schedule(0);
  }

  get role(): "leader" | "replica" {
    return this.#token === undefined ? "replica" : "leader";
  }

  /** What a writer is told; undefined when it may write. */
  refusal(): EngineError | undefined {
    if (this.#token === undefined) {
      const leader = this.#holder?.address;
      const message =
        leader === undefined ? "no daemon leads at the moment" : `the daemon at ${leader} takes the writes`;
      return new EngineError("NOT_LEADER", message, {
        leader: leader ?? null,
        retryAfterMs: this.#options.lease.leaseMs,
      });
    }
    const problem = this.#outage();
    return problem === undefined ? undefined : unreachable(this.#options.postgres, problem);
  }

  /** Why the leader can commit nothing. */
  #outage(): Error | undefined {
    if (this.#options.log.problem !== undefined) return this.#options.log.problem;
    if (performance.now() - this.#provenAtMs < this.#options.lease.leaseMs) return undefined;
    return this.#problem ?? new Error("the lease could not be renewed");
  }

  /** An append failed by its token. */
  fenced(): void {
    this.#demote();
  }

  describe(): { role: string; leader: string | null; entriesBehind: number; status: string; error?: string } {
    const problem = this.#problem ?? (this.#token === undefined ? this.#options.log.problem : this.#outage());
    return {
      role: this.role,
      leader: this.#token === undefined ? (this.#holder?.address ?? null) : this.#options.lease.address,
      entriesBehind: this.#options.log.copiedSeq - this.#options.log.durableSeq,
      status: problem === undefined ? "ok" : "unreachable",
      ...(problem === undefined ? {} : { error: problem.message }),
    };
  }

  /** Lets another daemon lead at once. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    if (this.#problem !== undefined) dropConnection(this.#client);
    await this.#turn;
    if (this.#client !== undefined && this.#token !== undefined)
      await releaseLease(this.#client, this.#schema, this.#token);
    dropConnection(this.#client);
  }

  #schedule(ms: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#turn = this.#tick().finally(() =>
        this.#schedule(this.#token === undefined ? POLL_MS : this.#options.lease.leaseMs / 3),
      );
    }, ms);
  }

  async #tick(): Promise<void> {
    try {
      this.#client ??= await connectPostgres(this.#options.postgres, {
        application: "leadership",
        meter: this.#options.meter,
      });
      await (this.#token === undefined ? this.#asReplica(this.#client) : this.#asLeader(this.#client, this.#token));
      this.#problem = undefined;
    } catch (problem) {
      if (this.#isClosed) return;
      if (!(problem instanceof StorageError && problem.retryable)) {
        this.#options.onFatal(
          problem instanceof EngineError ? problem : new EngineError("INTERNAL_ERROR", String(problem)),
        );
        return;
      }
      if (this.#problem === undefined) this.#options.report("warn", problem.message, { role: this.role });
      this.#problem = problem;
      dropConnection(this.#client);
      this.#client = undefined;
    }
  }

  async #asLeader(client: Client, token: bigint): Promise<void> {
    const sentAtMs = performance.now();
    if (await renewLease(client, this.#schema, token, this.#options.lease.leaseMs)) this.#provenAtMs = sentAtMs;
    else if (this.#token === token) this.#demote();
  }

  async #asReplica(client: Client): Promise<void> {
    await this.#copy(() => this.#nextEntries(client));
    this.#holder = await readLease(client, this.#schema);
    if (this.#isClosed || (this.#holder !== undefined && this.#holder.expiresInMs > 0)) return;
    const sentAtMs = performance.now();
    const claim = await claimLease(client, this.#schema, this.#options.lease);
    if ("heldBy" in claim) return;
    // What the leader before wrote last; nobody but this token can write after it.
    await this.#copy(() => this.#primaryEntries(client));
    this.#provenAtMs = sentAtMs;
    this.#promote(claim.token);
  }

  #primaryEntries(client: Client): Promise<Uint8Array[]> {
    return this.#rows.read(client, this.#options.log.copiedSeq + 1, READ_ENTRIES);
  }

  /** From a read replica where one is near enough. */
  async #nextEntries(client: Client): Promise<Uint8Array[]> {
    const { log, replicas } = this.#options;
    const entries = await replicas?.nearest?.entries(log.copiedSeq + 1, READ_ENTRIES);
    const last = entries?.at(-1);
    if (entries === undefined) return await this.#primaryEntries(client);
    if (last !== undefined) {
      const isSame = (await this.#rows.hash(client, log.copiedSeq + entries.length))?.equals(entryHash(last)) === true;
      return isSame ? entries : await this.#primaryEntries(client);
    }
    const { lastSeq } = await this.#rows.end(client);
    return lastSeq - log.copiedSeq <= replicas!.entriesBehindMax ? [] : await this.#primaryEntries(client);
  }

  async #copy(next: () => Promise<Uint8Array[]>): Promise<void> {
    const { log } = this.#options;
    for (;;) {
      const entries = await next();
      if (entries.length > 0) await log.copy(entries);
      if (log.copiedSeq > log.durableSeq) await this.#options.follow();
      if (entries.length === 0) return;
    }
  }

  #promote(token: bigint): void {
    this.#token = token;
    this.#provenAtMs = Math.max(this.#provenAtMs, performance.now() - this.#options.lease.leaseMs / 3);
    this.#options.log.lead(token);
    this.#options.report("info", "this daemon leads", { token: String(token), seq: this.#options.log.durableSeq });
    this.#options.onPromoted(token);
  }

  #demote(): void {
    if (this.#token === undefined) return;
    this.#token = undefined;
    this.#options.log.lead(undefined);
    this.#options.report("warn", "another daemon leads; this one follows", { seq: this.#options.log.durableSeq });
    this.#options.onDemoted(this.refusal()!);
  }
}

function unreachable(postgres: PostgresOptions, problem: Error): EngineError {
  return new EngineError(
    "BUSY",
    `nothing can be committed: ${describeServer(postgres)} can't be reached: ${problem.message}`,
    { retryAfterMs: 1_000 },
    { cause: problem },
  );
}
