/**
 * What a native shortcut for plain token transfers is given: the arrays that execution itself works on, and numbers by
 * place. Implemented by native/transfers.ts; there is no portable twin, since execution without it is the twin.
 */
export interface TransferArrays {
  /** Canonical encodings; nonces that were left out are filled in. */
  transactions: Uint8Array;
  rows: Uint32Array;
  index: Uint32Array;
  undo: Uint32Array;
  receipts: Uint8Array;
  /** By included transaction: start and end in `transactions`; start in `receipts`. */
  ranges: Uint32Array;
  receiptAt: Uint32Array;
  /** Index after the last transaction of each submission. */
  submissionEnds: Uint32Array;
}

/** Places in `numbers`; from `next` on they are written back. The `start…` are where the submission of `next` begins. */
export const RunNumber = {
  indexSeed: 0,
  balancePrefix: 1,
  serial: 2,
  accountSpace: 3,
  balanceSpace: 4,
  transactionBase: 5,
  bodyByte: 6,
  stateRead: 7,
  stateWrite: 8,
  stateCreate: 9,
  log: 10,
  transactionGasMax: 11,
  next: 12,
  end: 13,
  at: 14,
  included: 15,
  undoCount: 16,
  receiptsLength: 17,
  submission: 18,
  accountHead: 19,
  accountTail: 20,
  balanceHead: 21,
  balanceTail: 22,
  gasUsed: 23,
  hasIds: 24,
  startIndex: 25,
  startAt: 26,
  startIncluded: 27,
  startUndoCount: 28,
  startReceiptsLength: 29,
  startGasUsed: 30,
} as const;
export const RUN_NUMBERS = 31;

/** What a transfer adds at most, in bytes of receipts, and in undo records. */
export const TRANSFER_RECEIPT_BYTES_MAX = 147;
export const TRANSFER_UNDO_RECORDS = 3;
/** Bytes of the body of the longest plain transfer: name, two tagged arguments, an amount below 2^192. */
export const TRANSFER_BODY_BYTES_MAX = 58;

export interface TransferRunner {
  /** Runs transfers of `token` (address, then the log's topic) until one is not plain, or the end. */
  run(arrays: TransferArrays, token: Uint8Array, numbers: Float64Array): void;
}
