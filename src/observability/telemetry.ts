/**
 * Telemetry: what is measured of requests and blocks while the daemon runs, and the text that Prometheus reads.
 *   rpc ── method(name) ──▶ a histogram a method, errors by code          execution ── durable(entry) ──▶ blocks, times
 *   GET /metrics ── text ──▶ these, and what engine and process say of themselves at that moment
 */
import type { BlockEntry, ParallelCounts } from "../encoding/block-entry.ts";
import { microsecondsOf } from "../encoding/laps.ts";
import type { ErrorCode } from "../errors.ts";
import type { Telemetry as EngineTelemetry } from "../execution/telemetry.ts";
import type { HttpExchange, MethodTelemetry, RequestTelemetry, RequestTrace } from "../rpc/request-telemetry.ts";
import { addEngineMetrics, type EngineFigures } from "./engine-metrics.ts";
import { Histogram, Instruments, type Sample } from "./instruments.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import { rpcSystem } from "./request-spans.ts";
import type { Tracer } from "./tracer.ts";

export interface TelemetryOptions {
  version: string;
  /** Requests, blocks and the process are timed, and /metrics is there. */
  performance: boolean;
  /** Errors are counted by method and code. */
  errors: boolean;
  tracer: Tracer | undefined;
  /** The db.system.name of what makes blocks durable. */
  logSystem: string;
}

/** Labels are the names of the method table, which is fixed; what is more than that is counted together. */
const METHODS_MAX = 256;
const OTHER = "_OTHER";
const MS = 1000;
const OUTCOMES = ["adopted", "conflict", "left", "late"] as const;

export class Telemetry implements RequestTelemetry, EngineTelemetry {
  readonly #options: TelemetryOptions;
  readonly #methods = new Map<string, Method>();
  /** By method, route and status: all of them from fixed sets. */
  readonly #exchanges = new Map<string, Histogram>();
  readonly #instruments = new Instruments();
  readonly #execution = new Histogram();
  readonly #append: Histogram;
  #figures: EngineFigures | undefined;
  blocks = 0;
  transactions = 0;
  #gasUsed = 0;
  readonly #parallel: ParallelCounts = { adopted: 0, conflict: 0, left: 0, late: 0 };

