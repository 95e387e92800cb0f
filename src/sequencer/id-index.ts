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
  /** (timestamp of a block, number of ids known when it came), oldest first: what may be forgotten when. */
  #ages: { timestampMs: number; count: number }[] = [];
  #inserted = 0;
  #forgotten = 0;

  get size(): number {
    return this.#places.size;
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

  /** Notes all ids of a durable block. */
  add(entry: BlockEntry): void {
    if (!entry.hasIds) return;
    const { bytes } = entry;
    for (let index = 0; index < entry.transactionCount; index++) {
      const at = entry.transactionAt(index);
      if ((bytes[at + 1]! & TxFlag.id) === 0) continue;
      const { id } = optionalFields(bytes, at);
      const place = entry.seq * INDEX_RANGE + index;
      const key = keyOf(bytes.subarray(id!, id! + 32));
      if (this.#places.has(key)) {
        this.#collided.set(toLatin1(bytes, id!, id! + 32), place);
      } else {
        this.#places.set(key, place);
        this.#inserted++;
      }
    }
    this.#ages.push({ timestampMs: entry.timestampMs, count: this.#inserted });
    this.#forget(entry.timestampMs);
  }

  /** Takes a rolled-back block's ids out. */
  remove(entry: BlockEntry): void {
    if (!entry.hasIds) return;
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
      const droppable = Math.min(this.#ages[0]!.count - this.#forgotten, this.#places.size - IDS_KEPT_MIN);
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
