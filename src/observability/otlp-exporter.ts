/**
 * OtlpExporter: finished spans to an OpenTelemetry collector, OTLP/HTTP with JSON
 * (https://opentelemetry.io/docs/specs/otlp/#otlphttp), in batches and in the background.
 * Always
 *  - Bounded: what a slow or absent collector cannot take is dropped and counted, never waited for.
 */
export interface Span {
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  name: string;
  kind: "internal" | "server" | "client";
  /** Milliseconds since 1970, with fractions. */
  startMs: number;
  endMs: number;
  attributes: Readonly<Record<string, string | number | boolean>>;
  /** Set: the span failed. */
  error?: string | undefined;
}

export interface OtlpExporterOptions {
  /** Such as http://127.0.0.1:4318/v1/traces */
  endpoint: string;
  version: string;
  report(message: string, facts: Record<string, unknown>): void;
}

/** Of the batch span processor of OpenTelemetry's own SDKs. */
const QUEUE_MAX = 2_048;
const BATCH_MAX = 512;
const DELAY_MS = 1_000;
const TIMEOUT_MS = 10_000;
const KINDS = { internal: 1, server: 2, client: 3 } as const;
const STATUS_ERROR = 2;

export class OtlpExporter {
  readonly #options: OtlpExporterOptions;
  #queue: Span[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isSending = false;
  #hasFailed = false;
  exported = 0;
  dropped = 0;

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
  }

  add(spans: readonly Span[]): void {
    if (this.#queue.length + spans.length > QUEUE_MAX) {
      this.dropped += spans.length;
      return;
    }
    this.#queue.push(...spans);
    if (this.#timer === undefined) this.#timer = setTimeout(() => void this.#send(), DELAY_MS).unref();
  }

  /** Sends what waits, once. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#send();
  }

  async #send(): Promise<void> {
    this.#timer = undefined;
    if (this.#isSending || this.#queue.length === 0) return;
    this.#isSending = true;
    const batch = this.#queue.splice(0, BATCH_MAX);
    try {
      const response = await fetch(this.#options.endpoint, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(this.#request(batch)),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`the collector answered ${response.status}`);
      this.exported += batch.length;
      this.#hasFailed = false;
    } catch (problem) {
      this.dropped += batch.length;
      // Once until it works again: a collector that is away must not fill the log.
      if (!this.#hasFailed)
        this.#options.report("traces are dropped: the collector does not take them", {
          endpoint: this.#options.endpoint,
          why: (problem as Error).message,
        });
      this.#hasFailed = true;
    } finally {
      this.#isSending = false;
      if (this.#queue.length > 0) this.#timer ??= setTimeout(() => void this.#send(), DELAY_MS).unref();
    }
  }

  #request(spans: readonly Span[]): unknown {
    const resource = { "service.name": "polytorus", "service.version": this.#options.version };
    return {
      resourceSpans: [
        {
          resource: { attributes: attributes(resource) },
          scopeSpans: [{ scope: { name: "polytorus", version: this.#options.version }, spans: spans.map(encoded) }],
        },
      ],
    };
  }
}

function encoded(span: Span): unknown {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(Math.max(span.startMs, span.endMs)),
    attributes: attributes(span.attributes),
    ...(span.error === undefined ? {} : { status: { code: STATUS_ERROR, message: span.error } }),
  };
}

function nanoseconds(ms: number): string {
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6)));
}

function attributes(values: Readonly<Record<string, string | number | boolean>>): unknown[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value:
      typeof value === "string"
        ? { stringValue: value }
        : typeof value === "boolean"
          ? { boolValue: value }
          : Number.isInteger(value)
            ? { intValue: String(value) }
            : { doubleValue: value },
  }));
}
