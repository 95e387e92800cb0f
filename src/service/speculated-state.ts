/**
 * SpeculatedState: the state as of the executor's last block, durable or not, on a helper's thread. LMDB has most of it; the
 * executor sends the deltas of what came after.
 *   StateTable ── misses ──▶ StateOverlay ◀── deltas ── executor
 *                                └──▶ LmdbSnapshot
 * As FollowedState, it forgets its rows when LMDB has moved. Were it ever wrong, its transactions would run again on the
 * executor: nothing that it says goes unchecked.
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

/** Looking for a newer commit makes all rows be read again; not looking keeps its deltas here. */
const COMMIT_AGE_MAX_MS = 1_000;

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
    this.table = new StateTable(this.#overlay);
  }

  /** What comes next follows an entry that the store has applied. */
  begin(): void {
    this.#deltas = [];
    this.#move();
  }

  /** Nothing is read until the next `begin`: an idle thread must not keep LMDB's pages in use. */
  rest(): void {
    this.#deltas = [];
    this.#overlay.clear();
    this.table.forget();
    this.#snapshot.release();
  }

  follow(deltas: readonly SentDelta[]): void {
    for (const sent of deltas) {
      this.#deltas.push(sent);
      this.#lay(sent);
    }
    if (this.#nowMs() - this.#refreshedMs > COMMIT_AGE_MAX_MS) this.#move();
  }

  /** To the newest commit. */
  #move(): void {
    const before = this.#snapshot.appliedSeq();
    const applied = this.#snapshot.refresh();
    const isFirst = this.#refreshedMs === Number.NEGATIVE_INFINITY || this.#deltas.length === 0;
    this.#refreshedMs = this.#nowMs();
    if (applied === before && !isFirst) return;
    this.#deltas = this.#deltas.filter(({ seq }) => seq > applied);
    this.#overlay.clear();
    this.table.forget();
    for (const sent of this.#deltas) this.#lay(sent);
  }

  #lay({ delta, seq }: SentDelta): void {
    for (const part of this.#overlay.add(delta, "forward")) this.table.overwrite(part, "forward", seq);
  }
}
