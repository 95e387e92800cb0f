/**
 * Work: what is with the executor, and can be run again on another one when that is lost.
 * `bytes` is shared with the executor's thread, which copies what it changes.
 */
import type { EngineError } from "../errors.ts";
import { type Batch, withoutTransaction } from "./batch.ts";

export interface Work {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly count: number;
  /** Takes transaction or query `index` out; it was what the executor was at when it was lost. */
  evict(index: number, problem: EngineError): void;
  fail(problem: EngineError): void;
}

export class BatchWork implements Work {
  readonly batch: Batch;
  bytes: Uint8Array<SharedArrayBuffer>;
  count: number;

  constructor(batch: Batch) {
    this.batch = batch;
    this.bytes = batch.out.takeShared();
    this.count = batch.count;
  }

  evict(index: number, problem: EngineError): void {
    this.batch.evict(index, problem);
    this.bytes = withoutTransaction(this.bytes, index);
    this.count--;
  }

  fail(problem: EngineError): void {
    for (const { sink } of this.batch.submissions) sink.fail(problem);
  }
}

export class QueryWork implements Work {
  bytes: Uint8Array<SharedArrayBuffer>;
  count: number;
  /** Of those that were asked for, the ones that are not settled. */
  readonly #indices: number[];
  readonly #failOne: (index: number, problem: EngineError) => void;

  constructor(
    calls: Uint8Array<SharedArrayBuffer>,
    count: number,
    failOne: (index: number, problem: EngineError) => void,
  ) {
    this.bytes = calls;
    this.count = count;
    this.#indices = Array.from({ length: count }, (_, i) => i);
    this.#failOne = failOne;
  }

  evict(at: number, problem: EngineError): void {
    this.#failOne(this.#indices.splice(at, 1)[0]!, problem);
    this.bytes = withoutTransaction(this.bytes, at);
    this.count--;
  }

  fail(problem: EngineError): void {
    for (const index of this.#indices.splice(0)) this.#failOne(index, problem);
  }
}
