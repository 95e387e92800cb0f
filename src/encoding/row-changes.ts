/**
 * What a native writer of a block's delta is given: the arrays of the state table, and numbers by place. Implemented by
 * native/row-changes.ts; its twin is execution/delta-writer.ts.
 */
export interface RowArrays {
  rows: Uint32Array;
  undo: Uint32Array;
  longKeys: Uint8Array;
  out: Uint8Array;
}

/** Places in `numbers`; all are written back. */
export const ChangeNumber = {
  /** The next undo record of the space. */
  record: 0,
  /** Bytes in `out`. */
  length: 1,
  /** Changes written. */
  count: 2,
} as const;
export const CHANGE_NUMBERS = 3;

export interface RowChangeWriter {
  /** Goes along a space's records to the end, or to the first that is the caller's: a value elsewhere, or no room for it. */
  write(arrays: RowArrays, numbers: Uint32Array): void;
}
