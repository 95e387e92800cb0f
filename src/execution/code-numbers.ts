/**
 * CodeNumbers: codes by number, from 1 in the order of their first deployment: how CosmWasm contracts name code.
 * One tag of the state tree has both ways and the count (encoding/state-key.ts).
 */
import { StateTag } from "../encoding/state-key.ts";
import type { StateTable } from "./state-table.ts";

const COUNT_KEY = new Uint8Array(0);
const NUMBER_BYTES = 8;
/** No number above it was given: numbers of contracts may be any u64, rounded. */
const NUMBER_MAX = Number.MAX_SAFE_INTEGER;

export class CodeNumbers {
  readonly #table: StateTable;
  readonly #space: number;

  constructor(table: StateTable) {
    this.#table = table;
    this.#space = table.space(Uint8Array.of(StateTag.codeNumber));
  }

  numberOf(codeHash: Uint8Array): number | undefined {
    const value = this.#get(codeHash);
    return value === undefined ? undefined : decodeNumber(value);
  }

  codeHashOf(number: number): Uint8Array | undefined {
    return Number.isInteger(number) && number > 0 && number <= NUMBER_MAX ? this.#get(encodeNumber(number)) : undefined;
  }

  /** The next number, to code that has none. */
  give(codeHash: Uint8Array): void {
    const last = this.#get(COUNT_KEY);
    const number = encodeNumber(last === undefined ? 1 : decodeNumber(last) + 1);
    this.#set(codeHash, number);
    this.#set(number, codeHash);
    this.#set(COUNT_KEY, number);
  }

  #get(key: Uint8Array): Uint8Array | undefined {
    return this.#table.get(this.#table.slot(this.#space, key));
  }

  #set(key: Uint8Array, value: Uint8Array): void {
    this.#table.set(this.#table.slot(this.#space, key), value);
  }
}

function encodeNumber(number: number): Uint8Array {
  const bytes = new Uint8Array(NUMBER_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}

function decodeNumber(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
}
