/**
 * Tracer: one trace joins what a request waited for, what its transaction cost, and what storage took.
 *
 *   rpc method (server) ── contract.block: from the queue to its execution ── contract.execute: one transaction and its gas
 *                      └── log.append: until it was durable, where the log is
 *                      └── contract.query, or a cached answer
 *
 * A request is traced when its caller's traceparent says so, or when a counter comes round: one in `oneIn`. For all others
 * nothing is made but that count: no span, no context, no attributes.
 */
import type { ErrorCode } from "../errors.ts";
import type { RequestTrace } from "../rpc/request-telemetry.ts";
import type { QueryOutcome, SubmissionOutcome } from "../rpc/services.ts";
import type { FinishedTrace, OtlpExporter } from "./otlp-exporter.ts";
import {
  noteQuery,
  noteTransaction,
  spanCountOf,
  spansText,
  type TracedQuery,
  type TracedRequest,
  type TracedTransaction,
} from "./request-spans.ts";
import { parseTraceparent, type TraceContext } from "./trace-context.ts";

export class Tracer {
  readonly exporter: OtlpExporter;
  /** The db.system.name of what makes blocks durable. */
  readonly logSystem: string;
  readonly #oneIn: number;
  #untilNext: number;
  traced = 0;

  /** @param oneIn 0: only what callers ask for. */
  constructor(exporter: OtlpExporter, oneIn: number, logSystem: string) {
    this.exporter = exporter;
    this.#oneIn = oneIn;
    this.logSystem = logSystem;
    this.#untilNext = oneIn;
  }

  begin(method: string, startedAtMs: number, traceparent: string | undefined): RequestTrace | undefined {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    if (parent === undefined) {
      if (this.#oneIn === 0 || --this.#untilNext > 0) return undefined;
      this.#untilNext = this.#oneIn;
    } else if (!parent.isSampled) return undefined;
    this.traced++;
    return new Trace(this, method, startedAtMs, parent);
  }
}

class Trace implements RequestTrace, FinishedTrace, TracedRequest {
  readonly #tracer: Tracer;
  readonly method: string;
  readonly startedAtMs: number;
  endedAtMs = 0;
  readonly parent: TraceContext | undefined;
  error: ErrorCode | undefined;
  query: TracedQuery | undefined;
  transaction: TracedTransaction | undefined;

  constructor(tracer: Tracer, method: string, startedAtMs: number, parent: TraceContext | undefined) {
    this.#tracer = tracer;
    this.method = method;
    this.startedAtMs = startedAtMs;
    this.parent = parent;
  }

  settled(outcome: SubmissionOutcome | QueryOutcome): void {
    if ("gasUsed" in outcome) {
      this.query = noteQuery(outcome);
      return;
    }
    const block = outcome.block(0);
    // An answer from before: its id was known, or the daemon has restarted since.
    if (block?.executedAtMs === undefined || block.executedAtMs < this.startedAtMs) return;
    this.transaction = noteTransaction(block, outcome.position(0), block.executedAtMs);
  }

  ended(error: ErrorCode | undefined): void {
    this.endedAtMs = performance.now();
    this.error = error;
    this.#tracer.exporter.add(this);
  }

  get spanCount(): number {
    return spanCountOf(this);
  }

  spansText(): string {
    return spansText(this, this.#tracer.logSystem);
  }
}
