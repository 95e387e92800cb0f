/**
 * StoreSource: everything that one store holds, as of one entry of its log, in the order in which another can take it.
 *   rows of the state (as of `chain`) ─▶ entries of the log, up to `head` ─▶ rows of the blob store
 * Sources: a data directory, PostgreSQL's log, a backup. A log without rows begins at genesis: the state follows from it.
 */
import type { StateEntry } from "../../execution/ports.ts";
import type { ChainIndex } from "../chain-index.ts";
import type { DataKeys } from "../encryption/data-keys.ts";
import type { Envelope } from "../encryption/envelope.ts";

export interface StoreHead {
  readonly chainId: number;
  /** Of the last entry. */
  readonly seq: number;
  readonly height: number;
  readonly blockHash: Uint8Array;
  readonly stateRoot: Uint8Array;
}

/** A row of the blob store as it lies there. */
export interface RawRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export type StorePart =
  | { readonly kind: "rows"; readonly rows: readonly StateEntry[] }
  | { readonly kind: "entries"; readonly entries: readonly Uint8Array[] }
  | { readonly kind: "blobs"; readonly rows: readonly RawRow[] };

export interface SealedStore {
  readonly keys: DataKeys;
  readonly envelope: Envelope;
}

export interface StoreSource {
  /** For people: where it comes from. */
  readonly name: string;
  readonly head: StoreHead;
  /** Seq of the first entry. */
  readonly firstSeq: number;
  /** What the rows are the state of; undefined: there are no rows. */
  readonly chain: ChainIndex | undefined;
  readonly rowCount: number;
  /** How it is encrypted where it lies: a backup of it is encrypted under the same keys. */
  readonly sealed?: SealedStore | undefined;
  /** Once. @throws StorageError, EngineError JOURNAL_DAMAGED, BACKUP_DAMAGED with the place. */
  parts(): AsyncIterable<StorePart>;
  close(): Promise<void>;
}

export type CopyProgress = (step: { phase: string; done: number; total: number }) => void;

export interface CopyRun {
  /** Aborted when the user wants it no more: the work itself stops. */
  readonly signal: AbortSignal;
  readonly onProgress: CopyProgress;
}

/** What a part holds at most, but for a single row or entry that is longer. */
export const PART_BYTES = 1024 * 1024;
export const PART_ROWS = 8_192;

/** Gathers rows into parts. */
export function* inParts<Row extends RawRow>(rows: Iterable<Row>): Generator<readonly Row[]> {
  let part: Row[] = [];
  let bytes = 0;
  for (const row of rows) {
    part.push(row);
    bytes += row.key.length + row.value.length;
    if (bytes < PART_BYTES && part.length < PART_ROWS) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}
