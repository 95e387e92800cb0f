/**
 * Postings: where in a segment things may be found: (fingerprint of 32 bits → ordinal of an entry in the segment). A hit is
 * a hint: whoever asks verifies it against the entry, so that fingerprints may collide and need not be trusted.
 *   transaction   first 4 bytes of the transaction hash
 *   block         first 4 bytes of the block hash
 *   log           hash of a log's address; of each topic together with its position; once per block
 *   execution     hash of the contract that a transaction called or made; once per block
 * Always
 *  - A list is sorted by fingerprint, then ordinal, without repetitions.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { readU32 } from "../encoding/bytes.ts";
import { TransactionKind } from "../encoding/transaction.ts";
import { contractAddressAt, LogWalker, packedEnd } from "./receipt-logs.ts";

/** The number is the section's place in an index file. */
export const PostingKind = { transaction: 0, block: 1, log: 2, execution: 3 } as const;
export type PostingKind = (typeof PostingKind)[keyof typeof PostingKind];
export const POSTING_KINDS: readonly PostingKind[] = [0, 1, 2, 3];

const ADDRESS_BYTES = 20;
const TO_AT = 44;
const INITIAL_POSTINGS = 1024;
const RADIX_BITS = 11;
const RADIX_SIZE = 1 << RADIX_BITS;
/** A block repeats few fingerprints often (a token's address): this many are remembered, by their low bits. */
const RECENT_SIZE = 256;

/** Answers where a fingerprint occurs. */
export interface PostingLookup {
  /** Ordinals of the entries that may hold it, ascending. */
  ordinals(kind: PostingKind, fingerprint: number): number[];
}

export function hashFingerprint(hash: Uint8Array): number {
  return readU32(hash, 0);
}

export function addressFingerprint(bytes: Uint8Array, at: number): number {
  return fold(0x9e3779b9, bytes, at, at + ADDRESS_BYTES);
}

/** Of a packed topic: positions are told apart, so that "from" and "to" are. */
export function topicFingerprint(position: number, bytes: Uint8Array, start: number, end: number): number {
  return fold(0x85ebca6b + position, bytes, start, end);
}

function fold(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = seed;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** A sorted list: pairs of words, ordinal and fingerprint, so that a pair is one little-endian u64 in sorting order. */
export class PostingList {
  readonly words: Uint32Array;

  constructor(words: Uint32Array) {
    this.words = words;
  }

  get length(): number {
    return this.words.length / 2;
  }

  fingerprint(i: number): number {
    return this.words[2 * i + 1]!;
  }

  ordinal(i: number): number {
    return this.words[2 * i]!;
  }

  /** Appends to `into` the ordinals of a fingerprint; ascending. */
  collect(fingerprint: number, into: number[]): void {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.fingerprint(middle) < fingerprint) low = middle + 1;
      else high = middle;
    }
    for (; low < this.length && this.fingerprint(low) === fingerprint; low++) into.push(this.ordinal(low));
  }
}

/** Gathers the postings of consecutive entries of one segment. */
export class PostingsBuilder {
  readonly #lists = POSTING_KINDS.map(() => new GrowingList());
  readonly #logs = new LogWalker();

