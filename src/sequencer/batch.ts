/**
 * Batch: encoded transactions on their way to the executor, and who waits for them.
 * Submission: the transactions of one request. Whoever submitted learns of each where it went.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { alignUp, type ByteWriter } from "../encoding/bytes.ts";
import { transactionLength } from "../encoding/transaction.ts";
import type { EngineError, ErrorCode, ErrorFacts } from "../errors.ts";
import type { RejectedTransaction } from "../execution/block-executor.ts";

export type Wait = "accepted" | "executed" | "durable";

export interface Rejection {
  code: ErrorCode;
  message: string;
  facts: ErrorFacts;
}

export interface Located {
  block: BlockEntry;
  index: number;
}

export interface SubmissionSink {
  settle(outcome: Submission): void;
  fail(error: EngineError): void;
  /** It ran, and is not durable yet: for a sink that tells those who wait for no more, and hears of the rest. */
  executed?(outcome: Submission): void;
  /** What will become of it is not known, and whoever asked must be told. One of the others follows. */
  overdue?(error: EngineError): void;
}

const ANSWERED: SubmissionSink = { settle: () => undefined, fail: () => undefined };

const MOVED = -1;

/** The transactions of one request; index is the order in which they were encoded. */
export class Submission {
  sink: SubmissionSink;
  readonly wait: Wait;
  readonly count: number;
  /** Index in the batch of the first transaction that was sent to the executor. */
  first = 0;
  #block: BlockEntry | undefined;
  /** Position in the block of the first; the others follow, unless `#positions` says otherwise. */
  #position = 0;
  #positions: Int32Array | undefined;
  #rejections: Map<number, Rejection> | undefined;
  /** Transactions answered from elsewhere: their id was known. */
  #elsewhere: Map<number, Located> | undefined;
  /** Submission index of the n-th transaction that was sent, where some were answered from elsewhere. */
  sent: number[] | undefined;
  acceptedHashes: (Uint8Array | undefined)[] | undefined;

  constructor(sink: SubmissionSink, wait: Wait, count: number) {
    this.sink = sink;
    this.wait = wait;
    this.count = count;
  }

  get sentCount(): number {
    return this.sent?.length ?? this.count;
  }

  block(index: number): BlockEntry | undefined {
    const elsewhere = this.#elsewhere?.get(index);
    if (elsewhere !== undefined) return elsewhere.block;
    return this.#rejections?.has(index) ? undefined : this.#block;
  }

  position(index: number): number {
    const elsewhere = this.#elsewhere?.get(index);
    if (elsewhere !== undefined) return elsewhere.index;
    return this.#positions === undefined ? this.#position + index : this.#positions[index]!;
  }

  rejection(index: number): Rejection | undefined {
    return this.#rejections?.get(index);
  }

  acceptedHash(index: number): Uint8Array | undefined {
    return this.acceptedHashes?.[index] ?? this.block(index)?.transactionHash(this.position(index));
  }

  /** Somebody hears of it before it is durable. */
  get isToldEarly(): boolean {
    return this.wait === "executed" || this.sink.executed !== undefined;
  }

  tellExecuted(): void {
    if (this.wait === "executed") this.sink.settle(this);
    else this.sink.executed?.(this);
  }

  overdue(error: EngineError): void {
    const { sink } = this;
    if (sink.overdue !== undefined) {
      sink.overdue(error);
      return;
    }
    this.sink = ANSWERED;
    sink.fail(error);
  }

  reject(index: number, rejection: Rejection): void {
    this.#rejections ??= new Map();
    this.#rejections.set(index, rejection);
  }

  locate(index: number, located: Located): void {
    this.#elsewhere ??= new Map();
    this.#elsewhere.set(index, located);
  }

  /**
   * @param first index in the batch of the block's first transaction.
   * @param rejected of the whole block, ascending, indices relative to `first`.
   */
  place(block: BlockEntry | undefined, first: number, rejected: readonly RejectedTransaction[]): void {
    this.#block = block;
    const own = this.first - first;
    if (rejected.length === 0 && this.sent === undefined) {
      this.#position = own;
      return;
    }
    this.#positions = new Int32Array(this.count).fill(MOVED);
    let skipped = 0;
    while (skipped < rejected.length && rejected[skipped]!.index < own) skipped++;
    for (let i = 0; i < this.sentCount; i++) {
      const index = this.sent?.[i] ?? i;
      const refusal = rejected[skipped];
      if (refusal !== undefined && refusal.index === own + i) {
        this.reject(index, { code: refusal.code, message: refusal.message, facts: refusal.facts });
        skipped++;
      } else {
        this.#positions[index] = own + i - skipped;
      }
    }
  }
}

export class Batch {
  /** Lent until the batch is with the executor. */
  readonly out: ByteWriter;
  readonly submissions: Submission[] = [];
  count = 0;

  constructor(out: ByteWriter) {
    this.out = out;
  }

  add(submission: Submission): void {
    submission.first = this.count;
    this.count += submission.sentCount;
    this.submissions.push(submission);
  }

  /** Index after the last transaction of each submission. */
  submissionEnds(): Uint32Array {
    const ends = new Uint32Array(this.submissions.length);
    for (const [i, { first, sentCount }] of this.submissions.entries()) ends[i] = first + sentCount;
    return ends;
  }

  /** Takes out transaction `at`: the executor was lost at it. */
  evict(at: number, { code, message, facts }: EngineError): void {
    const submission = this.submissions.find((candidate) => at < candidate.first + candidate.sentCount)!;
    submission.sent ??= Array.from({ length: submission.count }, (_, i) => i);
    const [index] = submission.sent.splice(at - submission.first, 1);
    submission.reject(index!, { code, message, facts });
    for (const later of this.submissions) if (later.first > submission.first) later.first--;
    this.count--;
  }
}

/** The encodings without number `index`. */
export function withoutTransaction(bytes: Uint8Array<SharedArrayBuffer>, index: number): Uint8Array<SharedArrayBuffer> {
  let at = 0;
  for (let i = 0; i < index; i++) at += alignUp(transactionLength(bytes, at));
  const end = at + alignUp(transactionLength(bytes, at));
  const rest = new Uint8Array(new SharedArrayBuffer(bytes.length - (end - at)));
  rest.set(bytes.subarray(0, at));
  rest.set(bytes.subarray(end), at);
  return rest;
}
