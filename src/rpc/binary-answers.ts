/** Answers of the binary protocol (layout: encoding/binary-frame.ts), from the service's outcomes. */
import { FrameType, NO_BLOCK, SubmitFlag, SubmitStatus } from "../encoding/binary-frame.ts";
import { ENTRY_HEADER_BYTES } from "../encoding/block-entry.ts";
import { type ByteWriter, writeU64 } from "../encoding/bytes.ts";
import { HALT_REASONS, type HaltReason, RECEIPT_HEADER_BYTES, ReceiptStatus } from "../encoding/receipt.ts";
import type { EngineError } from "../errors.ts";
import { errorText } from "./answers.ts";
import type { BinaryBatch } from "./binary-batch.ts";
import { type FaultLog, publicError } from "./faults.ts";
import { receiptLength } from "./receipt-text.ts";
import type { MethodTelemetry } from "./request-telemetry.ts";
import type { QueryOutcome, Rejection, Sink, SubmissionOutcome, Wait } from "./services.ts";

const HASH_BYTES = 32;
const ADDRESS_BYTES = 20;

/** Where frames go. */
export interface FrameTarget {
  send(type: number, id: number, requestBytes: number, write: (out: ByteWriter) => void): void;
}

/** A frame in hand, to be answered once. */
export class FrameRequest {
  readonly #id: number;
  readonly #bytes: number;
  readonly #target: FrameTarget;
  readonly #log: FaultLog;
  readonly #telemetry: MethodTelemetry | undefined;
  readonly #startedAtMs: number;

  constructor(id: number, bytes: number, target: FrameTarget, log: FaultLog, telemetry?: MethodTelemetry) {
    this.#id = id;
    this.#bytes = bytes;
    this.#target = target;
    this.#log = log;
    this.#telemetry = telemetry;
    this.#startedAtMs = telemetry === undefined ? 0 : performance.now();
  }

  /** A fault in the making of the answer refuses the frame instead. */
  answer(type: number, write: (out: ByteWriter) => void): void {
    try {
      this.#target.send(type, this.#id, this.#bytes, write);
    } catch (thrown) {
      this.refuse(thrown);
      return;
    }
    this.#telemetry?.answered(this.#startedAtMs, undefined);
  }

  refuse(thrown: unknown): void {
    const error = this.publicError(thrown);
    const text = Buffer.from(errorText(error));
    this.#telemetry?.answered(this.#startedAtMs, error.code);
    this.#target.send(FrameType.refused, this.#id, this.#bytes, (out) => out.raw(text));
  }

  publicError(thrown: unknown): EngineError {
    return publicError(thrown, this.#log);
  }
}

export class SubmitSink implements Sink<SubmissionOutcome | undefined> {
  readonly #request: FrameRequest;
  readonly #batch: BinaryBatch;
  readonly #wait: Wait;
  readonly #withReceipts: boolean;

  constructor(request: FrameRequest, batch: BinaryBatch, wait: Wait, withReceipts: boolean) {
    this.#request = request;
    this.#batch = batch;
    this.#wait = wait;
    this.#withReceipts = withReceipts;
  }

  /** `outcome` is undefined when every transaction was rejected before it was submitted. */
  settle(outcome: SubmissionOutcome | undefined): void {
    this.#request.answer(FrameType.submitted, (out) => {
      const heightAt = out.length;
      let height = -1;
      out.u64(NO_BLOCK);
      out.u32(this.#batch.count);
      for (let i = 0, index = 0; i < this.#batch.count; i++) {
        const refused = this.#batch.rejections.get(i);
        if (refused !== undefined) writeRejection(refused, out);
        else height = Math.max(height, this.#writeOutcome(outcome!, index++, out));
      }
      if (height < 0) return;
      writeU64(out.bytes, heightAt, height);
    });
  }

  fail(error: EngineError): void {
    this.#request.refuse(error);
  }

  /** Answers the height of the block that holds it; -1 when none does. */
  #writeOutcome(outcome: SubmissionOutcome, index: number, out: ByteWriter): number {
    const rejection = outcome.rejection(index);
    if (rejection !== undefined) {
      writeRejection(rejection, out);
      return -1;
    }
    const block = this.#wait === "accepted" ? undefined : outcome.block(index);
    if (block === undefined) {
      out.u32(SubmitStatus.accepted);
      out.raw(outcome.acceptedHash(index)!);
      return -1;
    }
    const { bytes } = block;
    const position = outcome.position(index);
    const at = block.receiptAt(position);
    const hasContract = (bytes[at + 2]! & 1) !== 0;
    out.u8(bytes[at]!);
    out.u8((hasContract ? SubmitFlag.contractAddress : 0) | (this.#withReceipts ? SubmitFlag.receipt : 0));
    out.u16(0);
    out.copy(bytes, at + 8, at + 16);
    const hashAt = ENTRY_HEADER_BYTES + HASH_BYTES * position;
    out.copy(bytes, hashAt, hashAt + HASH_BYTES);
    if (hasContract) out.copy(bytes, at + RECEIPT_HEADER_BYTES, at + RECEIPT_HEADER_BYTES + ADDRESS_BYTES);
    if (this.#withReceipts) {
      const length = receiptLength(bytes, at);
      out.u32(length);
      out.copy(bytes, at, at + length);
    }
    return block.height;
  }
}

/** Gathers the outcomes of one frame's queries, and answers when all are there. */
export class QueryAnswers {
  readonly #request: FrameRequest;
  readonly #outcomes: (QueryOutcome | Rejection)[];
  /** Queries that have not settled, and one for the loop that starts them. */
  #missing: number;

  constructor(request: FrameRequest, batch: BinaryBatch) {
    this.#request = request;
    this.#outcomes = new Array<QueryOutcome | Rejection>(batch.count);
    for (const [index, rejection] of batch.rejections) this.#outcomes[index] = rejection;
    this.#missing = batch.acceptedCount + 1;
  }

  sink(index: number): Sink<QueryOutcome> {
    return {
      settle: (outcome) => this.#settle(index, outcome.rejection ?? outcome),
      fail: (error) => this.#settle(index, this.#request.publicError(error)),
    };
  }

  allStarted(): void {
    this.#finishOne();
  }

  #settle(index: number, outcome: QueryOutcome | Rejection): void {
    this.#outcomes[index] = outcome;
    this.#finishOne();
  }

  #finishOne(): void {
    if (--this.#missing > 0) return;
    this.#request.answer(FrameType.queried, (out) => {
      out.u32(this.#outcomes.length);
      for (const outcome of this.#outcomes) {
        if ("code" in outcome) writeRejection(outcome, out);
        else writeQueryOutcome(outcome, out);
      }
    });
  }
}

function writeQueryOutcome(outcome: QueryOutcome, out: ByteWriter): void {
  out.u8(ReceiptStatus[outcome.status]);
  out.u8(outcome.haltReason === undefined ? 0 : HALT_REASONS.indexOf(outcome.haltReason as HaltReason));
  out.u16(0);
  out.u64(outcome.gasUsed);
  out.u64(outcome.seq);
  out.u64(outcome.blockHeight);
  out.u32(outcome.returnData.length);
  out.raw(outcome.returnData);
}

function writeRejection(rejection: Rejection, out: ByteWriter): void {
  const text = Buffer.from(errorText(rejection));
  out.u32(SubmitStatus.rejected);
  out.u32(text.length);
  out.raw(text);
}
