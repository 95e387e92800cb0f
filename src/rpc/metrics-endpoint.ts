/**
 * GET /metrics: Prometheus' text, on the HTTP listener and, where one is configured, on a listener of its own.
 *   /metrics                               everything
 *   /metrics?name[]=a&name[]=b             these metrics, or samples: nothing else is read
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { FaultLog } from "./faults.ts";
import { listenOnTcp } from "./listen-on-tcp.ts";
import { nearest } from "./nearest.ts";
import { refuseVerb, sendProblem } from "./rest/problem.ts";
import { invalid } from "./validate.ts";

export interface MetricsSource {
  /** Every name that may be asked for. */
  readonly names: ReadonlySet<string>;
  /** Of this moment. @param names left out: everything. */
  text(names?: ReadonlySet<string>): Promise<string>;
}

export const METRICS_PATH = "/metrics";
/** As Prometheus' client libraries have it. */
export const METRIC_NAME = "name[]";
/** More than there are metrics; a name that comes again counts too. */
export const METRIC_NAMES_MAX = 256;

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 16;

export class MetricsEndpoint {
  readonly #source: MetricsSource;
  readonly #log: FaultLog;
  /** What could not be read at the last request. */
  #unreadable: string | undefined;

  constructor(source: MetricsSource, log: FaultLog) {
    this.#source = source;
    this.#log = log;
  }

  /** @param query of the request's URL. */
  handle({ method }: IncomingMessage, response: ServerResponse, query: string): void {
    if (method !== "GET" && method !== "HEAD") {
      refuseVerb(response, METRICS_PATH, "GET, HEAD");
      return;
    }
    this.#text(query).then(
      (body) => {
        if (response.destroyed) return;
        response.writeHead(200, { "Content-Type": CONTENT_TYPE, "Content-Length": Buffer.byteLength(body) });
        response.end(method === "HEAD" ? undefined : body);
      },
      (problem: unknown) => sendProblem(response, problem),
    );
  }

  async #text(query: string): Promise<string> {
    const names = query === "" ? undefined : this.#namesIn(query);
    try {
      const text = await this.#source.text(names);
      if (names === undefined) this.#unreadable = undefined;
      return text;
    } catch (problem) {
      this.#report(problem);
      throw problem;
    }
  }

  /** Said once for each reason: a scrape comes every few seconds. */
  #report(problem: unknown): void {
    const why = String(problem);
    if (this.#unreadable !== why) this.#log.error({ err: problem }, "metrics can't be read");
    this.#unreadable = why;
  }

  /** @throws RejectedError VALIDATION_ERROR */
  #namesIn(query: string): ReadonlySet<string> {
    const given = [...new URLSearchParams(query)];
    if (given.length > METRIC_NAMES_MAX) throw invalid(METRIC_NAME, `at most ${METRIC_NAMES_MAX} names`, given.length);
    const { names } = this.#source;
    for (const [parameter, name] of given) {
      if (parameter !== METRIC_NAME)
        throw invalid(parameter, `no parameter but ${METRIC_NAME}, once for each metric`, name);
      if (names.has(name)) continue;
      const meant = nearest(name, names);
      throw invalid(METRIC_NAME, `a metric of this daemon${meant === undefined ? "" : `, perhaps ${meant}`}`, name);
    }
    return new Set(given.map(([, name]) => name));
  }
}

/** A listener that has /metrics and nothing else; whoever reaches it may read it. */
export class MetricsServer {
  readonly url: string;
  readonly #close: () => void;

  private constructor(url: string, close: () => void) {
    this.url = url;
    this.#close = close;
  }

  /** @throws EngineError CONFIGURATION_ERROR when the address can't be listened on. */
  static async open({ host, port }: { host: string; port: number }, endpoint: MetricsEndpoint): Promise<MetricsServer> {
    const server = createServer((request, response) => {
      const [path, ...query] = request.url!.split("?");
      if (path === METRICS_PATH) endpoint.handle(request, response, query.join("?"));
      else response.writeHead(404, { "Content-Type": "text/plain" }).end(`GET ${METRICS_PATH}\n`);
    });
    server.requestTimeout = REQUEST_TIMEOUT_MS;
    server.maxConnections = CONNECTIONS_MAX;
    await listenOnTcp(server, { host, port }, { key: "monitoring.listen" });
    const { port: taken } = server.address() as AddressInfo;
    return new MetricsServer(`http://${host.includes(":") ? `[${host}]` : host}:${taken}`, () => {
      server.close();
      server.closeAllConnections();
    });
  }

  async close(): Promise<void> {
    this.#close();
  }
}
