/**
 * LmdbState: the whole state on disk, following the log; the thread that owns it is its only writer.
 *   deltas ─▶ ChangeTable ─▶ one LMDB transaction, keys in order, with the chain index ─▶ LmdbSnapshot on other threads
 * Always
 *  - Data and applied seq are in one synchronous transaction: what a crash leaves is one commit or the one before it.
 *  - The log is the truth: losing the newest commits costs reading it again, never an acknowledged block.
 */
import { StorageError } from "../errors.ts";
import type { AppliedEntry, StateStore } from "../execution/ports.ts";
import { applyEntries, type BatchTarget } from "./batch-target.ts";
import type { ChainIndex } from "./chain-index.ts";
import type { ChangeTable } from "./change-table.ts";
import {
  DIRECT_KEY_BYTES_MAX,
  FORMAT_VERSION,
  LmdbSnapshot,
  META_CHAIN,
  META_FORMAT,
  openLmdb,
  storedKey,
  storedValue,
} from "./lmdb-snapshot.ts";

export class LmdbState extends LmdbSnapshot implements StateStore, BatchTarget {
  static override open(directory: string): LmdbState {
    return new LmdbState(openLmdb(directory));
  }

  async apply(batch: readonly AppliedEntry[]): Promise<void> {
    applyEntries(this, batch);
  }

  /** Commits all changes and the chain's new end, or nothing; then refreshes this object's own reads. */
  write(changes: ChangeTable, chain: ChainIndex): void {
    const order = changes.ordered();
    try {
      // Braces matter: a callback that returned put's promise would make lmdb put off the commit.
      this.database.transactionSync(() => {
        for (let i = 0; i < order.length; i++) this.#put(changes, order[i]!);
        this.database.putSync(META_CHAIN, chain.encode());
        this.database.putSync(META_FORMAT, Uint8Array.of(FORMAT_VERSION, 0, 0, 0));
      });
    } catch (problem) {
      const reason = problem instanceof Error ? problem.message : String(problem);
      throw new StorageError(`the state store refused a write: ${reason}`, { retryable: false }, { cause: problem });
    }
    this.refresh();
  }

  #put(changes: ChangeTable, record: number): void {
    const key = changes.key(record);
    const value = changes.value(record);
    if (key.length > DIRECT_KEY_BYTES_MAX) {
      if (value === undefined) this.database.removeSync(storedKey(key));
      else this.database.putSync(storedKey(key), storedValue(key, value));
    } else if (value === undefined) this.database.removeSync(key);
    else this.database.putSync(key, value);
  }
}
