/**
 * QueryQueue: read-only calls, gathered for one turn of the loop and run by the executor between blocks.
 * Bounded: past it a query is refused with BUSY.
 */
import { ByteWriter } from "../encoding/bytes.ts";
import { answerLength, decodeAnswer, type QueryAnswer } from "../encoding/query-answer.ts";
import { EngineError } from "../errors.ts";
import type { Pipeline } from "./pipeline.ts";

export interface QuerySink {
  settle(answer: QueryAnswer): void;
  fail(error: EngineError): void;
}

/** Queries that may wait for the executor. */
const QUERIES_MAX = 16_384;

export class QueryQueue {
  readonly #pipeline: Pipeline;
  #calls = new ByteWriter(16 * 1024);
  #sinks: QuerySink[] = [];
  #waiting = 0;
  #scheduled = false;

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
  }

  /** @throws what `encode` throws, and EngineError BUSY; nothing was queued then. */
  submit(encode: (out: ByteWriter) => number, sink: QuerySink): void {
    if (this.#waiting >= QUERIES_MAX)
      throw new EngineError("BUSY", `${this.#waiting} queries wait to be run`, { retryAfterMs: 50 });
    const start = this.#calls.length;
    try {
      encode(this.#calls);
    } catch (problem) {
      this.#calls.length = start;
      throw problem;
    }
    this.#sinks.push(sink);
    this.#waiting++;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    const sinks = this.#sinks;
    this.#sinks = [];
    const done = new Uint8Array(sinks.length);
    this.#pipeline.queries(
      this.#calls.takeShared(),
      sinks.length,
      ({ results, seq, height }) => {
        let at = 0;
        for (let i = 0; i < sinks.length; i++) {
          if (done[i] === 1) continue;
          const answer = decodeAnswer(results, at, seq, height);
          at += answerLength(results, at);
          this.#waiting--;
          sinks[i]!.settle(answer);
        }
      },
      (index, problem) => {
        done[index] = 1;
        this.#waiting--;
        sinks[index]!.fail(problem);
      },
    );
  }
}
