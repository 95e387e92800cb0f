/**
 * Tracer: one trace joins what a request waited for, what its transaction cost, and what storage took.
 *
 *   rpc method (server) ── contract.block: from the queue to its execution ── contract.execute: one transaction and its gas
 *                      └── journal.append: until it was durable
 *                      └── contract.query, or a cached answer
 *
 * A request is traced when its caller's traceparent says so, or when a counter comes round: one in `oneIn`. For all others
 * nothing is made but that count: no span, no context, no attributes.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { toHex } from "../encoding/hex.ts";
import { decodeReceipt } from "../encoding/receipt.ts";
import { BodyForm, TX_HEADER_BYTES } from "../encoding/transaction.ts";
import type { ErrorCode } from "../errors.ts";
import type { RequestTrace } from "../rpc/request-telemetry.ts";
import type { QueryOutcome, SubmissionOutcome } from "../rpc/services.ts";
import type { OtlpExporter, Span } from "./otlp-exporter.ts";
import { newSpanId, newTraceId, parseTraceparent, type TraceContext } from "./trace-context.ts";

export class Tracer {
  readonly exporter: OtlpExporter;
  readonly #oneIn: number;
  #untilNext: number;
  traced = 0;

  /** @param oneIn 0: only what callers ask for. */
  constructor(exporter: OtlpExporter, oneIn: number) {
    this.exporter = exporter;
    this.#oneIn = oneIn;
    this.#untilNext = oneIn;
  }

  begin(method: string, startedAtMs: number, traceparent: string | undefined): RequestTrace | undefined {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    if (parent === undefined) {
      if (this.#oneIn === 0 || --this.#untilNext > 0) return undefined;
      this.#untilNext = this.#oneIn;
    } else if (!parent.isSampled) return undefined;
    this.traced++;
    return new Trace(this.exporter, method, startedAtMs, parent);
  }
}

class Trace implements RequestTrace {
  readonly #exporter: OtlpExporter;
  readonly #method: string;
  readonly #startedAtMs: number;
  readonly #parent: TraceContext | undefined;
  readonly #traceId: string;
  readonly #spanId = newSpanId();
  readonly #children: Span[] = [];

  constructor(exporter: OtlpExporter, method: string, startedAtMs: number, parent: TraceContext | undefined) {
    this.#exporter = exporter;
    this.#method = method;
    this.#startedAtMs = startedAtMs;
    this.#parent = parent;
    this.#traceId = parent?.traceId ?? newTraceId();
  }

  settled(outcome: SubmissionOutcome | QueryOutcome): void {
    if ("gasUsed" in outcome) {
      this.#add("contract.query", this.#startedAtMs, performance.now(), {
        "contract.gas.used": outcome.gasUsed,
        "contract.cache.hit": outcome.cached === true,
        "contract.status": outcome.status,
        "contract.block.height": outcome.blockHeight,
      });
      return;
    }
    const block = outcome.block(0);
    // An answer from before: its id was known, or the daemon has restarted since.
    if (block?.executedAtMs === undefined || block.executedAtMs < this.#startedAtMs) return;
    this.#block(block, outcome.position(0));
  }

  #block(block: BlockEntry, position: number): void {
    const executedAtMs = block.executedAtMs!;
    // More than the block took where helpers ran some of them beside others.
    const addedUpMs = (block.timesUs?.reduce((sum, each) => sum + each, 0) ?? 0) / 1000;
    const blockSpan = this.#add("contract.block", this.#startedAtMs, executedAtMs, {
      "contract.block.height": block.height,
      "contract.block.transactions": block.transactionCount,
      "contract.block.transactions_ms": addedUpMs,
      "contract.gas.used": block.gasUsed,
    });
    const timeMs = (block.timesUs?.[position] ?? 0) / 1000;
    this.#add(
      "contract.execute",
      executedAtMs - timeMs,
      executedAtMs,
      transactionAttributes(block, position),
      blockSpan.spanId,
    );
    if (block.durableAtMs === undefined) return;
    this.#add("journal.append", executedAtMs, block.durableAtMs, {
      "db.system.name": "polytorus.journal",
      "db.operation.name": "append",
      "db.operation.batch.size": block.transactionCount,
      "db.response.bytes": block.bytes.length,
    });
  }

  ended(error: ErrorCode | undefined): void {
    const attributes = { "rpc.system.name": "jsonrpc", "rpc.method": this.#method };
    const root: Span = {
      traceId: this.#traceId,
      spanId: this.#spanId,
      parentSpanId: this.#parent?.spanId,
      name: this.#method,
      kind: "server",
      startMs: epoch(this.#startedAtMs),
      endMs: epoch(performance.now()),
      attributes: error === undefined ? attributes : { ...attributes, "error.type": error },
      error,
    };
    this.#exporter.add([root, ...this.#children]);
  }

  #add(name: string, fromMs: number, toMs: number, attributes: Span["attributes"], parent = this.#spanId): Span {
    const span: Span = {
      traceId: this.#traceId,
      spanId: newSpanId(),
      parentSpanId: parent,
      name,
      kind: name.startsWith("journal") ? "client" : "internal",
      startMs: epoch(fromMs),
      endMs: epoch(toMs),
      attributes,
    };
    this.#children.push(span);
    return span;
  }
}

function epoch(ms: number): number {
  return performance.timeOrigin + ms;
}

/** Addresses stand here, on spans, and on no metric. */
function transactionAttributes(block: BlockEntry, position: number): Span["attributes"] {
  const { bytes } = block;
  const at = block.transactionAt(position);
  const receipt = decodeReceipt(bytes, block.receiptAt(position));
  const body = at + TX_HEADER_BYTES;
  const isNamed = bytes[at + 2] === BodyForm.entrypoint;
  const entrypoint = isNamed ? Buffer.from(bytes.subarray(body + 1, body + 1 + bytes[body]!)).toString("utf8") : "";
  return {
    "contract.address": toHex(receipt.contractAddress ?? bytes.subarray(at + 44, at + 64)),
    "contract.function": entrypoint,
    "contract.transaction.hash": toHex(block.transactionHash(position)),
    "contract.gas.used": receipt.gasUsed,
    "contract.status": receipt.status,
  };
}
