/**
 * ChangeTable: the last value of every key that many blocks touched, for one write to a store in key order.
 * Most transfers of a busy token write rows that another transfer of the same second writes again; each row reaches the
 * store once. Keys and values lie in one arena, records are six words in a flat array found through open addressing:
 * no object is made per record.
 *   slots ──▶ records (hash, key at, key length, value at, value length, room) ──▶ arena
 * Always
 *  - A value is absolute; `ABSENT` says that the key is to be deleted.
 *  - `ordered()` lists every key once, in byte order.
 *  - No key is empty or begins with 0x00, which stores keep for themselves.
 */
import { randomInt } from "node:crypto";
import { readU32 } from "../encoding/bytes.ts";
import type { DeltaDirection } from "../encoding/delta.ts";
import { MalformedBytesError } from "../errors.ts";

/** The value length of a key that is to be deleted. */
export const ABSENT = 0xffffffff;

const HASH = 0;
const KEY_AT = 1;
const KEY_LENGTH = 2;
const VALUE_AT = 3;
const VALUE_LENGTH = 4;
const ROOM = 5;
const RECORD_WORDS = 6;

const INITIAL_RECORDS = 1024;
const INITIAL_ARENA_BYTES = 64 * 1024;
/** Below this many keys insertion beats another pass of the radix sort. */
const INSERTION_MAX = 12;
/** Ranges still to be sorted, as low, high, depth. */
type Ranges = number[];

const VALUE_SHORT_MAX = 252;
const VALUE_LONG = 253;
const VALUE_ABSENT = 255;

export class ChangeTable {
  #arena = new Uint8Array(INITIAL_ARENA_BYTES);
  #used = 0;
  #records = new Uint32Array(INITIAL_RECORDS * RECORD_WORDS);
  #count = 0;
  /** Record number + 1, or 0 where free; a power of two, at most half full. */
  #slots = new Uint32Array(INITIAL_RECORDS * 2);
  /** Unknown outside, so that nobody can choose keys that all fall on one slot. */
  readonly #seed = randomInt(0x7fffffff);

  /** Keys that have changed. */
  get size(): number {
    return this.#count;
  }

  /** Memory in use, in bytes: what a bound on buffering counts. */
  get byteLength(): number {
    return this.#used + this.#count * (RECORD_WORDS + 2) * 4;
  }

  /** Where the keys and values of `keyAt` and `valueAt` lie; valid until the next change. */
  get arena(): Uint8Array {
    return this.#arena;
  }

