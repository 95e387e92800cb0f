/**
 * The imports over the contract's own state: db_read … db_next_value. Iterators live as long as the entry point runs, see
 * writes made before they are first asked, and are never handed to another.
 */
import { Halt } from "../../../execution/gas.ts";
import type { CosmWasmFrame } from "./frame.ts";
import { encodeSections } from "./region.ts";

/** CosmWasm's own limits (imports.rs): what the guest hands over is not read beyond them. */
const KEY_BYTES_MAX = 64 * 1024;
const VALUE_BYTES_MAX = 128 * 1024;
/** Open at once: each holds a cursor of the host until the entry point returns. */
const ITERATORS_MAX = 4096;
const ASCENDING = 1;
const DESCENDING = 2;
const EMPTY = new Uint8Array(0);
const NO_REGION = 0;

type Entries = Iterator<{ key: Uint8Array; value: Uint8Array }>;

export function storageImports(frame: CosmWasmFrame) {
  let iterators: Entries[] = [];
  frame.onEntry(() => {
    iterators = [];
  });
  const next = (id: number) => {
    const iterator = iterators[(id >>> 0) - 1];
    if (iterator === undefined) throw new Halt("Unreachable");
    const entry = iterator.next();
    return entry.done === true ? undefined : entry.value;
  };
  return {
    db_read(key: number): number {
      const value = frame.host.get(frame.borrow(key, KEY_BYTES_MAX, 0));
      return value === undefined ? NO_REGION : frame.allocate(value);
    },
    db_write(key: number, value: number): void {
      frame.host.set(frame.borrow(key, KEY_BYTES_MAX, 0), frame.borrow(value, VALUE_BYTES_MAX, 1));
    },
    db_remove(key: number): void {
      frame.host.delete(frame.borrow(key, KEY_BYTES_MAX, 0));
    },
    db_scan(start: number, end: number, order: number): number {
      if (order !== ASCENDING && order !== DESCENDING) throw new Halt("Unreachable");
      if (iterators.length >= ITERATORS_MAX) throw new Halt("StateLimit");
      const from = start === 0 ? EMPTY : frame.read(start, KEY_BYTES_MAX);
      const to = end === 0 ? undefined : frame.read(end, KEY_BYTES_MAX);
      const entries = frame.host.range(from, to, order === DESCENDING);
      return iterators.push(entries[Symbol.iterator]());
    },
    db_next(id: number): number {
      const entry = next(id);
      // An empty key tells the contract that there is no more.
      return frame.allocate(encodeSections(entry === undefined ? [EMPTY, EMPTY] : [entry.key, entry.value]));
    },
    db_next_key(id: number): number {
      const entry = next(id);
      return entry === undefined ? NO_REGION : frame.allocate(entry.key);
    },
    db_next_value(id: number): number {
      const entry = next(id);
      return entry === undefined ? NO_REGION : frame.allocate(entry.value);
    },
  };
}
