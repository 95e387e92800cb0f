/**
 * LongKeys: keys that do not fit their rows (state-rows.ts), one after the other in one array: a contract of CosmWasm has little
 * else, and an object for each would be looked up beside each row that is found.
 * Always
 *  - A key stays where it was kept; with the rows, the keys are made anew.
 */
const INITIAL_BYTES = 1 << 14;

export class LongKeys {
  /** Replaced when it grows. */
  bytes = new Uint8Array(0);
  #length = 0;

  /** Copies `length` bytes from `from` on. @returns where they stand. */
  keep(bytes: Uint8Array, from: number, length: number): number {
    const at = this.#length;
    if (at + length > this.bytes.length) {
      const longer = new Uint8Array(Math.max(INITIAL_BYTES, 2 * this.bytes.length, at + length));
      longer.set(this.bytes.subarray(0, at));
      this.bytes = longer;
    }
    this.bytes.set(length === bytes.length ? bytes : bytes.subarray(from, from + length), at);
    this.#length = at + length;
    return at;
  }

  /** Whether the `length` bytes at `at` are those from `from` on. From the end: the keys of a map begin alike. */
  holds(at: number, bytes: Uint8Array, from: number, length: number): boolean {
    const own = this.bytes;
    for (let i = length - 1; i >= 0; i--) if (own[at + i] !== bytes[from + i]) return false;
    return true;
  }
}

/** Two words that stand for a long key in its row; equality is decided by the whole key. */
export function hashLongKey(seed: number, bytes: Uint8Array, at: number, length: number): [number, number] {
  let a = seed | 0;
  let b = length;
  const end = at + length;
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    a = Math.imul(a ^ word, 0x01000193);
    a ^= a >>> 15;
    b = Math.imul(b ^ word, 0x85ebca6b) ^ (b >>> 13);
  }
  for (; at < end; at++) {
    a = Math.imul(a ^ bytes[at]!, 0x01000193);
    b = Math.imul(b ^ bytes[at]!, 0x85ebca6b) ^ (b >>> 13);
  }
  return [a >>> 0, b >>> 0];
}