  /** Takes one side of every record of an encoded delta (format: encoding/delta.ts). @throws MalformedBytesError. */
  applyDelta(delta: Uint8Array, direction: DeltaDirection): void {
    const forward = direction === "forward";
    let at = 0;
    while (at < delta.length) {
      const prefixAt = at + 1;
      const prefixEnd = prefixAt + delta[at]!;
      const prefixHash = hashOf(this.#seed, delta, prefixAt, prefixEnd);
      at = prefixEnd + 4;
      for (let count = readU32(delta, prefixEnd); count > 0; count--) {
        const suffixAt = at + 2;
        const suffixEnd = suffixAt + (delta[at]! | (delta[at + 1]! << 8));
        const newEnd = endOfValue(delta, suffixEnd);
        const oldEnd = endOfValue(delta, newEnd);
        if (!(oldEnd <= delta.length)) throw new MalformedBytesError("delta", at, "a record runs over the end");
        const hash = hashOf(prefixHash, delta, suffixAt, suffixEnd);
        const record = this.#upsert(hash, delta, prefixAt, prefixEnd, suffixAt, suffixEnd);
        if (forward) this.#setEncoded(record, delta, suffixEnd, newEnd);
        else this.#setEncoded(record, delta, newEnd, oldEnd);
        at = oldEnd;
      }
    }
    if (at !== delta.length) throw new MalformedBytesError("delta", at, "a group runs over the end");
  }

  /** Sets a key to a value, or to absent. */
  set(key: Uint8Array, value: Uint8Array | undefined): void {
    const record = this.#upsert(hashOf(this.#seed, key, 0, key.length), key, 0, 0, 0, key.length);
    if (value === undefined) this.#records[record * RECORD_WORDS + VALUE_LENGTH] = ABSENT;
    else this.#setValue(record, value, 0, value.length);
  }

  /** All record numbers in byte order of their keys. */
  ordered(): Uint32Array {
    const order = new Uint32Array(this.#count);
    for (let i = 0; i < order.length; i++) order[i] = i;
    this.#sort(order);
    return order;
  }

  keyAt(record: number): number {
    return this.#records[record * RECORD_WORDS + KEY_AT]!;
  }
  keyLength(record: number): number {
    return this.#records[record * RECORD_WORDS + KEY_LENGTH]!;
  }
  valueAt(record: number): number {
    return this.#records[record * RECORD_WORDS + VALUE_AT]!;
  }
  /** In bytes, or ABSENT. */
  valueLength(record: number): number {
    return this.#records[record * RECORD_WORDS + VALUE_LENGTH]!;
  }

  key(record: number): Uint8Array {
    const at = this.keyAt(record);
    return this.#arena.subarray(at, at + this.keyLength(record));
  }

  value(record: number): Uint8Array | undefined {
    const length = this.valueLength(record);
    if (length === ABSENT) return undefined;
    const at = this.valueAt(record);
    return this.#arena.subarray(at, at + length);
  }

  /** Forgets everything; keeps its memory up to `keepBytesMax` for the next round. */
  clear(keepBytesMax: number): void {
    this.#used = 0;
    this.#count = 0;
    if (this.#arena.length + this.#records.byteLength + this.#slots.byteLength > keepBytesMax) {
      this.#arena = new Uint8Array(INITIAL_ARENA_BYTES);
      this.#records = new Uint32Array(INITIAL_RECORDS * RECORD_WORDS);
      this.#slots = new Uint32Array(INITIAL_RECORDS * 2);
    } else this.#slots.fill(0);
  }

  /** The record of the key prefix ‖ suffix, made absent if it is new. */
  #upsert(
    hash: number,
    source: Uint8Array,
    prefixAt: number,
    prefixEnd: number,
    suffixAt: number,
    suffixEnd: number,
  ): number {
    const mask = this.#slots.length - 1;
    let slot = mix(hash) & mask;
    for (;;) {
      const record = this.#slots[slot]! - 1;
      if (record < 0) break;
      if (
        this.#records[record * RECORD_WORDS + HASH] === hash &&
        this.#hasKey(record, source, prefixAt, prefixEnd, suffixAt, suffixEnd)
      ) {
        return record;
      }
      slot = (slot + 1) & mask;
    }
    if (this.#count * 2 >= this.#slots.length) {
      this.#growRecords();
      return this.#upsert(hash, source, prefixAt, prefixEnd, suffixAt, suffixEnd);
    }
    if ((prefixEnd > prefixAt ? source[prefixAt] : suffixEnd > suffixAt ? source[suffixAt] : 0) === 0) {
      throw new MalformedBytesError("delta", suffixAt, "a key is empty or begins with 0x00");
    }
    const record = this.#count++;
    this.#slots[slot] = record + 1;
    const word = record * RECORD_WORDS;
    const length = prefixEnd - prefixAt + suffixEnd - suffixAt;
    this.#records[word + HASH] = hash;
    this.#records[word + KEY_AT] = this.#reserve(length);
    this.#records[word + KEY_LENGTH] = length;
    this.#records[word + VALUE_LENGTH] = ABSENT;
    this.#records[word + ROOM] = 0;
    const keyAt = this.#records[word + KEY_AT]!;
    copyBytes(source, prefixAt, prefixEnd, this.#arena, keyAt);
    copyBytes(source, suffixAt, suffixEnd, this.#arena, keyAt + prefixEnd - prefixAt);
    return record;
  }

  #hasKey(
    record: number,
    source: Uint8Array,
    prefixAt: number,
    prefixEnd: number,
    suffixAt: number,
    suffixEnd: number,
  ): boolean {
    const word = record * RECORD_WORDS;
    const arena = this.#arena;
    if (this.#records[word + KEY_LENGTH] !== prefixEnd - prefixAt + suffixEnd - suffixAt) return false;
    let at = this.#records[word + KEY_AT]!;
    for (let i = prefixAt; i < prefixEnd; i++) if (arena[at++] !== source[i]) return false;
    for (let i = suffixAt; i < suffixEnd; i++) if (arena[at++] !== source[i]) return false;
    return true;
  }

  /** Sets a record to the value whose encoding lies from `start` to `end`. */
  #setEncoded(record: number, delta: Uint8Array, start: number, end: number): void {
    const tag = delta[start]!;
    if (tag === VALUE_ABSENT) this.#records[record * RECORD_WORDS + VALUE_LENGTH] = ABSENT;
    else this.#setValue(record, delta, start + (tag === VALUE_LONG ? 5 : 1), end);
  }

  #setValue(record: number, source: Uint8Array, start: number, end: number): void {
    const word = record * RECORD_WORDS;
    const length = end - start;
    if (length > this.#records[word + ROOM]!) {
      this.#records[word + VALUE_AT] = this.#reserve(length);
      this.#records[word + ROOM] = length;
    }
    this.#records[word + VALUE_LENGTH] = length;
    copyBytes(source, start, end, this.#arena, this.#records[word + VALUE_AT]!);
  }

  /** Where `length` unused bytes of the arena start. */
  #reserve(length: number): number {
    const at = this.#used;
    this.#used = at + length;
    if (this.#used > this.#arena.length) {
      const grown = new Uint8Array(Math.max(this.#arena.length * 2, this.#used));
      grown.set(this.#arena.subarray(0, at));
      this.#arena = grown;
    }
    return at;
  }

  #growRecords(): void {
    const records = new Uint32Array(this.#records.length * 2);
    records.set(this.#records);
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let record = 0; record < this.#count; record++) {
      let slot = mix(records[record * RECORD_WORDS + HASH]!) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = record + 1;
    }
    this.#records = records;
    this.#slots = slots;
  }

  /** Radix sort from the first byte on, a range at a time, without recursion: keys may be 64 KiB long and nested. */
  #sort(order: Uint32Array): void {
    const scratch = new Uint32Array(order.length);
    const starts = new Uint32Array(258);
    const ranges: Ranges = [0, order.length, 0];
    while (ranges.length > 0) {
      const shared = ranges.pop()!;
      const high = ranges.pop()!;
      const low = ranges.pop()!;
      if (high - low <= INSERTION_MAX) this.#insertionSort(order, low, high, shared);
      else this.#partition(order, scratch, starts, low, high, this.#sharedLength(order, low, high, shared), ranges);
    }
  }

  /** Distributes a range by the byte at `depth`, keys that end there first, and pushes what is left to sort. */
  #partition(
    order: Uint32Array,
    scratch: Uint32Array,
    starts: Uint32Array,
    low: number,
    high: number,
    depth: number,
    ranges: Ranges,
  ): void {
    starts.fill(0);
    for (let i = low; i < high; i++) {
      const bucket = this.#bucket(order[i]!, depth) + 1;
      starts[bucket] = starts[bucket]! + 1;
    }
    for (let bucket = 1; bucket < starts.length; bucket++) {
      const start = starts[bucket - 1]!;
      const count = starts[bucket]!;
      if (count > 1 && bucket > 1) ranges.push(low + start, low + start + count, depth + 1);
      starts[bucket] = start + count;
    }
    for (let i = low; i < high; i++) {
      const bucket = this.#bucket(order[i]!, depth);
      scratch[low + starts[bucket]!] = order[i]!;
      starts[bucket] = starts[bucket]! + 1;
    }
    order.set(scratch.subarray(low, high), low);
  }

  /** 0 for a key that ends at `depth`, else 1 + its byte there. */
  #bucket(record: number, depth: number): number {
    const word = record * RECORD_WORDS;
    return depth >= this.#records[word + KEY_LENGTH]! ? 0 : this.#arena[this.#records[word + KEY_AT]! + depth]! + 1;
  }

  /** How many leading bytes all keys of a range share, knowing that it is at least `depth`. */
  #sharedLength(order: Uint32Array, low: number, high: number, depth: number): number {
    const arena = this.#arena;
    const firstAt = this.keyAt(order[low]!);
    let shared = this.keyLength(order[low]!);
    for (let i = low + 1; i < high && shared > depth; i++) {
      const at = this.keyAt(order[i]!);
      const end = Math.min(shared, this.keyLength(order[i]!));
      let length = depth;
      while (length < end && arena[firstAt + length] === arena[at + length]) length++;
      shared = length;
    }
    return shared;
  }

