/**
 * QueryQueue: read-only calls, gathered for one turn of the loop and run by the executor between blocks.
 * Bounded: past it a query is refused with BUSY.
 */
import { alignUp, ByteWriter, readU32, readU64 } from "../encoding/bytes.ts";
import { HALT_REASONS } from "../encoding/receipt.ts";
import { EngineError } from "../errors.ts";
import type { ErrorRecord } from "../execution/error-record.ts";
import type { Pipeline } from "./pipeline.ts";

export interface QueryAnswer {
  status: "success" | "reverted" | "halted";
  haltReason: string | undefined;
  gasUsed: number;
  returnData: Uint8Array;
  seq: number;
  blockHeight: number;
  rejection: ErrorRecord | undefined;
}

export interface QuerySink {
  settle(answer: QueryAnswer): void;
  fail(error: EngineError): void;
}

const STATUSES = ["success", "success", "reverted", "halted"] as const;
const RESULT_HEADER_BYTES = 16;
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
          at += alignUp(RESULT_HEADER_BYTES + readU32(results, at + 4));
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

export function decodeAnswer(results: Uint8Array, at: number, seq: number, blockHeight: number): QueryAnswer {
  const status = results[at]!;
  const end = at + RESULT_HEADER_BYTES + readU32(results, at + 4);
  const payload = results.subarray(at + RESULT_HEADER_BYTES, end);
  const haltReason = results[at + 1] === 0 ? undefined : HALT_REASONS[results[at + 1]!];
  return {
    status: STATUSES[status]!,
    haltReason,
    gasUsed: readU64(results, at + 8),
    returnData: payload,
    seq,
    blockHeight,
    rejection: status === 0 ? (JSON.parse(Buffer.from(payload).toString("utf8")) as ErrorRecord) : undefined,
  };
}
