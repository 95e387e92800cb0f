/**
 * ChangeTable: the last value of every key that many blocks touched, for one write to a store in key order.
 * Most transfers of a busy token write rows that another transfer of the same second writes again; each row reaches the
 * store once. A record is found through open addressing and lies in one arena with its key and value, so that a change costs
 * two cache misses and no object. A record's number is where it starts in the arena, in words of 4 bytes:
 *   slots ──▶ hash · key length · value length · room for the value · value at │ key │ value
 * Always
 *  - A value is absolute; absent says that the key is to be deleted.
 *  - `ordered()` lists every key once, in byte order.
 *  - No key is empty or begins with 0x00, which stores keep for themselves.
 */
import { randomInt } from "node:crypto";
import { readU32 } from "../encoding/bytes.ts";
import type { DeltaDirection } from "../encoding/delta.ts";
import { MalformedBytesError } from "../errors.ts";
import { GrowingWords } from "../execution/growing-words.ts";
import { CoalescerNumber, type DeltaCoalescer } from "./delta-coalescer.ts";

/** The value length of a key that is to be deleted. */
const ABSENT = 0xffffffff;

const HASH = 0;
const KEY_LENGTH = 1;
const VALUE_LENGTH = 2;
const ROOM = 3;
const VALUE_AT = 4;
const RECORD_WORDS = 5;
const KEY_OFFSET = 4 * RECORD_WORDS;

const INITIAL_RECORDS = 1024;
const INITIAL_ARENA_WORDS = 16 * 1024;
/** No record starts at 0, which says that a slot is free. */
const FIRST_BYTE = 4;
/** Below this many keys insertion beats another pass of the radix sort. */
const INSERTION_MAX = 12;
/** Ranges still to be sorted, as low, high, depth. */
type Ranges = number[];

const VALUE_SHORT_MAX = 252;
const VALUE_LONG = 253;
const VALUE_ABSENT = 255;

export class ChangeTable {
  readonly #coalescer: DeltaCoalescer | undefined;
  readonly #numbers = new Uint32Array(5);
  #memory = newMemory();
  #arena!: Uint8Array<ArrayBuffer>;
  /** The arena again, as words. */
  #words!: Uint32Array<ArrayBuffer>;
  #used = FIRST_BYTE;
  /** All records, oldest first. */
  #records!: Uint32Array<ArrayBuffer>;
  #count = 0;
  /** Records by hash, 0 where free; a power of two, at most half full. */
  #slots!: Uint32Array<ArrayBuffer>;
  /** Unknown outside, so that nobody can choose keys that all fall on one slot. */
  readonly #seed = randomInt(0x7fffffff);

  /** @param coalescer does most of the work in a third of the time, where the addon runs. */
  constructor(coalescer?: DeltaCoalescer) {
    this.#coalescer = coalescer;
    this.#look();
  }

