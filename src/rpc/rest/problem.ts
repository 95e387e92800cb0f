/** Refusals over REST: problem details (RFC 9457) with our codes, and the HTTP status that fits. */
import type { ServerResponse } from "node:http";
import { EngineError, ERROR_KINDS, type ErrorFamily, toEngineError } from "../../errors.ts";
import type { Caller } from "../access.ts";
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

export function refuseVerb(response: ServerResponse, path: string, allowed: string): void {
  response.setHeader("Allow", allowed);
  sendProblem(response, new EngineError("INVALID_REQUEST", `${path} takes ${allowed}`, { allowed }), 405);
}

/** @param caller undefined: the token is none of ours. */
export function refuseCaller(response: ServerResponse, caller: Caller | undefined, path: string): void {
  response.setHeader("WWW-Authenticate", "Bearer");
  const message = caller === undefined ? "the bearer token is not known" : `${path} needs a token with the role reader`;
  sendProblem(response, new EngineError("UNAUTHORIZED", message, { needed: "reader" }), 401);
}