  /** `ordinal` counts the segment's entries from 0, rollbacks included; those add nothing. */
  add(entry: BlockEntry, ordinal: number): void {
    if (entry.isRollback) return;
    for (const list of this.#lists) list.forgetRecent();
    this.#lists[PostingKind.block]!.push(hashFingerprint(entry.blockHash), ordinal);
    const transactions = this.#lists[PostingKind.transaction]!;
    const hashes = entry.transactionHashes;
    for (let at = 0; at < hashes.length; at += 32) transactions.push(readU32(hashes, at), ordinal);
    for (let i = 0; i < entry.transactionCount; i++) {
      this.#addExecution(entry, i, ordinal);
      this.#addLogs(entry.bytes, entry.receiptAt(i), ordinal);
    }
  }

  /** Forgets what was added; its memory is kept, for a segment as large. */
  clear(): void {
    for (const list of this.#lists) list.clear();
  }

  /** Everything added since the last call, sorted; one list a kind. */
  take(): PostingList[] {
    return this.#lists.map((list) => list.takeSorted());
  }

  #addExecution(entry: BlockEntry, index: number, ordinal: number): void {
    const { bytes } = entry;
    const transactionAt = entry.transactionAt(index);
    const executions = this.#lists[PostingKind.execution]!;
    if (bytes[transactionAt] !== TransactionKind.deploy) {
      executions.pushDistinct(addressFingerprint(bytes, transactionAt + TO_AT), ordinal);
    }
    const madeAt = contractAddressAt(bytes, entry.receiptAt(index));
    if (madeAt >= 0) executions.pushDistinct(addressFingerprint(bytes, madeAt), ordinal);
  }

  #addLogs(bytes: Uint8Array, receiptAt: number, ordinal: number): void {
    const list = this.#lists[PostingKind.log]!;
    const logs = this.#logs;
    logs.open(bytes, receiptAt);
    while (logs.next()) {
      list.pushDistinct(addressFingerprint(bytes, logs.addressAt), ordinal);
      let at = logs.topicsAt;
      for (let position = 0; position < logs.topicCount; position++) {
        const end = packedEnd(bytes, at);
        list.pushDistinct(topicFingerprint(position, bytes, at, end), ordinal);
        at = end;
      }
    }
  }
}

/** Makes sorted lists of the same kind into one; each holds higher ordinals than the one before it. */
export function mergeLists(lists: readonly PostingList[]): PostingList {
  const words = new Uint32Array(lists.reduce((sum, list) => sum + list.words.length, 0));
  let at = 0;
  for (const list of lists) {
    words.set(list.words, at);
    at += list.words.length;
  }
  return sortedList(words);
}

/**
 * Sorts pairs by fingerprint and drops repetitions. Radix sort keeps the order of equal fingerprints, and pairs come in
 * order of ordinals: the fingerprint is all there is to sort by.
 */
function sortedList(words: Uint32Array): PostingList {
  let from: Uint32Array = words;
  let to: Uint32Array = new Uint32Array(words.length);
  const starts = new Uint32Array(RADIX_SIZE + 1);
  for (let shift = 0; shift < 32; shift += RADIX_BITS) {
    starts.fill(0);
    for (let i = 1; i < from.length; i += 2) {
      const digit = ((from[i]! >>> shift) & (RADIX_SIZE - 1)) + 1;
      starts[digit] = starts[digit]! + 1;
    }
    for (let digit = 1; digit <= RADIX_SIZE; digit++) starts[digit] = starts[digit]! + starts[digit - 1]!;
    for (let i = 0; i < from.length; i += 2) {
      const digit = (from[i + 1]! >>> shift) & (RADIX_SIZE - 1);
      const at = 2 * starts[digit]!;
      starts[digit] = starts[digit]! + 1;
      to[at] = from[i]!;
      to[at + 1] = from[i + 1]!;
    }
    [from, to] = [to, from];
  }
  return withoutRepetitions(from);
}

function withoutRepetitions(words: Uint32Array): PostingList {
  let kept = 0;
  for (let i = 0; i < words.length; i += 2) {
    if (kept > 0 && words[kept - 2] === words[i] && words[kept - 1] === words[i + 1]) continue;
    words[kept] = words[i]!;
    words[kept + 1] = words[i + 1]!;
    kept += 2;
  }
  return new PostingList(words.subarray(0, kept));
}

class GrowingList {
  #words = new Uint32Array(2 * INITIAL_POSTINGS);
  #length = 0;
  readonly #recent = new Float64Array(RECENT_SIZE).fill(-1);

  push(fingerprint: number, ordinal: number): void {
    if (this.#length === this.#words.length) {
      const grown = new Uint32Array(2 * this.#words.length);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[this.#length++] = ordinal;
    this.#words[this.#length++] = fingerprint;
  }

  /** Pushes unless the same block just did; sorting drops the repetitions that slip through. */
  pushDistinct(fingerprint: number, ordinal: number): void {
    const slot = fingerprint % RECENT_SIZE;
    if (this.#recent[slot] === fingerprint) return;
    this.#recent[slot] = fingerprint;
    this.push(fingerprint, ordinal);
  }

  forgetRecent(): void {
    this.#recent.fill(-1);
  }

  clear(): void {
    this.#length = 0;
  }

  takeSorted(): PostingList {
    const list = sortedList(this.#words.slice(0, this.#length));
    this.clear();
    return list;
  }
}
