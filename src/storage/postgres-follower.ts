/**
 * PostgresFollower: keeps PostgreSQL's tables up to the log. While one batch is being written, the next is built.
 *   EntrySource ─▶ BatchBuilder ─▶ PostgresTables.write ─▶ report        (any failure: a new session, from its position)
 * Always
 *  - It only reads the log: an outage of the server keeps nobody from appending, and is caught up with in order, once.
 *  - What it remembers is worth nothing after a failure: the tables say where they are.
 */
import { BlockEntry } from "../encoding/block-entry.ts";
import { EngineError, StorageError } from "../errors.ts";
import { BurstMeter } from "./burst-meter.ts";
import type { EntrySource } from "./entry-source.ts";
import { quotedSchema } from "./postgres-options.ts";
import type { PostgresLink, PostgresProgress, PostgresRequest, PostgresWorkerData } from "./postgres-protocol.ts";
import { NotReadyError, PostgresSession } from "./postgres-session.ts";
import { StatementMeter } from "./statement-meter.ts";
import { BatchBuilder } from "./table-batch.ts";

/** Entries of one batch, in bytes: about 8,000 transfers, which take the server a quarter of a second. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** Once caught up, changes are gathered this long: small enough for people who watch, large enough for hundreds a batch. */
const WINDOW_MS = 100;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;
/** What must change first is asked for less often than a server that may be back at any moment. */
const NOT_READY_RETRY_MS = 1_000;
/** How long a stop goes on following: the log has everything anyway. */
const STOP_MS = 5_000;

export class PostgresFollower {
  readonly #data: PostgresWorkerData;
  readonly #source: EntrySource;
  readonly #meter: StatementMeter;
  readonly #report: (progress: PostgresProgress) => void;
  #durableSeq: number;
  /** The tables take as much of the processors for a transfer as everything else: a burst has them to itself at first. */
  readonly #burst = new BurstMeter();
  #backlogBytes = 0;
  #appliedSeq: number | undefined;
  #flushMs = 0;
  #transactions = 0;
  #stopAtMs = Number.POSITIVE_INFINITY;
  /** Ends the wait that is under way. */
  #wake: () => void = () => {};

  constructor(data: PostgresWorkerData, source: EntrySource, report: (progress: PostgresProgress) => void) {
    this.#data = data;
    this.#meter = new StatementMeter(data.slowMs);
    this.#durableSeq = data.durableSeq;
    this.#source = source;
    this.#report = report;
    source.advance(data.durableSeq);
  }

  receive(request: PostgresRequest): void {
    if ("stop" in request) this.#stopAtMs = performance.now() + STOP_MS;
    else {
      this.#durableSeq = Math.max(this.#durableSeq, request.durableSeq);
      this.#burst.grew(request.logBytes, performance.now());
      this.#backlogBytes = request.backlogBytes;
      this.#source.advance(this.#durableSeq);
    }
    this.#wake();
  }

