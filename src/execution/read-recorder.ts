/**
 * ReadRecorder: what a query depended on. The state table tells it every row and range that is looked at, whoever looks;
 * height and time are seen through the block context that it hands out.
 *   StateTable ── slot, range ──▶ ReadRecorder ── hashes (encoding/key-hash.ts) ──▶ the answer
 * Always
 *  - Nothing that is read is left out: a query with very many keys is said to depend on their whole spaces.
 */
import type { QueryReads } from "../encoding/query-answer.ts";
import type { BlockContext } from "./host.ts";

/** Keys told one by one. A hit compares each of them, so that more would cost more than they save. */
const KEYS_MAX = 256;

/** Who is told what is looked at. */
export interface ReadListener {
  slot(slot: number): void;
  range(space: number): void;
}

/** What the recorder asks the table, when a query is over. */
export interface RecordedTable {
  keyHash(slot: number): number;
  spaceHash(space: number): number;
  spaceOf(slot: number): number;
}

export class ReadRecorder implements ReadListener {
  readonly #slots: number[] = [];
  readonly #seen = new Set<number>();
  readonly #spaces = new Set<number>();
  #count = 0;
  #repeated = 0;
  #block = false;

  begin(): void {
    this.#slots.length = 0;
    this.#seen.clear();
    this.#spaces.clear();
    this.#count = 0;
    this.#repeated = 0;
    this.#block = false;
  }

  slot(slot: number): void {
    this.#count++;
    if (this.#slots.at(-1) === slot || this.#seen.has(slot)) {
      this.#repeated++;
      return;
    }
    this.#seen.add(slot);
    this.#slots.push(slot);
  }

  range(space: number): void {
    this.#count++;
    this.#spaces.add(space);
  }

  /** The same context, whose height and time are noted when they are looked at. */
  watched(context: BlockContext): BlockContext {
    const note = () => {
      this.#block = true;
    };
    return {
      chainId: context.chainId,
      protocolVersion: context.protocolVersion,
      get height() {
        note();
        return context.height;
      },
      get timestampMs() {
        note();
        return context.timestampMs;
      },
    };
  }

  /** What was read since `begin`. @param gas whether the answer may depend on the gas limit. */
  reads(table: RecordedTable, gas: boolean): QueryReads {
    const { length } = this.#slots;
    for (let i = KEYS_MAX; i < length; i++) this.#spaces.add(table.spaceOf(this.#slots[i]!));
    const keys: number[] = [];
    for (let i = 0; i < Math.min(length, KEYS_MAX); i++) keys.push(table.keyHash(this.#slots[i]!));
    for (const space of this.#spaces) keys.push(table.spaceHash(space));
    return { keys, count: this.#count, repeated: this.#repeated, block: this.#block, gas };
  }
}
