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
import type { BlockEntry } from "../encoding/block-entry.ts";
import { toHex } from "../encoding/hex.ts";
import { microsecondsAt, microsecondsOf } from "../encoding/laps.ts";
import { readReceiptHeader } from "../encoding/receipt.ts";
import { BodyForm, TX_HEADER_BYTES } from "../encoding/transaction.ts";
import type { ErrorCode } from "../errors.ts";
import type { RequestTrace } from "../rpc/request-telemetry.ts";
import type { QueryOutcome, SubmissionOutcome } from "../rpc/services.ts";
import type { OtlpExporter } from "./otlp-exporter.ts";
import {
  type Attributes,
  claimAttribute,
  countAttribute,
  nanoseconds,
  numberAttribute,
  type SpanKind,
  spanText,
  textAttribute,
  wordAttribute,
} from "./span.ts";
import { newSpanId, newTraceId, parseTraceparent, type TraceContext } from "./trace-context.ts";

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

class Trace implements RequestTrace {
  readonly #tracer: Tracer;
  readonly #method: string;
  readonly #startedAtMs: number;
  readonly #start: string;
  readonly #parent: TraceContext | undefined;
  readonly #root: { readonly traceId: string; readonly spanId: string };
  readonly #spans: string[] = [];

  constructor(tracer: Tracer, method: string, startedAtMs: number, parent: TraceContext | undefined) {
    this.#tracer = tracer;
    this.#method = method;
    this.#startedAtMs = startedAtMs;
    this.#start = nanoseconds(startedAtMs);
    this.#parent = parent;
    this.#root = { traceId: parent?.traceId ?? newTraceId(), spanId: newSpanId() };
  }

  settled(outcome: SubmissionOutcome | QueryOutcome): void {
    if ("gasUsed" in outcome) {
      const attributes =
        countAttribute("contract.gas.used", outcome.gasUsed) +
        claimAttribute("contract.cache.hit", outcome.cached === true) +
        wordAttribute("contract.status", outcome.status) +
        countAttribute("contract.block.height", outcome.blockHeight);
      this.#add("contract.query", "internal", this.#start, nanoseconds(performance.now()), attributes);
      return;
    }
    const block = outcome.block(0);
    // An answer from before: its id was known, or the daemon has restarted since.
    if (block?.executedAtMs === undefined || block.executedAtMs < this.#startedAtMs) return;
    this.#addBlock(block, outcome.position(0), block.executedAtMs);
  }

  #addBlock(block: BlockEntry, position: number, executedAtMs: number): void {
    const { laps = [], transactionCount } = block;
    const executed = nanoseconds(executedAtMs);
    const blockId = this.#add(
      "contract.block",
      "internal",
      this.#start,
      executed,
      countAttribute("contract.block.height", block.height) +
        countAttribute("contract.block.transactions", transactionCount) +
        // More than the block took where helpers ran some of them beside others.
        numberAttribute("contract.block.transactions_ms", microsecondsOf(laps) / 1000) +
        countAttribute("contract.gas.used", block.gasUsed),
    );
    const start = nanoseconds(executedAtMs - microsecondsAt(laps, position) / 1000);
    const attributes = transactionAttributes(block, position);
    this.#add("contract.execute", "internal", start, executed, attributes, blockId);
    if (block.durableAtMs === undefined) return;
    this.#add(
      "log.append",
      "client",
      executed,
      nanoseconds(block.durableAtMs),
      wordAttribute("db.system.name", this.#tracer.logSystem) +
        wordAttribute("db.operation.name", "append") +
        countAttribute("db.operation.batch.size", transactionCount) +
        countAttribute("db.response.bytes", block.bytes.length),
    );
  }

  ended(error: ErrorCode | undefined): void {
    const attributes =
      wordAttribute("rpc.system.name", "jsonrpc") +
      textAttribute("rpc.method", this.#method) +
      (error === undefined ? "" : wordAttribute("error.type", error));
    const parentId = this.#parent?.spanId;
    const end = nanoseconds(performance.now());
    this.#spans.push(spanText(this.#root, parentId, this.#method, "server", this.#start, end, attributes, error));
    this.#tracer.exporter.add(this.#spans);
  }

  /** @returns the span's id. */
  #add(
    name: string,
    kind: SpanKind,
    start: string,
    end: string,
    attributes: Attributes,
    parentId = this.#root.spanId,
  ): string {
    const span = { traceId: this.#root.traceId, spanId: newSpanId() };
    this.#spans.push(spanText(span, parentId, name, kind, start, end, attributes));
    return span.spanId;
  }
}

/** Addresses stand here, on spans, and on no metric. */
function transactionAttributes(block: BlockEntry, position: number): Attributes {
  const { bytes } = block;
  const at = block.transactionAt(position);
  const receipt = readReceiptHeader(bytes, block.receiptAt(position));
  const body = at + TX_HEADER_BYTES;
  const isNamed = bytes[at + 2] === BodyForm.entrypoint;
  const entrypoint = isNamed ? Buffer.from(bytes.subarray(body + 1, body + 1 + bytes[body]!)).toString("utf8") : "";
  return (
    wordAttribute("contract.address", toHex(receipt.contractAddress ?? bytes.subarray(at + 44, at + 64))) +
    textAttribute("contract.function", entrypoint) +
    wordAttribute("contract.transaction.hash", toHex(block.transactionHash(position))) +
    countAttribute("contract.gas.used", receipt.gasUsed) +
    wordAttribute("contract.status", receipt.status)
  );
}
