/** Tells telemetry how each HTTP request was answered, and when: by route, never by what stood in the path. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestTelemetry } from "./request-telemetry.ts";

/** Methods of RFC 9110 and PATCH; any other counts as _OTHER, as OpenTelemetry's conventions have it. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]);

export interface HttpMeasure {
  readonly telemetry: RequestTelemetry;
  readonly scheme: "http" | "https";
  /** One of a fixed set of names for a URL; empty where there is nothing. */
  routeOf(url: string): string;
}

export function measureExchange(request: IncomingMessage, response: ServerResponse, measure: HttpMeasure): void {
  const { telemetry, scheme } = measure;
  const startedAtMs = performance.now();
  response.once("close", () => {
    const method = METHODS.has(request.method!) ? request.method! : "_OTHER";
    const status = response.headersSent ? response.statusCode : undefined;
    telemetry.exchanged({ scheme, method, route: measure.routeOf(request.url!), status }, startedAtMs);
  });
}
