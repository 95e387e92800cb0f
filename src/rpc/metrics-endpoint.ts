/** GET /metrics: Prometheus' text, on the HTTP listener and, where one is configured, on a listener of its own. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { listenOnTcp } from "./listen-on-tcp.ts";

/** The text of this moment. */
export type MetricsText = () => Promise<string>;

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 16;

export function sendMetrics(response: ServerResponse, text: MetricsText): void {
  text().then(
    (body) => response.writeHead(200, { "Content-Type": CONTENT_TYPE }).end(body),
    (problem: Error) => response.writeHead(500, { "Content-Type": "text/plain" }).end(`${problem.message}\n`),
  );
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
  static async open({ host, port }: { host: string; port: number }, text: MetricsText): Promise<MetricsServer> {
    const server = createServer((request, response) => {
      const isThere = (request.url ?? "").split("?", 1)[0] === "/metrics";
      if (isThere && (request.method === "GET" || request.method === "HEAD")) sendMetrics(response, text);
      else response.writeHead(404, { "Content-Type": "text/plain" }).end("GET /metrics\n");
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
