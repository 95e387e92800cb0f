/**
 * StateRows: where the state table keeps keys and values: typed rows of one cache line, found by an open-addressing index,
 * since at this rate it is memory that costs, not work. A row is a slot number; the key's space (tag, or tag and contract)
 * is a number too.
 *
 *   row, 16 words:  space · 6 words of key · form (8 bits), key length (8), nonce above 2^32 (16) · 6 limbs of value ·
 *                   nonce · serial of the last change
 *   of a key over 24 bytes: two words of hash · where it stands among the long keys · its length
 *
 * Beside the rows stand keys over 24 bytes, one after the other, and what is rare: values that are no uint256, the upper limbs
 * of those over 2^192.
 * Always
 *  - A slot stays until the rows are made anew; the arrays are replaced when they grow, so nobody keeps them.
 *  - The index is seeded, so that nobody can choose addresses that collide in it.
 */
import { randomInt } from "node:crypto";
import { type ByteWriter, readU32 } from "../encoding/bytes.ts";
import { GrowingWords } from "./growing-words.ts";
import { hashLongKey, LongKeys } from "./long-keys.ts";

export const ROW_WORDS = 16;
/** Space, key, form: the rest of a new row is zero. */
const HEAD_WORDS = 8;
export const FORM_AT = 7;
export const SERIAL_AT = 15;
const LIMBS_AT = 8;
const NONCE_AT = 14;

/** What a row holds. `word`: a uint256 whose bytes are the shortest big-endian form. */
export const Form = { unloaded: 0, absent: 1, word: 2, bytes: 3, account: 4 } as const;
/** Beside the form: the value is 2^192 or more. */
const WIDE = 8;
const FORM_MASK = 7;
/** Nonces end here; at a million transactions a second from one sender that is nine years. */
export const NONCE_MAX = 2 ** 48 - 1;

const KEY_AT = 1;
/** Longer keys are kept beside the row. */
const INLINE_KEY_BYTES = 24;
/** In place of the length of a key that is kept beside the row. */
const LONG_KEY = 255;
const LONG_KEY_AT = 3;
const LONG_KEY_LENGTH = 4;
const INITIAL_ROWS = 1 << 12;
/** Index entries carry 8 bits of the hash over 24 bits of slot, to skip most rows that do not match. */
const SLOT_BITS = 24;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
export const SLOTS_MAX = SLOT_MASK - 1;

/** Keys that begin alike: a tag, or the tag and address of a contract's state. */
export interface Space {
  readonly id: number;
  readonly prefix: Uint8Array;
  /** First and last undo record of this space in the running block. */
  head: number;
  tail: number;
  /** Slots changed since the snapshot, once someone has iterated this space; undefined before. */
  fresh: Set<number> | undefined;
}

/** No undo record. */
export const NONE = 0xffffffff;

export class StateRows {
  rows!: Uint32Array<ArrayBuffer>;
  readonly spaces: Space[] = [];
  /** Values that are no uint256, by slot. */
  blobs = new Map<number, Uint8Array>();
  count = 0;
  readonly seed = randomInt(0x7fffffff);
  readonly #keyWords = new Uint32Array(6);
  readonly #spaceIds = new Map<string, number>();
  #rowWords!: GrowingWords;
  #rowBytes!: Uint8Array;
  /** Open addressing by the key's hash: 8 bits of the hash over the slot plus one; 0 is free. */
  index!: Uint32Array<ArrayBuffer>;
  #indexWords!: GrowingWords;
  #capacity = 0;
  longKeys = new LongKeys();
  /** The slot of the long key that was looked for last. */
  #lastLong = NONE;
  /** The upper two limbs of values of 2^192 and more, by slot. */
  #upperLimbs = new Map<number, [number, number]>();

  constructor() {
    this.#allocate(INITIAL_ROWS);
  }

  /** Memory taken, in bytes: rows that nobody wrote to are not there yet. */
  get byteLength(): number {
    return 4 * ROW_WORDS * this.count + this.index.byteLength + this.longKeys.bytes.length;
  }

  space(prefix: Uint8Array): Space {
    const name = Buffer.from(prefix.buffer, prefix.byteOffset, prefix.length).toString("latin1");
    let id = this.#spaceIds.get(name);
    if (id === undefined) {
      id = this.spaces.length;
      this.spaces.push({ id, prefix: prefix.slice(), head: NONE, tail: NONE, fresh: undefined });
      this.#spaceIds.set(name, id);
    }
    return this.spaces[id]!;
  }