  /** At the memory as it now is. */
  #look(): void {
    const { arena, records, slots } = this.#memory;
    this.#words = arena.words;
    this.#arena = new Uint8Array(arena.words.buffer, 0, arena.words.byteLength);
    this.#records = records.words;
    this.#slots = slots.words;
  }

  /** Keys that have changed. */
  get size(): number {
    return this.#count;
  }

  /** Memory in use, in bytes: what a bound on buffering counts. */
  get byteLength(): number {
    return this.#used + 12 * this.#count;
  }

  /** Takes one side of every record of an encoded delta (format: encoding/delta.ts). @throws MalformedBytesError. */
  applyDelta(delta: Uint8Array, direction: DeltaDirection): void {
    if (this.#coalescer === undefined) this.#applyPortably(delta, direction);
    else this.#applyNatively(this.#coalescer, delta, direction);
  }

  #applyNatively(coalescer: DeltaCoalescer, delta: Uint8Array, direction: DeltaDirection): void {
    const numbers = this.#numbers;
    numbers[CoalescerNumber.seed] = this.#seed;
    numbers[CoalescerNumber.used] = this.#used;
    numbers[CoalescerNumber.count] = this.#count;
    while (!coalescer.apply(delta, direction, this.#arena, this.#records, this.#slots, numbers)) {
      while (this.#count + numbers[CoalescerNumber.neededRecords]! > this.#records.length) this.#growRecords();
      this.#growArena(this.#used + numbers[CoalescerNumber.neededBytes]!);
    }
    this.#used = numbers[CoalescerNumber.used]!;
    this.#count = numbers[CoalescerNumber.count]!;
  }

  #applyPortably(delta: Uint8Array, direction: DeltaDirection): void {
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
        const roomBytes = Math.max(newEnd - suffixEnd, oldEnd - newEnd);
        const record = this.#upsert(hash, delta, prefixAt, prefixEnd, suffixAt, suffixEnd, roomBytes);
        if (forward) this.#setEncoded(record, delta, suffixEnd, newEnd);
        else this.#setEncoded(record, delta, newEnd, oldEnd);
        at = oldEnd;
      }
    }
    if (at !== delta.length) throw new MalformedBytesError("delta", at, "a group runs over the end");
  }

  /** Sets a key to a value, or to absent. */
  set(key: Uint8Array, value: Uint8Array | undefined): void {
    const record = this.#upsert(hashOf(this.#seed, key, 0, key.length), key, 0, 0, 0, key.length, value?.length ?? 0);
    if (value === undefined) this.#words[record + VALUE_LENGTH] = ABSENT;
    else this.#setValue(record, value, 0, value.length);
  }

  /** All records in byte order of their keys. */
  ordered(): Uint32Array {
    const order = this.#records.slice(0, this.#count);
    this.#sort(order);
    return order;
  }

  /** A view, valid until the next change; so is `value`. */
  key(record: number): Uint8Array {
    const at = 4 * record + KEY_OFFSET;
    return this.#arena.subarray(at, at + this.#words[record + KEY_LENGTH]!);
  }

  /** Undefined when the key is to be deleted. */
  value(record: number): Uint8Array | undefined {
    const length = this.#words[record + VALUE_LENGTH]!;
    if (length === ABSENT) return undefined;
    const at = this.#words[record + VALUE_AT]!;
    return this.#arena.subarray(at, at + length);
  }

  /** Forgets everything; keeps its memory up to `keepBytesMax` for the next round. */
  clear(keepBytesMax: number): void {
    this.#used = FIRST_BYTE;
    this.#count = 0;
    if (this.#arena.length + this.#records.byteLength + this.#slots.byteLength > keepBytesMax) {
      this.#memory = newMemory();
      this.#look();
    } else this.#slots.fill(0);
  }

  /** The record of the key prefix ‖ suffix, made absent if it is new, with room for a value of `roomBytes`. */
  #upsert(
    hash: number,
    source: Uint8Array,
    prefixAt: number,
    prefixEnd: number,
    suffixAt: number,
    suffixEnd: number,
    roomBytes: number,
  ): number {
    const mask = this.#slots.length - 1;
    let slot = mix(hash) & mask;
    for (;;) {
      const record = this.#slots[slot]!;
      if (record === 0) break;
      if (
        this.#words[record + HASH] === hash &&
        this.#hasKey(record, source, prefixAt, prefixEnd, suffixAt, suffixEnd)
      ) {
        return record;
      }
      slot = (slot + 1) & mask;
    }
    if (this.#count === this.#records.length) {
      this.#growRecords();
      return this.#upsert(hash, source, prefixAt, prefixEnd, suffixAt, suffixEnd, roomBytes);
    }
    if ((prefixEnd > prefixAt ? source[prefixAt] : suffixEnd > suffixAt ? source[suffixAt] : 0) === 0) {
      throw new MalformedBytesError("delta", suffixAt, "a key is empty or begins with 0x00");
    }
    const prefixLength = prefixEnd - prefixAt;
    const keyLength = prefixLength + suffixEnd - suffixAt;
    const at = this.#reserve(KEY_OFFSET + keyLength + roomBytes);
    const record = at >>> 2;
    this.#slots[slot] = record;
    this.#records[this.#count++] = record;
    this.#words[record + HASH] = hash;
    this.#words[record + KEY_LENGTH] = keyLength;
    this.#words[record + VALUE_LENGTH] = ABSENT;
    this.#words[record + ROOM] = roomBytes;
    this.#words[record + VALUE_AT] = at + KEY_OFFSET + keyLength;
    copyBytes(source, prefixAt, prefixEnd, this.#arena, at + KEY_OFFSET);
    copyBytes(source, suffixAt, suffixEnd, this.#arena, at + KEY_OFFSET + prefixLength);
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
    const arena = this.#arena;
    if (this.#words[record + KEY_LENGTH] !== prefixEnd - prefixAt + suffixEnd - suffixAt) return false;
    let at = 4 * record + KEY_OFFSET;
    for (let i = prefixAt; i < prefixEnd; i++) if (arena[at++] !== source[i]) return false;
    for (let i = suffixAt; i < suffixEnd; i++) if (arena[at++] !== source[i]) return false;
    return true;
  }

  /** Sets a record to the value whose encoding lies from `start` to `end`. */
  #setEncoded(record: number, delta: Uint8Array, start: number, end: number): void {
    const tag = delta[start]!;
    if (tag === VALUE_ABSENT) this.#words[record + VALUE_LENGTH] = ABSENT;
    else this.#setValue(record, delta, start + (tag === VALUE_LONG ? 5 : 1), end);
  }

  #setValue(record: number, source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > this.#words[record + ROOM]!) {
      const at = this.#reserve(length);
      this.#words[record + VALUE_AT] = at;
      this.#words[record + ROOM] = length;
    }
    this.#words[record + VALUE_LENGTH] = length;
    copyBytes(source, start, end, this.#arena, this.#words[record + VALUE_AT]!);
  }

  /** Where `length` unused bytes of the arena start, on a word's boundary. */
  #reserve(length: number): number {
    const at = this.#used;
    this.#used = at + 4 * Math.ceil(length / 4);
    this.#growArena(this.#used);
    return at;
  }

  #growArena(bytes: number): void {
    if (bytes <= this.#arena.length) return;
    this.#memory.arena.grow(Math.ceil(Math.max(this.#arena.length * 2, bytes) / 4));
    this.#look();
  }

  #growRecords(): void {
    const { records, slots } = this.#memory;
    records.grow(this.#records.length * 2);
    slots.grow(records.words.length * 2);
    this.#look();
    this.#slots.fill(0);
    const mask = this.#slots.length - 1;
    for (let i = 0; i < this.#count; i++) {
      let slot = mix(this.#words[this.#records[i]! + HASH]!) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = this.#records[i]!;
    }
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
    return depth >= this.#words[record + KEY_LENGTH]! ? 0 : this.#arena[4 * record + KEY_OFFSET + depth]! + 1;
  }

  /** How many leading bytes all keys of a range share, knowing that it is at least `depth`. */
  #sharedLength(order: Uint32Array, low: number, high: number, depth: number): number {
    const arena = this.#arena;
    const firstAt = 4 * order[low]! + KEY_OFFSET;
    let shared = this.#words[order[low]! + KEY_LENGTH]!;
    for (let i = low + 1; i < high && shared > depth; i++) {
      const at = 4 * order[i]! + KEY_OFFSET;
      const end = Math.min(shared, this.#words[order[i]! + KEY_LENGTH]!);
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
    const aAt = 4 * a + KEY_OFFSET;
    const bAt = 4 * b + KEY_OFFSET;
    const aLength = this.#words[a + KEY_LENGTH]!;
    const bLength = this.#words[b + KEY_LENGTH]!;
    for (let i = depth; i < aLength && i < bLength; i++) {
      const difference = arena[aAt + i]! - arena[bAt + i]!;
      if (difference !== 0) return difference < 0;
    }
    return aLength < bLength;
  }
}

function newMemory(): { arena: GrowingWords; records: GrowingWords; slots: GrowingWords } {
  return {
    arena: new GrowingWords(INITIAL_ARENA_WORDS),
    records: new GrowingWords(INITIAL_RECORDS),
    slots: new GrowingWords(INITIAL_RECORDS * 2),
  };
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
