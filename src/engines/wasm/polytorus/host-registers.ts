/**
 * HostRegisters: what the host's imports keep between two of them during one call: the result register (the last value, entry
 * or call's answer, of any length), and open iterators.
 */
import { Halt } from "../../../execution/gas.ts";

const EMPTY = new Uint8Array(0);
const ITERATORS_MAX = 16;

type Entries = Iterator<{ key: Uint8Array; value: Uint8Array }>;

export class HostRegisters {
  register: Uint8Array = EMPTY;
  #iterators: Entries[] = [];

  openIterator(entries: Iterable<{ key: Uint8Array; value: Uint8Array }>): number {
    if (this.#iterators.length >= ITERATORS_MAX) throw new Halt("StateLimit");
    return this.#iterators.push(entries[Symbol.iterator]()) - 1;
  }

  /** @throws Halt Unreachable for an iterator that was not opened. */
  iterator(id: number): Entries {
    const entries = this.#iterators[id];
    if (entries === undefined) throw new Halt("Unreachable");
    return entries;
  }

  /** After a call. An iterator that did not reach its end holds a cursor of the store. */
  clearRegisters(): void {
    this.register = EMPTY;
    if (this.#iterators.length === 0) return;
    for (const entries of this.#iterators) entries.return?.();
    this.#iterators = [];
  }
}
