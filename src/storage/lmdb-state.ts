/**
 * LmdbState: the whole state on disk, following the log; the thread that owns it is its only writer.
 *   deltas ─▶ ChangeTable ─▶ one LMDB transaction, keys in order, with the chain index ─▶ LmdbSnapshot on other threads
 * Always
 *  - Data and applied seq are in one synchronous transaction: what a crash leaves is one commit or the one before it.
 *  - The log is the truth: losing the newest commits costs reading it again, never an acknowledged block.
 */
import { statfsSync } from "node:fs";
import { StorageError } from "../errors.ts";
import type { AppliedEntry, StateEntry, StateStore } from "../execution/ports.ts";
import { uninterrupted } from "../thread-gate.ts";
import { applyEntries, type BatchTarget } from "./batch-target.ts";
import type { ChainIndex } from "./chain-index.ts";
import type { ChangeTable } from "./change-table.ts";
import { damagedState, isDamage } from "./lmdb-file.ts";
import {
  DIRECT_KEY_BYTES_MAX,
  FORMAT_VERSION,
  LmdbSnapshot,
  META_CHAIN,
  META_FILLING,
  META_FORMAT,
  storedKey,
  storedValue,
} from "./lmdb-snapshot.ts";

/** LMDB's codes are the system's numbers (errno.h). */
const EIO = 5;
const ENOSPC = 28;
const EDQUOT = 122;
/** A write that got no further than the last free blocks is a short one, which LMDB calls EIO. */
const LITTLE_SPACE_BYTES = 16 * 1024 * 1024;

export class LmdbState extends LmdbSnapshot implements StateStore, BatchTarget {
  static override open(directory: string): LmdbState {
    return new LmdbState(directory);
  }

  async apply(batch: readonly AppliedEntry[]): Promise<void> {
    applyEntries(this, batch);
  }

  /**
   * Commits all changes and the chain's new end, or nothing; then refreshes this object's own reads.
   * @throws StorageError, `retryable: true` when the disk is full: the same write succeeds once there is space.
   */
  write(changes: ChangeTable, chain: ChainIndex): void {
    const order = changes.ordered();
    this.#commit(() => {
      for (let i = 0; i < order.length; i++) this.#put(changes, order[i]!);
      this.#putPosition(chain);
    });
  }

  /**
   * Adds rows to a store that has applied nothing and is being filled from a copy, with a note of how far that is, in one
   * commit. `filled` ends it.
   */
  fill(rows: readonly StateEntry[], note: Uint8Array): void {
    this.#commit(() => {
      for (const { key, value } of rows) this.#putRow(key, value);
      this.database.putSync(META_FILLING, note);
    });
  }

  /** The rows are all there: they are the state at the end of `chain`. */
  filled(chain: ChainIndex): void {
    this.#commit(() => {
      this.database.removeSync(META_FILLING);
      this.#putPosition(chain);
    });
  }

  #commit(body: () => void): void {
    try {
      // Braces matter: a callback that returned put's promise would make lmdb put off the commit.
      uninterrupted(() =>
        this.database.transactionSync(() => {
          body();
        }),
      );
    } catch (problem) {
      const reason = problem instanceof Error ? problem.message : String(problem);
      if (this.#isFull(problem))
        throw new StorageError(
          `no space left for the state in ${this.directory}: nothing was written (${reason})`,
          { retryable: true, directory: this.directory },
          { cause: problem },
        );
      if (isDamage(problem)) throw damagedState(this.directory, reason, problem);
      throw new StorageError(`the state store refused a write: ${reason}`, { retryable: false }, { cause: problem });
    }
    this.refresh();
  }

  #isFull(problem: unknown): boolean {
    const { code } = problem as { code?: unknown };
    if (code === ENOSPC || code === EDQUOT) return true;
    if (code !== EIO) return false;
    const { bavail, bsize } = statfsSync(this.directory);
    return bavail * bsize < LITTLE_SPACE_BYTES;
  }

  #putPosition(chain: ChainIndex): void {
    this.database.putSync(META_CHAIN, chain.encode());
    this.database.putSync(META_FORMAT, Uint8Array.of(FORMAT_VERSION, 0, 0, 0));
  }

  #put(changes: ChangeTable, record: number): void {
    const key = changes.key(record);
    const value = changes.value(record);
    if (value !== undefined) this.#putRow(key, value);
    else this.database.removeSync(key.length > DIRECT_KEY_BYTES_MAX ? storedKey(key) : key);
  }

  #putRow(key: Uint8Array, value: Uint8Array): void {
    if (key.length > DIRECT_KEY_BYTES_MAX) this.database.putSync(storedKey(key), storedValue(key, value));
    else this.database.putSync(key, value);
  }
}
