/**
 * WireCodec: short ways from a request's bytes to canonical encodings, and from a block's bytes to JSON text, for what is
 * sent most. It answers undefined for all that it leaves to JSON.parse, the encoder and rpc/receipt-text.ts, which do everything
 * and are its oracle (test/property/wire-codec.test.ts). Implemented by native/wire-codec.ts; without it nothing but time is lost.
 */
export interface WireCodec {
  /** A JSON-RPC request that submits plain calls and waits until they are durable. What it answers is read before the next is. */
  readSubmission(text: Buffer, start: number, end: number): ReadSubmission | undefined;
  /** A plain token call's receipt. @param tokens addresses of built-in tokens, 20 bytes each. */
  receiptText(entry: Uint8Array, index: number, tokens: Uint8Array): string | undefined;
  /** Summaries of transactions that succeeded, with commas between them. */
  summariesText(entry: Uint8Array, first: number, count: number): string | undefined;
}

export interface ReadSubmission {
  /** Of tx_submitBatch, otherwise of tx_submit. */
  readonly isBatch: boolean;
  /** Whether receipts are wanted as summaries. */
  readonly isSummary: boolean;
  readonly count: number;
  /** The request's id as JSON text. */
  readonly id: string;
  /** Begins with the transactions' encodings, each padded to a multiple of 4, `length` bytes in all. */
  readonly encodings: Uint8Array;
  readonly length: number;
}