  /** The slot of a key of at most 24 bytes, given as six little-endian words that are zero beyond it; made if need be. */
  find(space: number, a: number, b: number, c: number, d: number, e: number, f: number, keyLength: number): number {
    const hash = hashWords(this.seed ^ space, a, b, c, d, e, f);
    const index = this.index;
    const rows = this.rows;
    const mask = index.length - 1;
    const mark = hash >>> SLOT_BITS;
    a >>>= 0;
    b >>>= 0;
    c >>>= 0;
    d >>>= 0;
    e >>>= 0;
    f >>>= 0;
    let at = hash & mask;
    for (;;) {
      const entry = index[at]!;
      if (entry === 0) break;
      if (entry >>> SLOT_BITS === mark) {
        const slot = (entry & SLOT_MASK) - 1;
        const row = slot * ROW_WORDS;
        const isKey = rows[row + 2] === b && rows[row + 3] === c && rows[row + 1] === a && rows[row] === space;
        const isRest = rows[row + 4] === d && rows[row + 5] === e && rows[row + 6] === f;
        if (isKey && isRest && ((rows[row + FORM_AT]! >>> 8) & 255) === keyLength) return slot;
      }
      at = (at + 1) & mask;
    }
    return this.#insert(at, hash, [space, a, b, c, d, e, f, Form.unloaded | (keyLength << 8)]);
  }

  /** The slot of a key of any length. */
  findKey(space: number, key: Uint8Array): number {
    return this.findKeyAt(space, key, 0, key.length);
  }

  /** The same for a key that stands inside other bytes. */
  findKeyAt(space: number, bytes: Uint8Array, at: number, length: number): number {
    if (length > INLINE_KEY_BYTES) return this.#findLong(space, bytes, at, length);
    const words = this.#keyWords;
    const whole = length >>> 2;
    for (let i = 0; i < words.length; i++) words[i] = i < whole ? readU32(bytes, at + 4 * i) : 0;
    for (let i = 4 * whole; i < length; i++) words[whole]! |= bytes[at + i]! << (8 * (i & 3));
    return this.find(space, words[0]!, words[1]!, words[2]!, words[3]!, words[4]!, words[5]!, length);
  }

  /** A contract mostly writes the key that it read just before. */
  #findLong(space: number, bytes: Uint8Array, from: number, length: number): number {
    const last = this.#lastLong;
    if (last !== NONE && this.rows[last * ROW_WORDS] === space && this.#holdsLong(last, bytes, from, length))
      return last;
    this.#lastLong = this.#findOrInsertLong(space, bytes, from, length);
    return this.#lastLong;
  }

  #findOrInsertLong(space: number, bytes: Uint8Array, from: number, length: number): number {
    const [a, b] = hashLongKey(this.seed, bytes, from, length);
    const hash = hashWords(this.seed ^ space, a, b, 0, 0, 0, 0);
    const { index, rows } = this;
    const mask = index.length - 1;
    const mark = hash >>> SLOT_BITS;
    let at = hash & mask;
    for (;;) {
      const entry = index[at]!;
      if (entry === 0) break;
      if (entry >>> SLOT_BITS === mark) {
        const slot = (entry & SLOT_MASK) - 1;
        const row = slot * ROW_WORDS;
        const isAlike =
          rows[row] === space && rows[row + KEY_AT] === a && ((rows[row + FORM_AT]! >>> 8) & 255) === LONG_KEY;
        if (isAlike && this.#holdsLong(slot, bytes, from, length)) return slot;
      }
      at = (at + 1) & mask;
    }
    const keyAt = this.longKeys.keep(bytes, from, length);
    return this.#insert(at, hash, [space, a, b, keyAt, length, 0, 0, Form.unloaded | (LONG_KEY << 8)]);
  }

