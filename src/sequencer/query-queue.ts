/**
 * QueryQueue: read-only calls, gathered for one turn of the loop and run by the executor between blocks, but those of
 * contracts that take long: where there is a pool for them, the executor leaves them to it, and those of contracts known for
 * it never come to the executor.
 *   submit ──┬────────▶ executor ── answers ──▶ sinks
 *            │              │ left (WebAssembly)
 *            └── known ─────┴──▶ CallRunner ──▶ sinks
 * Bounded: past it a query is refused with BUSY.
 */
import { alignUp, ByteWriter, toLatin1 } from "../encoding/bytes.ts";
import { answerLength, decodeAnswer, isLeft, type QueryAnswer } from "../encoding/query-answer.ts";
import { ADDRESS_BYTES } from "../encoding/state-key.ts";
import { TX_TO_AT, transactionLength } from "../encoding/transaction.ts";
import { EngineError, toEngineError } from "../errors.ts";
import type { Pipeline } from "./pipeline.ts";

export interface QuerySink {
  settle(answer: QueryAnswer): void;
  fail(error: EngineError): void;
}

/** Runs single queries somewhere else than the executor, on durable state. */
export interface CallRunner {
  /** @param call one encoded call, which is kept. @throws EngineError BUSY, SHUTTING_DOWN; nothing was queued then. */
  submit(call: Uint8Array, sink: QuerySink): void;
}

/** Queries that may wait for the executor. */
const QUERIES_MAX = 16_384;
/** Addresses of contracts whose queries run elsewhere; beyond it they are learned anew. */
const ADDRESSES_KEPT = 65_536;
/** What runs elsewhere, where there is an elsewhere. */
const SLOW_KIND = "wasm";

export class QueryQueue {
  readonly #pipeline: Pipeline;
  readonly #elsewhere: CallRunner | undefined;
  /** One char a byte. A contract's kind is for good; if its address gets another by a rollback, elsewhere is as right. */
  readonly #slow = new Set<string>();
  #calls = new ByteWriter(16 * 1024);
  #sinks: QuerySink[] = [];
  #waiting = 0;
  #scheduled = false;

  /** @param elsewhere runs the queries of WebAssembly contracts; left out: the executor runs all. */
  constructor(pipeline: Pipeline, elsewhere?: CallRunner) {
    this.#pipeline = pipeline;
    this.#elsewhere = elsewhere;
  }

  /**
   * @param followsWrites the asker has submitted what is not answered yet: the executor, which has what was submitted before,
   *        has to see the query first.
   * @throws what `encode` throws, and EngineError BUSY; nothing was queued then.
   */
  submit(encode: (out: ByteWriter) => number, sink: QuerySink, followsWrites = true): void {
    const calls = this.#calls;
    const start = calls.length;
    try {
      this.#refuseIfFull();
      encode(calls);
      if (!followsWrites && this.#slow.size > 0 && this.#slow.has(recipient(calls.bytes, start))) {
        this.#elsewhere!.submit(calls.bytes.slice(start, calls.length), sink);
        calls.length = start;
        return;
      }
    } catch (problem) {
      calls.length = start;
      throw problem;
    }
    this.#sinks.push(sink);
    this.#waiting++;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #refuseIfFull(): void {
    if (this.#waiting >= QUERIES_MAX)
      throw new EngineError("BUSY", `${this.#waiting} queries wait to be run`, { retryAfterMs: 50 });
  }

  #flush(): void {
    this.#scheduled = false;
    const sinks = this.#sinks;
    this.#sinks = [];
    const done = new Uint8Array(sinks.length);
    const calls = this.#calls.takeShared();
    this.#pipeline.queries(
      { calls, count: sinks.length, leaves: this.#elsewhere && SLOW_KIND },
      ({ results, seq, height }) => {
        let at = 0;
        let callAt = 0;
        for (let i = 0; i < sinks.length; i++) {
          const callEnd = callAt + alignUp(transactionLength(calls, callAt));
          if (done[i] === 0) {
            this.#waiting--;
            if (isLeft(results, at)) this.#runElsewhere(calls.slice(callAt, callEnd), sinks[i]!);
            else sinks[i]!.settle(decodeAnswer(results, at, seq, height));
            at += answerLength(results, at);
          }
          callAt = callEnd;
        }
      },
      (index, problem) => {
        done[index] = 1;
        this.#waiting--;
        sinks[index]!.fail(problem);
      },
    );
  }

  #runElsewhere(call: Uint8Array, sink: QuerySink): void {
    if (this.#slow.size >= ADDRESSES_KEPT) this.#slow.clear();
    this.#slow.add(recipient(call, 0));
    try {
      this.#elsewhere!.submit(call, sink);
    } catch (problem) {
      sink.fail(toEngineError(problem));
    }
  }
}

function recipient(call: Uint8Array, at: number): string {
  return toLatin1(call, at + TX_TO_AT, at + TX_TO_AT + ADDRESS_BYTES);
}
