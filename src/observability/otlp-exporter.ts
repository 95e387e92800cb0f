/**
 * OtlpExporter: finished spans to an OpenTelemetry collector, OTLP/HTTP with JSON
 * (https://opentelemetry.io/docs/specs/otlp/#otlphttp), in batches and in the background.
 * Always
 *  - Bounded: what a slow or absent collector cannot take is dropped and counted, never waited for.
 */
import { wordAttribute } from "./span.ts";

export interface OtlpExporterOptions {
  /** Such as http://127.0.0.1:4318/v1/traces */
  endpoint: string;
  version: string;
  report(message: string, facts: Record<string, unknown>): void;
}

/** A trace whose request was answered. */
export interface FinishedTrace {
  readonly spanCount: number;
  /** Its spans (span.ts), joined by commas. Asked for once, when they are sent. */
  spansText(): string;
}

/** In spans. Of the batch span processor of OpenTelemetry's own SDKs. */
const QUEUE_MAX = 2_048;
const BATCH_MAX = 512;
const DELAY_MS = 1_000;
const TIMEOUT_MS = 10_000;

export class OtlpExporter {
  readonly #options: OtlpExporterOptions;
  /** What stands around the spans of a request. */
  readonly #frame: readonly [string, string];
  #queue: FinishedTrace[] = [];
  #queuedSpans = 0;
  #timer: NodeJS.Timeout | undefined;
  #isSending = false;
  #hasFailed = false;
  exported = 0;
  dropped = 0;

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
    const resource = wordAttribute("service.name", "polytorus") + wordAttribute("service.version", options.version);
    const scope = JSON.stringify({ name: "polytorus", version: options.version });
    this.#frame = [
      `{"resourceSpans":[{"resource":{"attributes":[${resource.slice(0, -1)}]},"scopeSpans":[{"scope":${scope},"spans":[`,
      "]}]}]}",
    ];
  }

  add(trace: FinishedTrace): void {
    const { spanCount } = trace;
    if (this.#queuedSpans + spanCount > QUEUE_MAX) {
      this.dropped += spanCount;
      return;
    }
    this.#queue.push(trace);
    this.#queuedSpans += spanCount;
    this.#schedule();
  }

  /** Sends what waits, once. */
  async close(): Promise<void> {
    await this.#send();
  }

  /** A full batch goes at once, what is less after a while. */
  #schedule(): void {
    if (this.#isSending || this.#queue.length === 0) return;
    if (this.#queuedSpans >= BATCH_MAX) void this.#send();
    else this.#timer ??= setTimeout(() => void this.#send(), DELAY_MS).unref();
  }

  async #send(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isSending || this.#queue.length === 0) return;
    this.#isSending = true;
    const { traces, spans } = this.#takeBatch();
    const [before, after] = this.#frame;
    try {
      const text = traces.map((trace) => trace.spansText()).join(",");
      const status = await this.#post(Buffer.from(before + text + after));
      if (status < 200 || status > 299) throw new Error(`the collector answered ${status}`);
      this.exported += spans;
      this.#hasFailed = false;
    } catch (problem) {
      this.dropped += spans;
      // Once until it works again: a collector that is away must not fill the log.
      if (!this.#hasFailed)
        this.#options.report("traces are dropped: the collector does not take them", {
          endpoint: this.#options.endpoint,
          why: (problem as Error).message,
        });
      this.#hasFailed = true;
    } finally {
      this.#isSending = false;
      this.#schedule();
    }
  }

  /** A trace is not divided. */
  #takeBatch(): { traces: FinishedTrace[]; spans: number } {
    let count = 0;
    let spans = 0;
    while (count < this.#queue.length && spans + this.#queue[count]!.spanCount <= BATCH_MAX)
      spans += this.#queue[count++]!.spanCount;
    this.#queuedSpans -= spans;
    return { traces: this.#queue.splice(0, count), spans };
  }

  /** Node's own client and no fetch, whose parser is compiled from WebAssembly for seconds of processor time. Answers the status. */
  async #post(body: Buffer): Promise<number> {
    const { endpoint } = this.#options;
    const { request } = endpoint.startsWith("https:") ? await import("node:https") : await import("node:http");
    return await new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": body.length };
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const sent = request(endpoint, { method: "POST", headers, signal }, (response) => {
        response.once("end", () => resolve(response.statusCode!));
        response.once("error", reject);
        response.resume();
      });
      sent.once("error", reject);
      sent.end(body);
    });
  }
}