  #holdsLong(slot: number, bytes: Uint8Array, from: number, length: number): boolean {
    const row = slot * ROW_WORDS;
    if (this.rows[row + LONG_KEY_LENGTH] !== length) return false;
    return this.longKeys.holds(this.rows[row + LONG_KEY_AT]!, bytes, from, length);
  }

  /** Gives out the next slot, indexed at the free place `at`, or wherever it belongs once the rows have grown. */
  #insert(at: number, hash: number, head: number[]): number {
    const slot = this.count;
    if (slot >= SLOTS_MAX) throw new RangeError(`the state table holds at most ${SLOTS_MAX} rows`);
    if (slot === this.#capacity) {
      this.#grow();
      at = this.#freePlace(hash);
    }
    this.index[at] = indexEntry(hash, slot);
    // One by one: `set` goes through an array's elements far slower.
    for (let i = 0; i < HEAD_WORDS; i++) this.rows[slot * ROW_WORDS + i] = head[i]!;
    this.count++;
    return slot;
  }

  #freePlace(hash: number): number {
    const mask = this.index.length - 1;
    let at = hash & mask;
    while (this.index[at] !== 0) at = (at + 1) & mask;
    return at;
  }

  /** The index has two places a row, so that it is at most half full. */
  #allocate(capacity: number): void {
    this.#rowWords = new GrowingWords(capacity * ROW_WORDS);
    this.#indexWords = new GrowingWords(capacity * 2);
    this.count = 0;
    this.#lookAgain(capacity);
  }

  /** After making or growing: the views of before are of no use. */
  #lookAgain(capacity: number): void {
    this.#capacity = capacity;
    this.rows = this.#rowWords.words;
    this.#rowBytes = new Uint8Array(this.rows.buffer);
    this.index = this.#indexWords.words;
  }

  #isLong(slot: number): boolean {
    return ((this.rows[slot * ROW_WORDS + FORM_AT]! >>> 8) & 255) === LONG_KEY;
  }

  #grow(): void {
    const capacity = this.#capacity * 2;
    this.#rowWords.grow(capacity * ROW_WORDS);
    this.#indexWords.grow(capacity * 2);
    this.#lookAgain(capacity);
    this.index.fill(0);
    for (let slot = 0; slot < this.count; slot++) this.#reindex(slot);
  }

  #reindex(slot: number): void {
    const at = slot * ROW_WORDS;
    const r = this.rows;
    const seed = this.seed ^ r[at]!;
    const hash = this.#isLong(slot)
      ? hashWords(seed, r[at + 1]!, r[at + 2]!, 0, 0, 0, 0)
      : hashWords(seed, r[at + 1]!, r[at + 2]!, r[at + 3]!, r[at + 4]!, r[at + 5]!, r[at + 6]!);
    this.index[this.#freePlace(hash)] = indexEntry(hash, slot);
  }

  /** Makes the rows anew with those whose last change is above `serial`. Slots given out before are void. */
  keepAbove(serial: number): void {
    const { rows, count } = this;
    const longKeys = this.longKeys;
    this.longKeys = new LongKeys();
    this.#lastLong = NONE;
    const kept: number[] = [];
    for (let slot = 0; slot < count; slot++) if (rows[slot * ROW_WORDS + SERIAL_AT]! > serial) kept.push(slot);
    let capacity = INITIAL_ROWS;
    while (capacity < kept.length * 2) capacity *= 2;
    this.#allocate(capacity);
    const renumbered = new Map<number, number>();
    for (const old of kept) {
      const slot = this.count++;
      renumbered.set(old, slot);
      const row = slot * ROW_WORDS;
      this.rows.set(rows.subarray(old * ROW_WORDS, (old + 1) * ROW_WORDS), row);
      if (this.#isLong(slot)) {
        const [at, length] = [rows[old * ROW_WORDS + LONG_KEY_AT]!, rows[old * ROW_WORDS + LONG_KEY_LENGTH]!];
        this.rows[row + LONG_KEY_AT] = this.longKeys.keep(longKeys.bytes, at, length);
      }
      this.#reindex(slot);
    }
    this.blobs = moved(this.blobs, renumbered);
    this.#upperLimbs = moved(this.#upperLimbs, renumbered);
  }

  // ── values ──────────────────────────────────────────────────────────────────

  form(slot: number): number {
    return this.rows[slot * ROW_WORDS + FORM_AT]! & FORM_MASK;
  }

  setForm(slot: number, form: number): void {
    const at = slot * ROW_WORDS + FORM_AT;
    this.rows[at] = (this.rows[at]! & ~FORM_MASK) | form;
  }

  readLimbs(slot: number, out: Uint32Array, at: number): void {
    const { rows } = this;
    const row = slot * ROW_WORDS + LIMBS_AT;
    out[at] = rows[row]!;
    out[at + 1] = rows[row + 1]!;
    out[at + 2] = rows[row + 2]!;
    out[at + 3] = rows[row + 3]!;
    out[at + 4] = rows[row + 4]!;
    out[at + 5] = rows[row + 5]!;
    if (rows[slot * ROW_WORDS + FORM_AT]! & WIDE) {
      const upper = this.#upperLimbs.get(slot)!;
      out[at + 6] = upper[0];
      out[at + 7] = upper[1];
    } else {
      out[at + 6] = 0;
      out[at + 7] = 0;
    }
  }

  writeLimbs(slot: number, from: Uint32Array, at: number): void {
    const { rows } = this;
    const row = slot * ROW_WORDS + LIMBS_AT;
    rows[row] = from[at]!;
    rows[row + 1] = from[at + 1]!;
    rows[row + 2] = from[at + 2]!;
    rows[row + 3] = from[at + 3]!;
    rows[row + 4] = from[at + 4]!;
    rows[row + 5] = from[at + 5]!;
    const formAt = slot * ROW_WORDS + FORM_AT;
    if ((from[at + 6]! | from[at + 7]!) !== 0) {
      rows[formAt] = rows[formAt]! | WIDE;
      this.#upperLimbs.set(slot, [from[at + 6]!, from[at + 7]!]);
    } else if (rows[formAt]! & WIDE) {
      rows[formAt] = rows[formAt]! & ~WIDE;
      this.#upperLimbs.delete(slot);
    }
  }

  nonce(slot: number): number {
    const row = slot * ROW_WORDS;
    return this.rows[row + NONCE_AT]! + (this.rows[row + FORM_AT]! >>> 16) * 4294967296;
  }

  setNonce(slot: number, nonce: number): void {
    if (nonce > NONCE_MAX) throw new RangeError(`a nonce above ${NONCE_MAX}`);
    const row = slot * ROW_WORDS;
    this.rows[row + NONCE_AT] = nonce % 4294967296;
    this.rows[row + FORM_AT] = (this.rows[row + FORM_AT]! & 0xffff) | (Math.floor(nonce / 4294967296) << 16);
  }

  /**
   * Brings the row of a key near the processor, if it has one. A batch's keys are touched one after the other, so that
   * their cache misses overlap; found one by one, each would be waited for. Answers something, so that it is not optimised away.
   */
  touch(space: number, a: number, b: number, c: number, d: number, e: number, f: number): number {
    const hash = hashWords(this.seed ^ space, a, b, c, d, e, f);
    const entry = this.index[hash & (this.index.length - 1)]!;
    return this.rows[((entry & SLOT_MASK) - 1) * ROW_WORDS]!;
  }

  /** The whole state key of a row. */
  wholeKey(slot: number): Uint8Array {
    const row = slot * ROW_WORDS;
    const { prefix } = this.spaces[this.rows[row]!]!;
    const isLong = this.#isLong(slot);
    const at = isLong ? this.rows[row + LONG_KEY_AT]! : (row + KEY_AT) * 4;
    const length = this.#keyLength(slot);
    const key = new Uint8Array(prefix.length + length);
    key.set(prefix);
    key.set((isLong ? this.longKeys.bytes : this.#rowBytes).subarray(at, at + length), prefix.length);
    return key;
  }

  /** Of a row's key within its space. */
  #keyLength(slot: number): number {
    const row = slot * ROW_WORDS;
    return this.#isLong(slot) ? this.rows[row + LONG_KEY_LENGTH]! : (this.rows[row + FORM_AT]! >>> 8) & 255;
  }

  /** Appends a row's key within its space, its length (u16) first. */
  writeKey(slot: number, out: ByteWriter): void {
    const row = slot * ROW_WORDS;
    const length = this.#keyLength(slot);
    const isLong = this.#isLong(slot);
    const at = isLong ? this.rows[row + LONG_KEY_AT]! : (row + KEY_AT) * 4;
    out.u16(length);
    out.copy(isLong ? this.longKeys.bytes : this.#rowBytes, at, at + length);
  }
}

/** What of a map by slot is kept, under the new slots. */
function moved<T>(map: Map<number, T>, renumbered: ReadonlyMap<number, number>): Map<number, T> {
  const kept = new Map<number, T>();
  for (const [old, value] of map) {
    const slot = renumbered.get(old);
    if (slot !== undefined) kept.set(slot, value);
  }
  return kept;
}

function indexEntry(hash: number, slot: number): number {
  return (((hash >>> SLOT_BITS) << SLOT_BITS) | (slot + 1)) >>> 0;
}

function hashWords(seed: number, a: number, b: number, c: number, d: number, e: number, f: number): number {
  let h = Math.imul(seed ^ a, 0x9e3779b1);
  h = Math.imul(((h << 15) | (h >>> 17)) ^ b, 0x85ebca6b);
  h = Math.imul(((h << 15) | (h >>> 17)) ^ c, 0xc2b2ae35);
  h = Math.imul(((h << 15) | (h >>> 17)) ^ d, 0x27d4eb2f);
  h = Math.imul(((h << 15) | (h >>> 17)) ^ e, 0x165667b1);
  h = Math.imul(((h << 15) | (h >>> 17)) ^ f, 0x9e3779b1);
  h ^= h >>> 15;
  h = Math.imul(h, 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
