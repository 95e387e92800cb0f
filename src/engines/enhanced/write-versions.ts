/**
 * WriteVersions: which entry of the log last wrote a key, for keys that someone watches.
 *   committed(entry) ─▶ pending ── when asked ──▶ deltas read, Watched.version = seq
 * Deltas are read when a question comes, not when a block does: a daemon that is only written to pays nothing.
 * Always
 *  - A version is that of the last entry that wrote the key, or a later one: never an earlier one.
 *  - What is older than `floor` has been lost track of, and counts as written.
 */
import type { BlockEntry } from "../../encoding/block-entry.ts";
import { DeltaCursor } from "../../encoding/delta.ts";
import { hashBytes, hashSpace, hashSuffix } from "../../encoding/key-hash.ts";
import { StateTag } from "../../encoding/state-key.ts";

/** A key that entries of a cache depend on. */
export interface Watched {
  readonly hash: number;
  /** Seq of the last entry of the log that wrote it while it was watched. */
  version: number;
  watchers: number;
}

/** Deltas that wait to be read; past it they are read, or given up when nobody asked since the last time. */
const PENDING_BYTES_MAX = 8 * 1024 * 1024;
/** Last writes by hash, of all keys: an answer that comes late is held against them. 2 MiB; 1 key in 100 wrongly, 2,000 writes late. */
const RECENT_SIZE = 2 ** 18;
const NEVER = -1;

export class WriteVersions {
  readonly #watched = new Map<number, Watched>();
  #pending: BlockEntry[] = [];
  #pendingBytes = 0;
  #recent: Float64Array | undefined;
  #wasAsked = false;
  /** Every entry of the log up to this one is accounted for. */
  #seq: number;
  #floor: number;

  /** @param seq the entry of the log as of which everything is unchanged. */
  constructor(seq: number) {
    this.#seq = seq;
    this.#floor = seq;
  }

  /** Of the last entry that was told. */
  get seq(): number {
    return this.#pending.at(-1)?.seq ?? this.#seq;
  }

  /** What was computed as of an entry below this one is stale, whatever it read. */
  get floor(): number {
    return this.#floor;
  }

  /** The next durable entry. */
  committed(entry: BlockEntry): void {
    if (entry.isRollback) {
      this.#giveUp(entry.seq);
      return;
    }
    this.#pending.push(entry);
    this.#pendingBytes += entry.bytes.length;
    if (this.#pendingBytes <= PENDING_BYTES_MAX) return;
    if (this.#wasAsked) this.catchUp();
    else this.#giveUp(entry.seq);
    this.#wasAsked = false;
  }

  /** Takes account of everything that was told. */
  catchUp(): void {
    this.#wasAsked = true;
    if (this.#pending.length === 0) return;
    for (const entry of this.#pending) this.#read(entry);
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  #giveUp(seq: number): void {
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#seq = seq;
    this.#floor = seq;
  }

  #read(entry: BlockEntry): void {
    const { seq, delta } = entry;
    const recent = this.#recentWrites();
    const cursor = new DeltaCursor(delta);
    let prefixAt = -1;
    let prefixHash = 0;
    while (cursor.next()) {
      if (cursor.prefixAt !== prefixAt) {
        ({ prefixAt } = cursor);
        if (delta[prefixAt] === StateTag.parameter) this.#floor = seq;
        prefixHash = hashBytes(delta, prefixAt, cursor.prefixLength, 0);
        this.#written(hashSpace(delta, prefixAt, cursor.prefixLength), seq, recent);
      }
      this.#written(hashSuffix(delta, cursor.suffixAt, cursor.suffixLength, prefixHash), seq, recent);
    }
    this.#seq = seq;
  }

  #written(hash: number, seq: number, recent: Float64Array): void {
    recent[hash & (RECENT_SIZE - 1)] = seq;
    const watched = this.#watched.get(hash);
    if (watched !== undefined) watched.version = seq;
  }

  #recentWrites(): Float64Array {
    this.#recent ??= new Float64Array(RECENT_SIZE).fill(NEVER);
    return this.#recent;
  }

  /** Whether none of the keys was written after entry `seq`. Caught up. */
  areUnchangedSince(hashes: readonly number[], seq: number): boolean {
    if (seq < this.#floor) return false;
    if (seq >= this.#seq || this.#recent === undefined) return true;
    for (const hash of hashes) if (this.#recent[hash & (RECENT_SIZE - 1)]! > seq) return false;
    return true;
  }

  /** From here on writes to the keys are seen. */
  watch(hashes: readonly number[]): Watched[] {
    return hashes.map((hash) => {
      let watched = this.#watched.get(hash);
      if (watched === undefined) {
        watched = { hash, version: NEVER, watchers: 0 };
        this.#watched.set(hash, watched);
      }
      watched.watchers++;
      return watched;
    });
  }

  release(keys: readonly Watched[]): void {
    for (const watched of keys) if (--watched.watchers === 0) this.#watched.delete(watched.hash);
  }
}
