/**
 * AnalyticsFollower: keeps Analytics up to the log, on whatever thread it stands, and on disk.
 *   the follower's entries ── offer ──▶ counted at once when they are next ─┐
 *   EntrySource ── read, after a start that is behind ──▶ counted ───────────┤─▶ Analytics ── save ──▶ analytics.json
 * Always
 *  - The file says which entry it is as of: what came after it is read from the log again, each entry once.
 *  - A file that cannot be read is left aside, and everything is counted from the beginning of the log.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { BlockEntry } from "../encoding/block-entry.ts";
import type { Laps } from "../encoding/laps.ts";
import { Analytics, type AnalyticsFile } from "../engines/enhanced/analytics/analytics.ts";
import type { ExecutionCounter } from "../engines/enhanced/analytics/execution-counter.ts";
import {
  type ChainReport,
  type ContractReport,
  chainReport,
  contractReport,
} from "../engines/enhanced/analytics/reports.ts";
import { StorageError } from "../errors.ts";
import { openSealedFile, sealFile } from "../storage/encryption/sealed-file.ts";
import { keysOf } from "../storage/encryption/unlocked.ts";
import type { EntrySource } from "../storage/entry-source.ts";
import { replaceFile } from "../storage/files.ts";
import { undoneBlocks } from "../storage/undone-blocks.ts";

const FILE_VERSION = 1;
/** What a crash may make count again: a second's worth of the highest rate. */
const SAVE_EVERY_MS = 10_000;
const STEP_BYTES = 4 * 1024 * 1024;
/** Times of entries that have not been counted yet. */
const TIMES_MAX = 10_000;

export type AnalyticsQuestion = { about: "chain" } | { about: "contract"; address: Uint8Array };
export type AnalyticsAnswer<Q extends AnalyticsQuestion = AnalyticsQuestion> = Q extends { about: "chain" }
  ? ChainReport
  : ContractReport | undefined;

export class AnalyticsFollower {
  readonly #path: string | undefined;
  readonly #log: Pick<EntrySource, "read">;
  readonly #nowMs: () => number;
  readonly #counter: ExecutionCounter | undefined;
  #analytics: Analytics;
  #savedSeq: number;
  #savedAtMs: number;
  readonly #times = new Map<number, Laps>();

  /**
   * @param path of its file; undefined: it is not kept. @param log what a rollback takes back is read there.
   * @param nowMs of a clock that never goes back. @param counter counts natively.
   */
  constructor(
    path: string | undefined,
    log: Pick<EntrySource, "read">,
    nowMs: () => number,
    counter?: ExecutionCounter,
  ) {
    this.#path = path;
    this.#log = log;
    this.#nowMs = nowMs;
    this.#counter = counter;
    this.#analytics = new Analytics(path === undefined ? undefined : load(path), -1, counter);
    this.#savedSeq = this.#analytics.seq;
    this.#savedAtMs = nowMs();
  }

  /** The last entry that is counted. */
  get seq(): number {
    return this.#analytics.seq;
  }

  /** The last entry that is counted in the file. */
  get savedSeq(): number {
    return this.#savedSeq;
  }

  /** How long the transactions of an entry took: told before the entry is. */
  timed(seq: number, laps: Laps): void {
    if (seq <= this.seq) return;
    if (this.#times.size >= TIMES_MAX) this.#times.clear();
    this.#times.set(seq, laps);
  }

  /** An entry of the log, in order: counted if it is the next, else it will be read. */
  offer(entry: BlockEntry): void {
    if (entry.seq !== this.seq + 1) return;
    if (entry.isRollback) this.#analytics.rollBack(entry, this.#undoneBy(entry));
    else this.#analytics.add(entry, this.#times.get(entry.seq));
    this.#times.delete(entry.seq);
  }

  /** Nothing where the log begins later than what was taken back: nor was that counted. */
  #undoneBy(rollback: BlockEntry): BlockEntry[] {
    try {
      return undoneBlocks(this.#log, rollback);
    } catch (problem) {
      if (problem instanceof StorageError) return [];
      throw problem;
    }
  }

  /** Reads on towards `seq`, at most a step's worth. Answers whether it is there. */
  read(source: EntrySource, seq: number): boolean {
    if (this.seq >= seq) return true;
    // A log that was cut to less than the file knows of, or that no longer begins where it must be read on.
    const entries = source.entries(this.seq + 1, STEP_BYTES);
    if (entries.length === 0) return true;
    for (const bytes of entries) {
      const entry = BlockEntry.parse(bytes);
      if (entry.seq > seq) break;
      this.offer(entry);
    }
    return this.seq >= seq;
  }

  /** Counts from the log's beginning when the log can't be the file's, or no longer has what comes next. */
  checkAgainst({ firstSeq, lastSeq }: { firstSeq: number; lastSeq: number }): void {
    if (this.seq > lastSeq || this.seq + 1 < firstSeq)
      this.#analytics = new Analytics(undefined, firstSeq - 1, this.#counter);
  }

  answer(question: AnalyticsQuestion): AnalyticsAnswer {
    return question.about === "chain"
      ? chainReport(this.#analytics)
      : contractReport(this.#analytics, question.address);
  }

  /** When the file is to be written next, on the clock of `nowMs`; Infinity while it has everything. */
  get saveDueMs(): number {
    if (this.#path === undefined || this.seq === this.#savedSeq) return Number.POSITIVE_INFINITY;
    return this.#savedAtMs + SAVE_EVERY_MS;
  }

  /** Writes the file when it is due, or `now`. Answers whether it did. */
  save(now = false): boolean {
    const dueMs = this.saveDueMs;
    if (this.#path === undefined || dueMs === Number.POSITIVE_INFINITY || !(now || this.#nowMs() >= dueMs))
      return false;
    const record = Buffer.from(JSON.stringify({ version: FILE_VERSION, ...this.#analytics.record() }));
    // Durably: the log is pruned up to here.
    replaceFile(this.#path, sealFile(keysOf(dirname(this.#path)), "analytics", "", record));
    this.#savedSeq = this.seq;
    this.#savedAtMs = this.#nowMs();
    return true;
  }
}

function load(path: string): AnalyticsFile | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const bytes = openSealedFile(keysOf(dirname(path)), "analytics", "", readFileSync(path)) ?? new Uint8Array(0);
    const file = JSON.parse(Buffer.from(bytes).toString("utf8")) as AnalyticsFile & { version: number };
    return file.version === FILE_VERSION && Number.isSafeInteger(file.seq) ? file : undefined;
  } catch {
    return undefined;
  }
}
