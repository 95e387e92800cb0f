/** Refusals over REST: problem details (RFC 9457) with our codes, and the HTTP status that fits. */
import type { ServerResponse } from "node:http";
import { type EngineError, ERROR_KINDS, type ErrorFamily, toEngineError } from "../../errors.ts";
import { toJson } from "../answers.ts";

/** JSON-RPC answers most errors with 200; a resource that is not there is a 404. */
const STATUS: Readonly<Record<ErrorFamily, number>> = {
  protocol: 400,
  rejected: 400,
  notFound: 404,
  outOfGas: 422,
  timeout: 504,
  storage: 503,
  limit: 400,
  unauthorized: 403,
  busy: 503,
  notLeader: 503,
  wrongMode: 409,
  pruned: 410,
  validation: 400,
  reverted: 422,
  configuration: 500,
  unavailable: 503,
  internal: 500,
};

export function problemText(error: EngineError, status: number): string {
  const { code, message, facts } = error;
  const { meaning, hint } = ERROR_KINDS[code];
  return toJson({ ...facts, type: "about:blank", title: meaning, status, detail: message, code, hint });
}

export function sendProblem(response: ServerResponse, thrown: unknown, status?: number): void {
  if (response.headersSent || response.destroyed) return;
  const error = toEngineError(thrown);
  const shown = status ?? STATUS[error.family];
  const retryAfterMs = Number(error.facts["retryAfterMs"]);
  const body = problemText(error, shown);
  response.writeHead(shown, {
    "Content-Type": "application/problem+json",
    "Content-Length": Buffer.byteLength(body),
    ...(retryAfterMs > 0 ? { "Retry-After": String(Math.ceil(retryAfterMs / 1000)) } : {}),
  });
  response.end(body);
}
