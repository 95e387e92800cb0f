/**
 * FollowedState: the state as of a durable entry of the log, on a thread that executes no blocks. LMDB has most of it; what
 * the log has beyond LMDB is read from the journal and laid over it.
 *   StateTable ── misses ──▶ StateOverlay ◀── deltas above the applied seq ── JournalReader
 *                                └──▶ LmdbSnapshot
 * LMDB moves once a flush of the follower, about once a second: then all rows are forgotten, which costs the few that queries
 * read again, where keeping them right would cost the whole journal. Between two flushes a transfer costs this thread 0.5 us,
 * most of it for reading its entry from the journal. The other way, deltas sent by the main thread with each batch, costs
 * the thread that answers everybody, in copies for every query thread, what here costs the asker's.
 * Always
 *  - `head` is durable, and never older than asked for.
 */
import { BlockEntry } from "../encoding/block-entry.ts";
import type { DeltaDirection } from "../encoding/delta.ts";
import { StorageError } from "../errors.ts";
import { StateOverlay } from "../execution/state-overlay.ts";
import { StateTable } from "../execution/state-table.ts";
import type { JournalReader } from "../storage/journal-reader.ts";
import type { LmdbSnapshot } from "../storage/lmdb-snapshot.ts";
import { undoneBy } from "./catch-up.ts";

export interface FollowedHead {
  readonly seq: number;
  readonly height: number;
  readonly timestampMs: number;
}

/** How often to look for a newer commit of LMDB: looking costs some microseconds, an old commit keeps pages in use. */
const COMMIT_AGE_MAX_MS = 100;
const STEP_BYTES = 4 * 1024 * 1024;
const BEFORE_GENESIS: FollowedHead = { seq: -1, height: -1, timestampMs: 0 };

export class FollowedState {
  readonly table: StateTable;
  readonly #snapshot: LmdbSnapshot;
  readonly #overlay: StateOverlay;
  readonly #journal: JournalReader;
  readonly #nowMs: () => number;
  #head = BEFORE_GENESIS;
  #refreshedMs = Number.NEGATIVE_INFINITY;

  constructor(modules: { snapshot: LmdbSnapshot; journal: JournalReader; nowMs: () => number }) {
    this.#snapshot = modules.snapshot;
    this.#journal = modules.journal;
    this.#nowMs = modules.nowMs;
    this.#overlay = new StateOverlay(modules.snapshot);
    this.table = new StateTable(this.#overlay);
  }

  get head(): FollowedHead {
    return this.#head;
  }

  /** Moves to `seq` or beyond. @param seq of a durable entry. @throws StorageError, EngineError JOURNAL_DAMAGED. */
  advance(seq: number): void {
    this.#journal.advance(seq);
    if (this.#nowMs() - this.#refreshedMs > COMMIT_AGE_MAX_MS) this.#refresh();
    while (this.#head.seq < seq)
      for (const bytes of this.#journal.entries(this.#head.seq + 1, STEP_BYTES)) this.#follow(new BlockEntry(bytes));
  }

  /** Holds no commit of LMDB until the next `advance`: an idle thread must not keep pages in use. */
  release(): void {
    this.#snapshot.release();
    this.#refreshedMs = Number.NEGATIVE_INFINITY;
  }

  #refresh(): void {
    const before = this.#snapshot.appliedSeq();
    const applied = this.#snapshot.refresh();
    this.#refreshedMs = this.#nowMs();
    if (applied === before && applied <= this.#head.seq) return;
    this.#overlay.clear();
    this.table.forget();
    this.#journal.advance(applied);
    this.#head = applied < 0 ? BEFORE_GENESIS : headOf(this.#read(applied));
  }

  #follow(entry: BlockEntry): void {
    if (!entry.isRollback) this.#lay(entry.delta, "forward", entry.seq);
    else
      for (const undone of undoneBy(entry, (seq) => this.#read(seq)))
        this.#lay(new BlockEntry(undone).delta, "backward", entry.seq);
    this.#head = headOf(entry);
  }

  #lay(delta: Uint8Array, direction: DeltaDirection, seq: number): void {
    for (const part of this.#overlay.add(delta, direction)) this.table.overwrite(part, direction, seq);
  }

  #read(seq: number): BlockEntry {
    const bytes = this.#journal.read(seq);
    if (bytes === undefined)
      throw new StorageError(`entry ${seq} of the log is no longer there`, { retryable: false, seq });
    return new BlockEntry(bytes);
  }
}

function headOf({ seq, height, timestampMs }: BlockEntry): FollowedHead {
  return { seq, height, timestampMs };
}
