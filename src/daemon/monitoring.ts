/** Composes what the daemon measures of itself: telemetry, its text for Prometheus, traces, and a line of log now and then. */
import type { PerformanceJson } from "../client/metrics.ts";
import type { Config } from "../config/config.ts";
import type { Engine } from "../engine.ts";
import type { EngineFigures } from "../observability/engine-metrics.ts";
import type { Log } from "../observability/log.ts";
import type { Telemetry } from "../observability/telemetry.ts";
import { VERSION } from "../version.ts";

/** Analytics answer once they have counted up to now: under load a scrape does without them rather than wait longer. */
const ANSWER_MS_MAX = 1_000;

/** Where blocks become durable, in OpenTelemetry's words where it has one. */
const LOG_SYSTEMS = { journal: "polytorus.journal", strict: "postgresql", memory: "polytorus.memory" } as const;

export class Monitoring {
  readonly telemetry: Telemetry;
  readonly #log: Log;
  readonly #closeTraces: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #missing: string | undefined;

  private constructor(telemetry: Telemetry, log: Log, closeTraces: () => Promise<void>) {
    this.telemetry = telemetry;
    this.#log = log;
    this.#closeTraces = closeTraces;
  }

  /** Undefined when nothing is to be measured: then nothing of it is loaded. */
  static async open({ monitoring, storage }: Config, log: Log): Promise<Monitoring | undefined> {
    const { performance, errors, tracing, otlpEndpoint, traceOneIn } = monitoring;
    if (!performance && !errors && !tracing) return undefined;
    const { Telemetry } = await import("../observability/telemetry.ts");
    const logSystem = LOG_SYSTEMS[storage.durability];
    if (!tracing || otlpEndpoint === undefined) {
      const telemetry = new Telemetry({ version: VERSION, performance, errors, tracer: undefined, logSystem });
      return new Monitoring(telemetry, log, async () => {});
    }
    const { OtlpExporter } = await import("../observability/otlp-exporter.ts");
    const { Tracer } = await import("../observability/tracer.ts");
    const exporter = new OtlpExporter({
      endpoint: otlpEndpoint,
      version: VERSION,
      report: (message, facts) => log.warn(facts, message),
    });
    const tracer = new Tracer(exporter, traceOneIn, logSystem);
    const telemetry = new Telemetry({ version: VERSION, performance, errors, tracer, logSystem });
    return new Monitoring(telemetry, log, () => exporter.close());
  }

  /** What GET /metrics gives. */
  metrics(engine: Engine, streams: EngineFigures["streams"]) {
    const { telemetry } = this;
    const { service } = engine;
    return {
      names: telemetry.names.known,
      text: (names?: ReadonlySet<string>) => {
        const figures: EngineFigures = {
          health: once(() => service.health()),
          height: () => (service.info() as { height: number }).height,
          storage: once(() => service.storage.stats()),
          streams: once(streams),
          cache: once(() => service.cacheUse()),
          performance: once(() => this.#performance(engine)),
        };
        return telemetry.text(figures, names);
      },
    };
  }

  async #performance({ service }: Engine): Promise<PerformanceJson | undefined> {
    const answered = service.performance() as unknown as Promise<PerformanceJson>;
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), ANSWER_MS_MAX).unref());
    return await Promise.race([answered.catch((problem: Error) => this.#withoutAnalytics(problem)), late]);
  }

  /** Said once for each reason: a scrape comes every few seconds. */
  #withoutAnalytics({ message: why }: Error): undefined {
    if (this.#missing !== why) this.#log.warn({ why }, "metrics go without those of analytics");
    this.#missing = why;
  }

  /** Says every `everyMs` what happened since the last time, if anything did. */
  report(engine: Engine, everyMs: number): void {
    let last = this.#sums();
    this.#timer = setInterval(() => {
      const now = this.#sums();
      const seconds = everyMs / 1000;
      const rate = (key: keyof typeof now) => Math.round((now[key] - last[key]) / seconds);
      if (now.answered !== last.answered || now.transactions !== last.transactions) {
        const { height } = engine.service.info() as { height: number };
        this.#log.info(
          {
            height,
            transactionsPerSecond: rate("transactions"),
            requestsPerSecond: rate("answered"),
            errors: now.errors - last.errors,
          },
          "activity",
        );
      }
      last = now;
    }, everyMs).unref();
  }

  #sums(): { transactions: number; answered: number; errors: number } {
    return { transactions: this.telemetry.transactions, ...this.telemetry.requests() };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#closeTraces();
  }
}

/** Several metrics are made of one answer. */
function once<T>(ask: () => T): () => T {
  let answer: { readonly value: T } | undefined;
  return () => {
    answer ??= { value: ask() };
    return answer.value;
  };
}
