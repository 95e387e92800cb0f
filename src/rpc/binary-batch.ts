/**
 * The transactions of a binary frame, checked in place and copied to the executor's buffer.
 * Always
 *  - Where every transaction begins and ends is known before the first is handed on; otherwise the frame is refused.
 */
import { FRAME_BODY_AT } from "../encoding/binary-frame.ts";
import { alignUp, type ByteWriter, readU32, readU64, writeU64 } from "../encoding/bytes.ts";
import {
  checkTransaction,
  TransactionKind,
  TX_HEADER_BYTES,
  TxFlag,
  transactionLength,
} from "../encoding/transaction.ts";
import { EngineError, toEngineError } from "../errors.ts";
import { checkCanonical } from "./canonical-check.ts";
import { checkBatchSize, checkQueryGas } from "./limits.ts";
import type { Rejection } from "./services.ts";
import { inside } from "./transaction-batch.ts";
import { invalid } from "./validate.ts";

/** Where the gas limit stands in an encoding. */
const GAS_LIMIT_AT = 16;

export interface BatchChecks {
  readonly batchMax: number;
  /** Each must state a nonce or carry an id. */
  readonly needsNonceOrId: boolean;
  readonly callsOnly: boolean;
}

export class BinaryBatch {
  readonly count: number;
  readonly rejections: ReadonlyMap<number, Rejection>;
  readonly #frame: Buffer;
  /** Where each transaction begins, and at last where they end. */
  readonly #starts: Uint32Array;

  /** `frame` has passed `requireBody`. @throws EngineError when the frame is refused whole. */
  constructor(frame: Buffer, checks: BatchChecks) {
    this.count = readU32(frame, FRAME_BODY_AT - 4);
    if (this.count === 0) throw invalid("count", "at least 1", 0);
    checkBatchSize(this.count, checks.batchMax);
    this.#frame = frame;
    this.#starts = new Uint32Array(this.count + 1);
    this.rejections = this.#check(checks);
  }

  /** How many were not rejected. */
  get acceptedCount(): number {
    return this.count - this.rejections.size;
  }

  /** Appends what is not rejected; answers how many. */
  encode(out: ByteWriter): number {
    const starts = this.#starts;
    if (this.rejections.size === 0) {
      out.raw(this.#frame.subarray(starts[0], starts[this.count]));
      return this.count;
    }
    for (let i = 0; i < this.count; i++) if (!this.rejections.has(i)) this.encodeOne(i, out);
    return this.acceptedCount;
  }

  encodeOne(index: number, out: ByteWriter): number {
    out.raw(this.#frame.subarray(this.#starts[index], this.#starts[index + 1]));
    return 1;
  }

  /** A query's gas limit of 0 stands for the highest. @throws EngineError LIMIT_EXCEEDED */
  encodeQuery(index: number, gasMax: number, out: ByteWriter): number {
    const start = out.length;
    const gasLimit = readU64(this.#frame, this.#starts[index]! + GAS_LIMIT_AT);
    checkQueryGas(gasLimit, gasMax);
    this.encodeOne(index, out);
    if (gasLimit === 0) writeU64(out.bytes, start + GAS_LIMIT_AT, gasMax);
    return 1;
  }

  #check(checks: BatchChecks): Map<number, Rejection> {
    const frame = this.#frame;
    const rejections = new Map<number, Rejection>();
    let at = FRAME_BODY_AT;
    for (let i = 0; i < this.count; i++) {
      this.#starts[i] = at;
      let length: number;
      try {
        length = checkTransaction(frame, at, frame.length);
        checkCanonical(frame, at, length);
        if (checks.needsNonceOrId) requireNonceOrId(frame[at + 1]!);
        if (checks.callsOnly && frame[at] !== TransactionKind.call) throw invalid("kind", "a call", frame[at]);
      } catch (thrown) {
        const error = toEngineError(thrown);
        if (error.code === "INTERNAL_ERROR") throw thrown;
        length = frame.length - at < TX_HEADER_BYTES ? Number.POSITIVE_INFINITY : transactionLength(frame, at);
        if (length > frame.length - at) throw inside(error, `transactions[${i}]`);
        rejections.set(i, inside(error, `transactions[${i}]`));
      }
      at = skipPadding(frame, at + length, at + alignUp(length));
    }
    if (at !== frame.length) throw invalid("frame", `transactions that end with it, at byte ${frame.length}`, at);
    this.#starts[this.count] = at;
    return rejections;
  }
}

/** @throws RejectedError when the frame ends before its first transaction could begin. */
export function requireBody(frame: Buffer): void {
  if (frame.length < FRAME_BODY_AT) throw invalid("frame", `at least ${FRAME_BODY_AT} bytes`, frame.length);
}

function skipPadding(frame: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at++)
    if (frame[at] !== 0) throw invalid("frame", "zero bytes after a transaction", frame[at]);
  return to;
}

function requireNonceOrId(flags: number): void {
  if ((flags & TxFlag.nonceLeftOut) === 0 || (flags & TxFlag.id) !== 0) return;
  throw new EngineError("NONCE_REQUIRED", 'transaction: with wait "accepted" a nonce or an id must be stated', {
    path: "transaction",
  });
}