  #insertionSort(order: Uint32Array, low: number, high: number, depth: number): void {
    for (let i = low + 1; i < high; i++) {
      const record = order[i]!;
      let j = i;
      while (j > low && this.#isBelow(record, order[j - 1]!, depth)) {
        order[j] = order[j - 1]!;
        j--;
      }
      order[j] = record;
    }
  }

  #isBelow(a: number, b: number, depth: number): boolean {
    const arena = this.#arena;
    const aAt = this.keyAt(a);
    const bAt = this.keyAt(b);
    const aLength = this.keyLength(a);
    const length = Math.min(aLength, this.keyLength(b));
    for (let i = depth; i < length; i++) {
      const difference = arena[aAt + i]! - arena[bAt + i]!;
      if (difference !== 0) return difference < 0;
    }
    return aLength < this.keyLength(b);
  }
}

/** FNV-1a from a given state on, so that a group's prefix is hashed once. */
function hashOf(state: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = state;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}

/** FNV leaves its low bits weak; murmur3's finaliser spreads them over the slots. */
function mix(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Where the encoded value at `at` ends; past every buffer when its tag is none. */
function endOfValue(delta: Uint8Array, at: number): number {
  const tag = delta[at]!;
  if (tag <= VALUE_SHORT_MAX) return at + 1 + tag;
  if (tag === VALUE_LONG) return at + 5 + readU32(delta, at + 1);
  return tag === VALUE_ABSENT ? at + 1 : Number.POSITIVE_INFINITY;
}

function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start > 64) target.set(source.subarray(start, end), at);
  else for (let i = start; i < end; i++) target[at++] = source[i]!;
}
