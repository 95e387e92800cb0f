/**
 * AutoSequencer: mode auto. A block is whatever has queued up while the one before it ran; there are no empty blocks.
 *   submit ──▶ open batch ── next turn of the loop, when the executor has room ──▶ Pipeline
 * Always
 *  - A submission goes whole into one batch, and so into one block, in the order submitted.
 *  - Past the backlog's bound a submission is refused with BUSY before anything of it is queued.
 *  - A transaction whose id is known runs no second time.
 */
import { alignUp, ByteWriter } from "../encoding/bytes.ts";
import { TxFlag, transactionLength } from "../encoding/transaction.ts";
import { EngineError } from "../errors.ts";
import { Batch, Submission, type SubmissionSink, type Wait } from "./batch.ts";
import type { IdGate } from "./id-gate.ts";
import type { Pipeline } from "./pipeline.ts";

/** Transactions in one block: a block of 4,000 transfers executes in 15 ms, and larger ones are no faster. */
const BATCH_TRANSACTIONS_MAX = 4_096;
/** What came in one turn of the loop waits for its end, but not past this many: their answers would come all at once, too. */
const BATCH_TRANSACTIONS_EAGER = 400;

/** As many as there are open batches in a pipeline that is full. */
const SPARE_MAX = 4;
const SPARE_BYTES_MAX = 1024 * 1024;

export interface AutoSequencerOptions {
  pipeline: Pipeline;
  ids: IdGate;
  /** Bytes of encoded transactions that may wait for the executor. */
  backlogBytesMax: number;
  chainHash(bytes: Uint8Array, at: number): Uint8Array;
  /** Bytes of journal that the followers have yet to apply, and how many may be. */
  followerBacklog(): { bytes: number; max: number };
  /** Why this daemon takes no writes; undefined when it does. */
  refusal?(): EngineError | undefined;
}

export class AutoSequencer {
  readonly #options: AutoSequencerOptions;
  /** Writers of batches that the executor has: a new one for each would be what the garbage collector runs for. */
  readonly #spare: ByteWriter[] = [];
  #open = new Batch(new ByteWriter());
  #closed: Batch[] = [];
  #closedBytes = 0;
  #scheduled = false;
  #stopping = false;
  #failure: EngineError | undefined;

  constructor(options: AutoSequencerOptions) {
    this.#options = options;
  }

  get backlogBytes(): number {
    return this.#closedBytes + this.#open.out.length;
  }

  /** @throws what `encode` throws; EngineError BUSY, SHUTTING_DOWN. Nothing was queued then. */
  submit(encode: (out: ByteWriter) => number, wait: Wait, sink: SubmissionSink): void {
    this.#refuseIfFull();
    if (this.#open.count >= BATCH_TRANSACTIONS_MAX) this.#closeBatch();
    const batch = this.#open;
    const { out } = batch;
    const start = out.length;
    let count: number;
    try {
      count = encode(out);
    } catch (problem) {
      out.length = start;
      throw problem;
    }
    const hasIds = hasFlag(out.bytes, start, count, TxFlag.id);
    const submission = hasIds
      ? this.#options.ids.admit(out, start, count, wait, sink)
      : new Submission(sink, wait, count);
    batch.add(submission);
    if (wait === "accepted" && !hasIds) {
      submission.acceptedHashes = this.#hashes(out.bytes, start, count);
      sink.settle(submission);
    }
    if (batch.count >= BATCH_TRANSACTIONS_EAGER) this.pump();
    else this.#schedule();
  }

  #refuseIfFull(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#stopping) throw new EngineError("SHUTTING_DOWN", "the daemon is stopping", {});
    const refusal = this.#options.refusal?.();
    if (refusal !== undefined) throw refusal;
    if (this.backlogBytes >= this.#options.backlogBytesMax) {
      throw new EngineError(
        "BUSY",
        `${this.backlogBytes} bytes of transactions wait to be executed, the bound is ${this.#options.backlogBytesMax}`,
        { retryAfterMs: 100, backlogBytes: this.backlogBytes, maxBytes: this.#options.backlogBytesMax },
      );
    }
    const { bytes, max } = this.#options.followerBacklog();
    if (bytes >= max) {
      throw new EngineError(
        "BUSY",
        `${bytes} bytes of journal wait to be applied by what follows it, the bound is ${max}`,
        { retryAfterMs: 1_000, backlogBytes: bytes, maxBytes: max },
      );
    }
  }

  /** Called when the pipeline has room, too. */
  pump(): void {
    this.#scheduled = false;
    while (this.#options.pipeline.hasRoom) {
      const batch = this.#closed.shift() ?? (this.#open.submissions.length > 0 ? this.#open : undefined);
      if (batch === undefined) return;
      if (batch === this.#open) this.#open = this.#newBatch();
      else this.#closedBytes -= batch.out.length;
      this.#options.pipeline.execute(batch);
      this.#keep(batch.out);
    }
  }

  #schedule(): void {
    if (this.#scheduled || !this.#options.pipeline.hasRoom) return;
    this.#scheduled = true;
    setImmediate(() => this.pump());
  }

  #newBatch(): Batch {
    return new Batch(this.#spare.pop() ?? new ByteWriter());
  }

  /** Takes back a writer whose bytes were taken out of it. */
  #keep(out: ByteWriter): void {
    if (this.#spare.length < SPARE_MAX && out.bytes.length <= SPARE_BYTES_MAX) this.#spare.push(out);
  }

  #closeBatch(): void {
    this.#closed.push(this.#open);
    this.#closedBytes += this.#open.out.length;
    this.#open = this.#newBatch();
  }

  #hashes(bytes: Uint8Array, start: number, count: number): (Uint8Array | undefined)[] {
    const hashes: (Uint8Array | undefined)[] = [];
    for (let i = 0, at = start; i < count; i++) {
      hashes.push(bytes[at + 1]! & TxFlag.nonceLeftOut ? undefined : this.#options.chainHash(bytes, at));
      at += alignUp(transactionLength(bytes, at));
    }
    return hashes;
  }

  /** The engine cannot go on: what waits is told so, and so is whoever comes. */
  abort(error: EngineError): void {
    this.#failure = error;
    this.dropWaiting(error);
  }

  /** What waits to be executed won't be. */
  dropWaiting(error: EngineError): void {
    const waiting = [...this.#closed.splice(0), this.#open];
    this.#open = this.#newBatch();
    this.#closedBytes = 0;
    for (const { submissions } of waiting) for (const { sink } of submissions) sink.fail(error);
  }

  /** Takes no more; resolves when everything taken is executed. */
  async drain(): Promise<void> {
    this.#stopping = true;
    while (this.#open.submissions.length > 0 || this.#closed.length > 0 || !this.#options.pipeline.isIdle) {
      this.pump();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

function hasFlag(bytes: Uint8Array, start: number, count: number, flag: number): boolean {
  for (let i = 0, at = start; i < count; i++) {
    if (bytes[at + 1]! & flag) return true;
    at += alignUp(transactionLength(bytes, at));
  }
  return false;
}
