/**
 * What execution needs from the world, and what the log and its followers promise. Each port has one suite in
 * test/storage that every implementation passes.
 * Bytes    arrays passed in are not kept unless said; arrays returned belong to the caller unless said.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";

/**
 * The state as of the last entry that a store has applied, read synchronously: contracts cannot await.
 * Keys are ordered by bytes.
 */
export interface StateSnapshot {
  /** The value of a key, or undefined when absent. The bytes may be overwritten by the next read: copy what outlives it. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** Entries with `start` ≤ key < `end`, in byte order, or in reverse byte order. */
  range(start: Uint8Array, end: Uint8Array, options?: { reverse?: boolean }): Iterable<StateEntry>;
  /** The highest seq of the log whose delta is in the store; -1 before the first. */
  appliedSeq(): number;
}

export interface StateEntry {
  key: Uint8Array;
  value: Uint8Array;
}

/**
 * The whole state, following the log. Applying is atomic with the applied seq, and idempotent: deltas carry
 * absolute values, so that a batch applied twice leaves the same bytes.
 */
export interface StateStore extends StateSnapshot {
  /**
   * Applies consecutive entries of the log (blocks forwards; a rollback entry: the entries that it undoes are handed in by
   * `undone`, newest first). @throws StorageError; nothing of the batch is then visible.
   */
  apply(batch: readonly AppliedEntry[]): Promise<void>;
  close(): Promise<void>;
}

export interface AppliedEntry {
  entry: BlockEntry;
  /** For a rollback: the blocks that it takes back, newest first. */
  undone: readonly BlockEntry[];
}

/**
 * The one ordered record of what happened.
 * Shapes   an entry is at most ENTRY_BYTES_MAX encoded; `seq` is consecutive from 0, over blocks and rollbacks alike.
 * Errors   rejects with StorageError only; `retryable: true` means nothing was written.
 */
export interface BlockLog {
  /** Seq of the last durable entry; -1 when there is none. */
  readonly durableSeq: number;
  /** Bytes of entries appended, in all. */
  readonly byteLength: number;
  /**
   * Appends the next entries as one group; resolves when all of them would survive the machine's power going away.
   * Calls are made one after the other or overlapping, always in seq order. The arrays are kept until it resolves.
   * @throws StorageError `retryable: false` after which no append succeeds any more: the outcome on disk is unknown
   *         until the log is opened again.
   */
  append(entries: readonly Uint8Array[]): Promise<void>;
  /**
   * `append`, but blocking: the least latency, where nothing else waits for this thread. For logs on a local disk.
   * @throws StorageError as `append`. Only while `isIdle`.
   */
  appendSync?(entries: readonly Uint8Array[]): void;
  /** No append is under way. */
  readonly isIdle?: boolean;
  /** The durable entry at `seq`, or undefined when it is not (yet) there. */
  read(seq: number): Uint8Array | undefined;
  /** The header alone of a durable entry (encoding/block-entry.ts), not checked against the log's checksum. */
  readHeader(seq: number): Uint8Array | undefined;
  close(): Promise<void>;
}
