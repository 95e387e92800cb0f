/**
 * HistoryPruning: lets go of what retention.history no longer keeps, while the engine runs.
 *   a look a minute ─▶ plan ─▶ the state hashed, on a thread of its own ─▶ LMDB notes with what the log begins
 *     ─▶ nobody here asks for what was before ─▶ segments go, one after the other ─▶ rows of PostgreSQL's tables
 * Always
 *  - Nothing goes before the state store has, checked and durably, what it says.
 *  - A turn takes SEGMENTS_MAX segments at most; on the main thread it only plans.
 *  - A failure is reported and tried again with the next look: pruning is never the engine's end.
 */
import { stat } from "node:fs/promises";
import { BlockEntry } from "../encoding/block-entry.ts";
import { toEngineError } from "../errors.ts";
import type { ChainIndex } from "../storage/chain-index.ts";
import type { Journal } from "../storage/journal.ts";
import { type HistoryKept, historyNeed, type LogNeed, type PrunePlan, planPrune } from "../storage/prune-plan.ts";
import { archiveSegment } from "../storage/segment-archive.ts";
import type { TablesPruned } from "../storage/tables-pruning.ts";

export interface HistoryOptions {
  /** Undefined: everything; then segments go only when somebody asks for it. */
  readonly kept: HistoryKept | undefined;
  /** Where segments go; undefined: they are deleted. */
  readonly archive: string | undefined;
  /** How long after one look the next comes; left out: LOOK_MS. */
  readonly lookMs?: number;
}

export interface HistoryPruningModules {
  readonly journal: Journal;
  readonly chain: ChainIndex;
  /** What of the log is needed beside what is kept: here, and on servers. */
  needs(): Promise<LogNeed[]>;
  /** Hashes the state store. Answers as of which entry it is what its block says. @throws EngineError ROOT_MISMATCH. */
  check(signal: AbortSignal): Promise<number>;
  /** Resolves when the state store has noted, durably, that the log begins at an entry. */
  note(seq: number): Promise<void>;
  /** Resolves when everybody who may read what was before is done. */
  settled(): Promise<void>;
  /** Lets go of history in PostgreSQL's tables, for a bounded time. Undefined: nothing there is this daemon's to prune. */
  pruneTables(kept: HistoryKept): Promise<TablesPruned | undefined>;
  report(level: "info" | "warn", message: string, facts: Record<string, unknown>): void;
}

export interface PruneReport {
  readonly segments: number;
  readonly bytes: number;
  readonly lowestHeightBefore: number;
  readonly lowestHeight: number;
  /** Who needs what comes next. */
  readonly keptFor: string;
}

const LOOK_MS = 60_000;
/** 16 GiB of log in segments of 256 MiB: an hour of the highest rate. The next look goes on. */
const SEGMENTS_MAX = 64;

export class HistoryPruning {
  readonly #options: HistoryOptions;
  readonly #modules: HistoryPruningModules;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /** One turn at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  /** As of this entry the state store was found to be what its block says. */
  #checkedSeq = -1;
  #segments = 0;
  #bytes = 0;
  #problem: string | undefined;

  constructor(options: HistoryOptions, modules: HistoryPruningModules) {
    this.#options = options;
    this.#modules = modules;
    this.#lookLater();
  }

  #lookLater(): void {
    const { kept, lookMs = LOOK_MS } = this.#options;
    if (kept === undefined || this.#closing.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#look(kept).finally(() => this.#lookLater()), lookMs).unref();
  }

  /** Since the start. */
  describe(): { segments: number; bytes: number; problem: string | undefined } {
    return { segments: this.#segments, bytes: this.#bytes, problem: this.#problem };
  }

  /** @throws EngineError ROOT_MISMATCH, StorageError; what went before it stays gone. */
  prune(kept: HistoryKept, dryRun: boolean): Promise<PruneReport> {
    const turn = this.#turn.then(() => this.#prune(kept, dryRun));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** What is under way ends with the segment that it is at. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#closing.abort();
    await this.#turn;
  }

  async #look(kept: HistoryKept): Promise<void> {
    const { report } = this.#modules;
    try {
      const done = await this.prune(kept, false);
      if (done.segments > 0) report("info", "pruned the journal", { ...done });
      const ofTables = await this.#modules.pruneTables(kept);
      if (ofTables !== undefined && ofTables.blocks > 0) report("info", "pruned PostgreSQL's tables", { ...ofTables });
      this.#problem = undefined;
    } catch (problem) {
      if (this.#closing.signal.aborted) return;
      const { message, code } = toEngineError(problem);
      if (message !== this.#problem) report("warn", "history was not pruned", { code, why: message });
      this.#problem = message;
    }
  }

  async #prune(kept: HistoryKept, dryRun: boolean): Promise<PruneReport> {
    const { journal, chain, check, note, settled } = this.#modules;
    const lowestHeightBefore = chain.lowestHeight;
    const plan = await this.#plan(kept);
    const sizes = await Promise.all(plan.segments.map(async ({ path }) => (await stat(path)).size));
    const { lowestHeight, keptFor } = plan;
    const report = { segments: sizes.length, bytes: sumOf(sizes), lowestHeightBefore, lowestHeight, keptFor };
    if (dryRun || sizes.length === 0) return report;
    if (plan.lowestSeq > this.#checkedSeq) this.#checkedSeq = await check(this.#closing.signal);
    await note(plan.lowestSeq);
    chain.beginAt(plan.lowestSeq);
    await settled();
    const { archive } = this.#options;
    const keep = archive === undefined ? undefined : (path: string) => archiveSegment(path, archive);
    for await (const _ of journal.dropSegmentsBefore(plan.segments.at(-1)!.lastSeq + 1, keep)) {
      this.#bytes += sizes.shift()!;
      this.#segments++;
      this.#closing.signal.throwIfAborted();
    }
    return report;
  }

  async #plan(kept: HistoryKept): Promise<PrunePlan> {
    const { journal, chain, needs } = this.#modules;
    const others = await needs();
    const timestampMs = (height: number) => new BlockEntry(journal.readHeader(chain.seqOfHeight(height)!)!).timestampMs;
    return planPrune(chain, journal.segments(), [...others, historyNeed(chain, kept, timestampMs)], SEGMENTS_MAX);
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}