  constructor(options: TelemetryOptions) {
    this.#options = options;
    this.#append = new Histogram({ db_system_name: options.logSystem, db_operation_name: "append" });
    const add = this.#instruments;
    add.gauge("polytorus_build_info", "Version of the daemon, as a label.", () => [
      { labels: { version: options.version }, value: 1 },
    ]);
    add.histogram("rpc_server_call_duration_seconds", "From reading a request to its answer, by method.", () =>
      [...this.#methods.values()].map(({ histogram }) => histogram),
    );
    add.counter("rpc_server_errors_total", "Requests that were answered with an error, by method and code.", () =>
      [...this.#methods.values()].flatMap((method) => method.errorSamples()),
    );
    add.histogram("http_server_request_duration_seconds", "From an HTTP request's headers to its answer's end.", () => [
      ...this.#exchanges.values(),
    ]);
    add.counter("contract_blocks_total", "Blocks that became durable.", () => this.blocks);
    add.counter("contract_transactions_total", "Transactions in them.", () => this.transactions);
    add.counter("contract_gas_used_total", "Gas that they used.", () => this.#gasUsed);
    add.counter(
      "contract_parallel_transactions_total",
      "Transactions that helpers of the executor were given, by outcome: adopted, or run again after a conflict, left, late.",
      () => Object.entries(this.#parallel).map(([outcome, value]) => ({ labels: { outcome }, value })),
    );
    add.histogram(
      "contract_block_execution_duration_seconds",
      "The times of a block's transactions, added up: more than the block took where helpers ran some beside others.",
      () => [this.#execution],
    );
    add.histogram("db_client_operation_duration_seconds", "From a block's execution until it was durable.", () => [
      this.#append,
    ]);
    add.counter("contract_traces_total", "Requests that were traced.", () => options.tracer?.traced ?? 0);
    add.counter(
      "contract_spans_dropped_total",
      "Spans that no collector took.",
      () => options.tracer?.exporter.dropped ?? 0,
    );
    addEngineMetrics(add, () => this.#figures);
    addProcessMetrics(add);
  }

  /** What `text` may be asked for, and what it then writes: of a histogram its parts. */
  get names(): { readonly known: ReadonlySet<string>; readonly samples: readonly string[] } {
    return { known: this.#instruments.knownNames(), samples: this.#instruments.sampleNames };
  }

  method(name: string): MethodTelemetry {
    let method = this.#methods.get(name);
    if (method === undefined) {
      const known = this.#methods.size < METHODS_MAX ? name : OTHER;
      method = this.#methods.get(known) ?? new Method(known, this.#options);
      this.#methods.set(known, method);
    }
    return method;
  }

  exchanged({ scheme, method, route, status }: HttpExchange, startedAtMs: number): void {
    if (!this.#options.performance) return;
    const key = `${method} ${status} ${route}`;
    let histogram = this.#exchanges.get(key);
    if (histogram === undefined) {
      const answer = status === undefined ? { error_type: "closed" } : { http_response_status_code: String(status) };
      const labels = { http_request_method: method, http_route: route, ...answer, url_scheme: scheme };
      histogram = new Histogram(labels);
      this.#exchanges.set(key, histogram);
    }
    histogram.observe((performance.now() - startedAtMs) / MS);
  }

  durable(entry: BlockEntry, durableAtMs: number): void {
    entry.durableAtMs = durableAtMs;
    if (entry.isRollback) return;
    this.blocks++;
    this.transactions += entry.transactionCount;
    this.#gasUsed += entry.gasUsed;
    const { laps, parallel, executedAtMs } = entry;
    if (parallel !== undefined) for (const outcome of OUTCOMES) this.#parallel[outcome] += parallel[outcome];
    if (laps !== undefined) this.#execution.observe(microsecondsOf(laps) / 1e6);
    if (executedAtMs !== undefined) this.#append.observe((durableAtMs - executedAtMs) / MS);
  }

  /** Requests answered, and those with an error. */
  requests(): { answered: number; errors: number } {
    let answered = 0;
    let errors = 0;
    for (const method of this.#methods.values()) {
      answered += method.histogram.count;
      for (const { value } of method.errorSamples()) errors += value;
    }
    return { answered, errors };
  }

  /** Prometheus' text format. @param figures of the engine at this moment. @param names left out: all metrics. */
  text(figures: EngineFigures, names?: ReadonlySet<string>): Promise<string> {
    this.#figures = figures;
    return this.#instruments.text(names);
  }
}

class Method implements MethodTelemetry {
  readonly histogram: Histogram;
  readonly #name: string;
  readonly #options: TelemetryOptions;
  readonly #errors = new Map<ErrorCode, number>();

  constructor(name: string, options: TelemetryOptions) {
    this.#name = name;
    this.#options = options;
    this.histogram = new Histogram({ rpc_method: name, rpc_system_name: rpcSystem(name) });
  }

  answered(startedAtMs: number, error: ErrorCode | undefined): void {
    if (this.#options.performance) this.histogram.observe((performance.now() - startedAtMs) / MS);
    if (error !== undefined && this.#options.errors) this.#errors.set(error, (this.#errors.get(error) ?? 0) + 1);
  }

  trace(startedAtMs: number, traceparent: string | undefined): RequestTrace | undefined {
    return this.#options.tracer?.begin(this.#name, startedAtMs, traceparent);
  }

  errorSamples(): Sample[] {
    return [...this.#errors].map(([code, value]) => ({ labels: { rpc_method: this.#name, error_type: code }, value }));
  }
}
