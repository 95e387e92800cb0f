/**
 * SpeculatedState: the state as of the executor's last block, durable or not, on a helper's thread. LMDB has most of it; the
 * executor sends the deltas of what came after.
 *   StateTable ── misses ──▶ StateOverlay ◀── deltas ── executor
 *                                └──▶ LmdbSnapshot
 * Its rows stay when LMDB moves. Were it ever wrong, its transactions would run again on the executor: nothing that it says
 * goes unchecked.
 */
import type { StateSnapshot } from "../execution/ports.ts";
import { StateOverlay } from "../execution/state-overlay.ts";
import { StateTable } from "../execution/state-table.ts";

export interface SentDelta {
  readonly seq: number;
  readonly delta: Uint8Array;
}

/** A snapshot that can move on, and let go of what it holds. */
export interface MovingSnapshot extends StateSnapshot {
  refresh(): number;
  release(): void;
}

/** Not looking for a newer commit keeps LMDB's pages in use, and deltas here. */
const COMMIT_AGE_MAX_MS = 1_000;
/** 64 MB, and 8 MB of index. */
const ROWS_MAX = 1_000_000;

export class SpeculatedState {
  readonly table: StateTable;
  readonly #snapshot: MovingSnapshot;
  readonly #overlay: StateOverlay;
  readonly #nowMs: () => number;
  /** Deltas that the snapshot may lack, oldest first. */
  #deltas: SentDelta[] = [];
  #refreshedMs = Number.NEGATIVE_INFINITY;

  constructor(snapshot: MovingSnapshot, nowMs: () => number) {
    this.#snapshot = snapshot;
    this.#nowMs = nowMs;
    this.#overlay = new StateOverlay(snapshot);
    this.table = new StateTable(this.#overlay, { rowsMax: ROWS_MAX });
  }

  /** What comes next follows an entry that the store has applied. */
  begin(): void {
    this.#forget();
    this.#snapshot.refresh();
    this.#refreshedMs = this.#nowMs();
  }

  /** Nothing is read until the next `begin`: an idle thread must not keep LMDB's pages in use. */
  rest(): void {
    this.#forget();
    this.#snapshot.release();
  }

  #forget(): void {
    this.#deltas = [];
    this.#overlay.clear();
    this.table.forget();
  }

  follow(deltas: readonly SentDelta[]): void {
    for (const { delta, seq } of deltas) {
      this.#deltas.push({ delta, seq });
      for (const part of this.#overlay.add(delta, "forward")) this.table.overwrite(part, "forward", seq);
    }
    if (this.#nowMs() - this.#refreshedMs > COMMIT_AGE_MAX_MS) this.#move();
  }

  /** To the newest commit. */
  #move(): void {
    this.#refreshedMs = this.#nowMs();
    const before = this.#snapshot.appliedSeq();
    const applied = this.#snapshot.refresh();
    if (applied === before) return;
    this.#deltas = this.#deltas.filter(({ seq }) => seq > applied);
    this.#overlay.moved(this.#deltas.map(({ delta }) => delta));
    this.table.applied(applied);
  }
}