  /** Until it is stopped. @throws EngineError when the tables can't be this log's, or the log can't be read. */
  async run(): Promise<void> {
    for (let failures = 0; !this.#isStopping; ) {
      let session: PostgresSession | undefined;
      try {
        session = await PostgresSession.open(
          this.#data,
          (seq) => this.#read(seq),
          () => this.#wake(),
          this.#meter,
        );
        failures = 0;
        this.#requireNext(session.position.seq + 1);
        this.#appliedSeq = session.position.seq;
        this.#tell("ok");
        await this.#follow(session);
        await session.release();
      } catch (problem) {
        const link = linkOf(problem);
        if (link === undefined) throw problem;
        this.#tell(link, (problem as Error).message);
        const backoff = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** failures++);
        const retryMs = link === "unreachable" ? backoff : NOT_READY_RETRY_MS;
        await this.#sleep(retryMs * (0.5 + Math.random()));
      } finally {
        session?.close();
      }
    }
  }

  /** The log must go on where the tables are: one that begins after a snapshot does not go on from nothing. */
  #requireNext(seq: number): void {
    const firstSeq = this.#source.segments()[0]?.firstSeq ?? 0;
    if (seq >= firstSeq) return;
    throw new EngineError(
      "DATABASE_IN_USE",
      `the tables in schema ${this.#data.postgres.schema} need entry ${seq}, and this daemon's log begins with ${firstSeq}: fill an empty schema with the state that it began with (polytorus state import FILE --to)`,
      { seq, firstSeq },
    );
  }

  async #follow(session: PostgresSession): Promise<void> {
    const schema = quotedSchema(this.#data.postgres);
    const builders = [new BatchBuilder(schema, session.position), new BatchBuilder(schema, session.position)] as const;
    let position = session.position;
    let writing: Promise<void> = Promise.resolve();
    for (let turn = 0; ; turn++) {
      await this.#gather(session, position.seq);
      if (session.isLost) {
        await writing;
        throw new StorageError("the connection was lost", { retryable: true });
      }
      if (position.seq >= this.#durableSeq || performance.now() >= this.#stopAtMs) break;
      const builder = builders[turn % 2]!;
      builder.begin(position);
      const rollback = this.#build(builder);
      if (rollback !== undefined) {
        await writing;
        const seqs = await session.tables.seqsAbove(rollback.height);
        builder.addRollback(
          rollback,
          seqs.map((seq) => this.#require(seq)),
        );
      }
      const statements = builder.statements();
      await writing;
      writing = this.#write(session, builder, statements);
      // Whoever awaits it hears of a failure; who waits for news of the log must not wait on.
      writing.catch(() => {
        session.lost();
        this.#wake();
      });
      position = builder.to;
    }
    await writing;
  }

  /** Waits until there is something to follow; once caught up, for a window's worth; and for a burst, but not for all of it. */
  async #gather(session: PostgresSession, seq: number): Promise<void> {
    const mayWait = () => !this.#isStopping && !session.isLost;
    while (seq >= this.#durableSeq && mayWait()) await this.#sleep(Number.POSITIVE_INFINITY);
    const windowMs = this.#data.windowMs ?? WINDOW_MS;
    if (this.#appliedSeq === seq && mayWait()) await sleep(windowMs);
    const isYoung = () => this.#burst.isYoung(performance.now());
    while (this.#backlogBytes < this.#data.gatherBytesMax && isYoung() && mayWait()) await sleep(windowMs);
  }

  /** Fills a batch with blocks; answers a rollback if that is what comes first. */
  #build(builder: BatchBuilder): BlockEntry | undefined {
    const entries = this.#source.entries(builder.from.seq + 1, BATCH_BYTES);
    if (entries.length === 0) this.#require(builder.from.seq + 1);
    for (const bytes of entries) {
      const entry = BlockEntry.parse(bytes);
      if (entry.isRollback) return builder.to.seq === builder.from.seq ? entry : undefined;
      builder.addBlock(entry);
    }
    return undefined;
  }

  async #write(
    session: PostgresSession,
    builder: BatchBuilder,
    statements: ReturnType<BatchBuilder["statements"]>,
  ): Promise<void> {
    const startMs = performance.now();
    const { from, to, dropAbove, transactions } = builder;
    const { lease } = this.#data;
    const leaseMs = "token" in lease ? undefined : lease.leaseMs;
    const isWritten = await session.tables.write({ token: session.token, leaseMs, from, to, dropAbove, statements });
    // Somebody else claimed, or an earlier commit counted after all: a new session finds out which.
    if (!isWritten) throw new StorageError("the tables moved on without this daemon", { retryable: true });
    this.#flushMs = performance.now() - startMs;
    this.#transactions += transactions;
    this.#appliedSeq = to.seq;
    this.#tell("ok");
  }

  #tell(link: PostgresLink, problem?: string): void {
    this.#report({
      link,
      ...(problem === undefined ? {} : { problem }),
      appliedSeq: this.#appliedSeq,
      flushMs: this.#flushMs,
      transactions: this.#transactions,
      statements: this.#meter.counts,
    });
  }

  #read(seq: number): BlockEntry | undefined {
    const bytes = this.#source.read(seq);
    return bytes === undefined ? undefined : new BlockEntry(bytes);
  }

  #require(seq: number): BlockEntry {
    const entry = this.#read(seq);
    if (entry !== undefined) return entry;
    throw new EngineError("DATABASE_IN_USE", `the tables need entry ${seq}, which this daemon's log no longer has`, {
      seq,
    });
  }

  get #isStopping(): boolean {
    return this.#stopAtMs !== Number.POSITIVE_INFINITY;
  }

  /** Until woken, or `ms`. */
  #sleep(ms: number): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = ms === Number.POSITIVE_INFINITY ? undefined : setTimeout(resolve, ms);
      this.#wake = () => {
        // News of the log does not shorten the wait for a server.
        if (timer !== undefined && !this.#isStopping) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** What a failure says about the link; undefined when trying again can't help. */
function linkOf(problem: unknown): PostgresLink | undefined {
  if (problem instanceof NotReadyError) return problem.link;
  return problem instanceof StorageError && problem.retryable ? "unreachable" : undefined;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
