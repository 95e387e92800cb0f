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
 * Shapes   an entry is at most ENTRY_BYTES_MAX encoded; `seq` is consecutive, over blocks and rollbacks alike, from 0 or from
 *          where a snapshot of the state was taken.
 * Errors   rejects with StorageError only; `retryable: true` means nothing was written.
 */
export interface BlockLog {
  /** Seq of the last durable entry; -1 when there is none. */
  readonly durableSeq: number;
  /** Seq of the oldest entry that is there: above 0 where the log begins after a snapshot. */
  readonly firstSeq: number;
  /**
   * Seq of the last entry that is durable on this machine: below `durableSeq` only where the log is elsewhere and has a copy
   * here. What is stored beside the copy must not get ahead of it.
   */
  readonly localSeq: number;
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

/** What stands under a name of the blob store: facts of whoever put it there, and the hash of the content it refers to. */
export type BlobName = Record<string, unknown> & { blob?: string };

export interface NameChange {
  readonly name: Uint8Array;
  /** Undefined takes the name away. */
  readonly facts: Record<string, unknown> | undefined;
  /** The content to refer to: bytes that may be new, or the hash of content that is here. */
  readonly bytes?: Uint8Array | undefined;
  readonly blob?: Uint8Array | undefined;
}

/**
 * Content by SHA-256 and names that refer to it: evaluation keys, ciphertexts, results.
 * Shapes   a name has 1 to 64 bytes, content up to 1 GiB.
 * Errors   StorageError; BUSY when a commit would exceed the bound, and nothing of it is kept.
 */
export interface BlobStore {
  /** Bytes of content. */
  readonly byteLength: number;
  read(hash: Uint8Array): Uint8Array | undefined;
  name(name: Uint8Array): BlobName | undefined;
  /** In byte order. */
  names(prefix: Uint8Array): Iterable<{ name: Uint8Array; value: BlobName }>;
  countNames(prefix: Uint8Array): number;
  /** @throws EngineError BUSY when so many more bytes of content do not fit. */
  requireRoom(bytes: number): void;
  /** All of the changes or none; durable when it resolves. Content that no name refers to any more is gone. */
  commit(changes: readonly NameChange[]): Promise<void>;
  /** Keeps a part of content that comes in parts; durable when it resolves. */
  putChunk(upload: Uint8Array, offset: number, bytes: Uint8Array, facts: Record<string, unknown>): Promise<void>;
  upload(upload: Uint8Array): Record<string, unknown> | undefined;
  uploads(): Iterable<{ upload: Uint8Array; facts: Record<string, unknown> }>;
  /** All parts of an upload, in the order of their offsets. */
  chunks(upload: Uint8Array): Uint8Array;
  dropUpload(upload: Uint8Array): Promise<void>;
}
