/**
 * PostgresLog: the block log in PostgreSQL, one row an entry, and its copy in the local journal, which everything that reads
 * the log reads. Acknowledged means: committed there. The copy is written before anyone hears of it and synced soon after:
 * what power loss takes from it, the next start reads back.
 *   append ─▶ AppendQueue ─▶ one INSERT with token and seq, committed ─▶ local journal ─▶ resolved ─▶ synced: `localSeq`
 *   as a replica: rows read elsewhere ─▶ `copy` ─▶ local journal ─▶ taken into execution ─▶ `publish`
 * Always
 *  - The copy is never ahead of the log.
 *  - An append whose answer was lost is settled before anything else: the entry is read back by its hash, and sent again only
 *    if it is not there and the token still holds. Until then appends wait, and new work is refused (`problem`).
 *  - A token that no longer holds fails appends with nothing written: another daemon leads.
 */
import type { Client } from "pg";
import { StorageError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import { checkEntries } from "./append-check.ts";
import { AppendQueue } from "./append-queue.ts";
import type { Journal } from "./journal.ts";
import { entryHash, LogRows, seqOf } from "./log-rows.ts";
import { connectPostgres, dropConnection } from "./postgres-connection.ts";
import { isDuplicate, isTransient, postgresError } from "./postgres-errors.ts";
import { type PostgresOptions, quotedSchema } from "./postgres-options.ts";
import type { StatementMeter } from "./statement-meter.ts";

/** Entries of one INSERT, and their bytes. */
const GROUP_ENTRIES_MAX = 16;
const GROUP_BYTES_MAX = 8 * 1024 * 1024;
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;

export interface PostgresLogOptions {
  readonly postgres: PostgresOptions;
  readonly meter: StatementMeter;
  /** The copy (`JournalOptions.copy`), open, of which every entry is in the log. Closed with this. */
  readonly journal: Journal;
  /** Another daemon's append came first: this one does not lead any more. */
  onFenced(): void;
}

export class PostgresLog implements BlockLog {
  readonly #options: PostgresLogOptions;
  readonly #rows: LogRows;
  readonly #queue: AppendQueue;
  #client: Client | undefined;
  #token: bigint | undefined;
  #nextSeq: number;
  #publishedSeq: number;
  #problem: StorageError | undefined;
  #isClosed = false;

  constructor(options: PostgresLogOptions) {
    this.#options = options;
    this.#rows = new LogRows(quotedSchema(options.postgres));
    this.#queue = new AppendQueue(GROUP_BYTES_MAX, (entries) => this.#writeAll(entries));
    this.#publishedSeq = options.journal.lastSeq;
    this.#nextSeq = this.#publishedSeq + 1;
  }

  get durableSeq(): number {
    return this.#publishedSeq;
  }

  get firstSeq(): number {
    return this.#options.journal.firstSeq;
  }

  get byteLength(): number {
    return this.#options.journal.byteLength;
  }

  get isIdle(): boolean {
    return this.#queue.isIdle;
  }

  /** Why nothing can be appended at the moment. */
  get problem(): StorageError | undefined {
    return this.#problem;
  }

  /** Appends go out with this token from here; undefined: there are none. */
  lead(token: bigint | undefined): void {
    this.#token = token;
  }

  async append(entries: readonly Uint8Array[]): Promise<void> {
    if (this.#isClosed) throw new StorageError("the log is closed", { retryable: true });
    if (this.#token === undefined) throw notLeading();
    const bytes = checkEntries(entries, this.#nextSeq);
    if (entries.length === 0) return;
    this.#nextSeq += entries.length;
    try {
      await this.#queue.push(entries, bytes);
    } catch (problem) {
      this.#nextSeq = Math.min(this.#nextSeq, seqOf(entries[0]!));
      throw problem;
    }
    await this.#copy(entries);
    this.publish(seqOf(entries.at(-1)!));
  }

  /** A replica's: entries that are in the log, into the copy. They are not `durable` here before `publish`. */
  async copy(entries: readonly Uint8Array[]): Promise<void> {
    await this.#copy(entries);
    this.#nextSeq = this.#options.journal.lastSeq + 1;
  }

  async #copy(entries: readonly Uint8Array[]): Promise<void> {
    try {
      await this.#options.journal.append(entries);
    } catch (problem) {
      // They are in the log: whoever took a full disk for "nothing was written" would leave the chain.
      const reason = (problem as Error).message;
      throw new StorageError(`the log's local copy failed: ${reason}`, { retryable: false }, { cause: problem });
    }
  }

  /** The last seq of the copy. */
  get copiedSeq(): number {
    return this.#options.journal.lastSeq;
  }

  get localSeq(): number {
    return this.#options.journal.durableSeq;
  }

  publish(seq: number): void {
    this.#publishedSeq = Math.max(this.#publishedSeq, seq);
  }

  read(seq: number): Uint8Array | undefined {
    return this.#options.journal.read(seq);
  }

  readHeader(seq: number): Uint8Array | undefined {
    return this.#options.journal.readHeader(seq);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // Without the server a write under way would be tried for ever.
    if (this.#problem !== undefined) dropConnection(this.#client);
    await this.#queue.settled();
    dropConnection(this.#client);
    await this.#options.journal.close();
  }

  async #writeAll(entries: readonly Uint8Array[]): Promise<void> {
    for (let first = 0; first < entries.length; first += GROUP_ENTRIES_MAX)
      await this.#write(entries.slice(first, first + GROUP_ENTRIES_MAX));
  }

  /** Resolves when the group is committed. @throws StorageError, retryable: it is not, and never will be. */
  async #write(group: readonly Uint8Array[]): Promise<void> {
    let isSent = false;
    for (let attempt = 0; ; attempt++) {
      const token = this.#token;
      if (token === undefined && !isSent) throw notLeading();
      try {
        this.#client ??= await connectPostgres(this.#options.postgres, {
          application: "log",
          meter: this.#options.meter,
        });
        if (!isSent) {
          isSent = true;
          if ((await this.#rows.append(this.#client, token!, group)) === group.length) return this.#wrote();
        }
        if (await this.#isWritten(group)) return this.#wrote();
        isSent = false;
      } catch (problem) {
        if (problem instanceof FencedError) {
          this.#problem = undefined;
          this.#token = undefined;
          this.#options.onFenced();
          throw problem;
        }
        if (!isTransient(problem) && !isDuplicate(problem)) throw this.#refused(problem);
        await this.#outage(problem, attempt);
      }
    }
  }

  /** Whether a group that was sent is there. @throws FencedError when it is not, and can't be any more. */
  async #isWritten(group: readonly Uint8Array[]): Promise<boolean> {
    const seq = seqOf(group[0]!);
    const { token, hash } = await this.#rows.settle(this.#client!, seq);
    if (hash?.equals(entryHash(group[0]!)) === true) return true;
    if (hash !== undefined || token !== this.#token) throw new FencedError(seq);
    const { lastSeq } = await this.#rows.end(this.#client!);
    if (lastSeq === seq - 1) return false;
    throw new StorageError(`the log in PostgreSQL ends at entry ${lastSeq}, where entry ${seq} comes next`, {
      retryable: false,
      seq,
      lastSeq,
    });
  }

  #wrote(): void {
    this.#problem = undefined;
  }

  #refused(problem: unknown): StorageError {
    return postgresError("appending to the log", problem, false);
  }

  /** Waits before the next attempt, on a new connection. @throws StorageError when the log is being closed. */
  async #outage(problem: unknown, attempt: number): Promise<void> {
    dropConnection(this.#client);
    this.#client = undefined;
    this.#problem = postgresError("appending to the log", problem, true);
    if (this.#isClosed)
      throw new StorageError("the log was closed while the outcome of an append was not known", { retryable: false });
    const ms = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** attempt) * (0.5 + Math.random());
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
}

/** Nothing was written: the token does not hold any more. */
export class FencedError extends StorageError {
  constructor(seq: number) {
    super(`entry ${seq} was not written: another daemon leads`, { retryable: true, seq });
  }
}

function notLeading(): StorageError {
  return new StorageError("this daemon does not lead: it appends nothing", { retryable: true });
}
