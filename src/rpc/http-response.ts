/** JSON over HTTP, in one write. */
import type { ServerResponse } from "node:http";
import { EngineError } from "../errors.ts";
import { errorAnswer } from "./answers.ts";

/** `headers` is a flat list of names and values, which node:http writes as it is. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: string,
  headers: readonly string[] = [],
): void {
  if (response.destroyed || response.writableEnded) return;
  const bytes = Buffer.byteLength(body);
  response.writeHead(status, [
    "Content-Type",
    "application/json",
    "Content-Length",
    String(bytes),
    ...headers,
  ] as string[]);
  // As many bytes as chars: ASCII, for which latin1 is the same and needs no conversion.
  response.end(body, bytes === body.length ? "latin1" : "utf8");
}

/** A header that says when to come back, in whole seconds. */
export function retryAfter(ms: number): string[] {
  return ["Retry-After", String(Math.ceil(ms / 1000))];
}

export function refuseHost(response: ServerResponse, host: string | undefined): void {
  const shown = JSON.stringify(host?.slice(0, 80) ?? null);
  const message = `the Host ${shown} is no name of this machine; use localhost or 127.0.0.1`;
  sendJson(response, 403, errorAnswer("null", new EngineError("UNAUTHORIZED", message, { host: host ?? null })));
}
