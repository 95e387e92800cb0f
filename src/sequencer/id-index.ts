/**
 * IdIndex: which transaction an id stands for, so that a request sent twice runs once, over restarts too.
 * Memory is 32 bytes an id: a hash of the id and the place of its transaction in the log; the id itself is read back from
 * the log to be sure. An id is kept while it is among the last million or younger than ten minutes.
 */
import { createHash } from "node:crypto";
import type { BlockEntry } from "../encoding/block-entry.ts";
import { toLatin1 } from "../encoding/bytes.ts";
import { optionalFields, TxFlag } from "../encoding/transaction.ts";

export const IDS_KEPT_MIN = 1_000_000;
export const IDS_KEPT_MS = 600_000;
/** With more than this many ids younger than ten minutes, further ones are answered BUSY: 13,000 a second for ten minutes. */
export const IDS_MAX = 8_000_000;

/** A block has at most this many transactions: a place is one number, seq × this + index. */
const INDEX_RANGE = 65_536;

export interface Place {
  seq: number;
  index: number;
}

export class IdIndex {
  /** By 52 bits of the id's SHA-256; insertion order is age. */
  readonly #places = new Map<number, number>();
  /** Ids whose 52 bits were taken by another one. */
  readonly #collided = new Map<string, number>();
  /** Of each block with ids, oldest first: how many ids were known with it, and how many transactions came before it. */
  #ages: { seq: number; timestampMs: number; count: number; before: number }[] = [];
  readonly #keptMin: number;
  #transactions = 0;
  #inserted = 0;
  #forgotten = 0;

  /** @param keptMin so many ids are kept, however old. */
  constructor(keptMin = IDS_KEPT_MIN) {
    this.#keptMin = keptMin;
  }

  get size(): number {
    return this.#places.size;
  }

  /** Seq of the oldest block with ids among the last million transactions, or younger than ten minutes. */
  get oldestKeptSeq(): number | undefined {
    const newestMs = this.#ages.at(-1)?.timestampMs ?? 0;
    return this.#ages.find(
      ({ timestampMs, before }) =>
        this.#transactions - before <= this.#keptMin || timestampMs >= newestMs - IDS_KEPT_MS,
    )?.seq;
  }

  /** Whether one more id would push out one that is still promised. */
  isFull(nowMs: number): boolean {
    if (this.#places.size < IDS_MAX) return false;
    this.#forget(nowMs);
    return this.#places.size >= IDS_MAX;
  }

  /** Where a transaction that may carry this id stands; compare its bytes before believing. */
  find(id: Uint8Array): Place | undefined {
    const place = this.#collided.get(toLatin1(id)) ?? this.#places.get(keyOf(id));
    return place === undefined ? undefined : { seq: Math.floor(place / INDEX_RANGE), index: place % INDEX_RANGE };
  }

  /** Notes all ids of a durable block; of one without ids the header is enough. */
  add(entry: BlockEntry): void {
    const before = this.#transactions;
    const { bytes, seq, timestampMs, transactionCount } = entry;
    this.#transactions += transactionCount;
    if (!entry.hasIds) return;
    for (let index = 0; index < transactionCount; index++) {
      const at = entry.transactionAt(index);
      if ((bytes[at + 1]! & TxFlag.id) === 0) continue;
      const { id } = optionalFields(bytes, at);
      const place = seq * INDEX_RANGE + index;
      const key = keyOf(bytes.subarray(id!, id! + 32));
      if (this.#places.has(key)) {
        this.#collided.set(toLatin1(bytes, id!, id! + 32), place);
      } else {
        this.#places.set(key, place);
        this.#inserted++;
      }
    }
    this.#ages.push({ seq, timestampMs, count: this.#inserted, before });
    this.#forget(timestampMs);
  }

  /** Takes a rolled-back block's ids out. */
  remove(entry: BlockEntry): void {
    this.#transactions -= entry.transactionCount;
    if (!entry.hasIds) return;
    // Its ids count no more among those that may go: else as many of younger blocks would go in their place.
    if (this.#ages.at(-1)?.seq === entry.seq) this.#ages.pop();
    this.#inserted = this.#ages.at(-1)?.count ?? this.#forgotten;
    for (let index = 0; index < entry.transactionCount; index++) {
      const at = entry.transactionAt(index);
      const { id } = optionalFields(entry.bytes, at);
      if (id === undefined) continue;
      this.#collided.delete(toLatin1(entry.bytes, id, id + 32));
      const key = keyOf(entry.bytes.subarray(id, id + 32));
      if (this.#places.get(key) === entry.seq * INDEX_RANGE + index) this.#places.delete(key);
    }
  }

  #forget(nowMs: number): void {
    while (this.#ages.length > 0 && this.#ages[0]!.timestampMs < nowMs - IDS_KEPT_MS) {
      const droppable = Math.min(this.#ages[0]!.count - this.#forgotten, this.#places.size - this.#keptMin);
      if (droppable <= 0 && this.#ages[0]!.count > this.#forgotten) return;
      const oldest = this.#places.keys();
      for (let i = 0; i < droppable; i++) this.#places.delete(oldest.next().value!);
      this.#forgotten += Math.max(0, droppable);
      if (this.#forgotten >= this.#ages[0]!.count) this.#ages.shift();
    }
  }
}

function keyOf(id: Uint8Array): number {
  const digest = createHash("sha256").update(id).digest();
  return digest.readUIntBE(0, 6) * 16 + (digest[6]! & 15);
}
