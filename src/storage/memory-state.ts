/**
 * MemoryState: the whole state in memory, for tests and for a daemon whose storage someone chose to be memory.
 * Always
 *  - Same answers as LmdbState: one suite in test/storage runs over both.
 *  - An iterator is good until the next write and throws after it, where LMDB would go on in its snapshot.
 */
import { fromLatin1, toLatin1 } from "../encoding/bytes.ts";
import { StorageError } from "../errors.ts";
import type { AppliedEntry, StateEntry, StateStore } from "../execution/ports.ts";
import { applyEntries, type BatchTarget } from "./batch-target.ts";
import { ChainIndex } from "./chain-index.ts";
import type { ChangeTable } from "./change-table.ts";
import { SortedKeys } from "./sorted-keys.ts";

export class MemoryState implements StateStore, BatchTarget {
  readonly #values = new Map<string, Uint8Array>();
  readonly #keys = new SortedKeys();
  #chain = new ChainIndex();
  /** Counts writes, so that an iterator notices one. */
  #version = 0;

  appliedSeq(): number {
    return this.#chain.lastSeq;
  }

  chain(): ChainIndex {
    return this.#chain.clone();
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(toLatin1(key))?.slice();
  }

  *range(start: Uint8Array, end: Uint8Array, options: { reverse?: boolean } = {}): IterableIterator<StateEntry> {
    const version = this.#version;
    for (const key of this.#keys.between(toLatin1(start), toLatin1(end), options.reverse === true)) {
      yield { key: fromLatin1(key), value: this.#values.get(key)!.slice() };
      if (this.#version !== version) {
        throw new StorageError("the state was written while it was iterated", { retryable: true });
      }
    }
  }

  async apply(batch: readonly AppliedEntry[]): Promise<void> {
    applyEntries(this, batch);
  }

  write(changes: ChangeTable, chain: ChainIndex): void {
    this.#version++;
    for (const record of changes.ordered()) {
      const key = toLatin1(changes.key(record));
      const value = changes.value(record);
      if (value !== undefined) {
        if (!this.#values.has(key)) this.#keys.add(key);
        this.#values.set(key, value.slice());
      } else if (this.#values.delete(key)) this.#keys.delete(key);
    }
    this.#chain = chain.clone();
  }

  async close(): Promise<void> {
    this.#values.clear();
  }
}
