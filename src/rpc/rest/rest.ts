/**
 * GET /v1/…: the methods of the table as resources. A request becomes the call of its route's method, so that what is
 * checked, allowed, measured and answered is the same.
 *   path ── RouteTable ──▶ method, parameters ──▶ JsonRpc ──▶ result as the body, or problem details
 */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { EngineError } from "../../errors.ts";
import type { Caller } from "../access.ts";
import { type AnswerTarget, resultIn } from "../answers.ts";
import type { JsonRpc } from "../json-rpc.ts";
import { METHODS } from "../methods.ts";
import type { ServerSentEvents } from "../streams/server-sent-events.ts";
import { openApiText } from "./open-api.ts";
import { refuseCaller, refuseVerb, sendProblem } from "./problem.ts";
import { paramsFrom } from "./query-params.ts";
import { ROUTES, type Route, RouteTable } from "./routes.ts";

export const REST_PREFIX = "/v1/";
const EVENTS_PATH = "/v1/events";
const OPEN_API_PATH = "/v1/openapi.json";
const ID = 0;
/** The body is hashed on the thread that answers everybody: a longer one is sent again instead. */
const TAGGED_CHARS_MAX = 256 * 1024;

export class Rest {
  readonly #rpc: JsonRpc;
  readonly #events: ServerSentEvents;
  readonly #routes = new RouteTable(ROUTES);

  constructor(rpc: JsonRpc, events: ServerSentEvents) {
    this.#rpc = rpc;
    this.#events = events;
  }

  /** The route of a path, with what stands in braces in it left as it is; undefined where there is none. */
  routeOf(path: string): string | undefined {
    if (path === EVENTS_PATH || path === OPEN_API_PATH) return path;
    return this.#routes.find(path)?.route.path;
  }

  /** @param caller undefined: the token is none of ours. @param path begins with REST_PREFIX. */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: string,
    caller: Caller | undefined,
  ): void {
    const isEvents = path === EVENTS_PATH;
    const found = this.#routes.find(path);
    if (!isEvents && path !== OPEN_API_PATH && found === undefined)
      sendProblem(response, new EngineError("NO_RESOURCE", `there is nothing at ${path.slice(0, 120)}`, { path }));
    else if (request.method !== "GET" && (isEvents || request.method !== "HEAD"))
      refuseVerb(response, path, isEvents ? "GET" : "GET, HEAD");
    else if (path === OPEN_API_PATH) sendTagged(request, response, openApiText());
    else if (caller?.role === undefined) refuseCaller(response, caller, path);
    else if (isEvents) this.#events.handle(request, response, query, caller);
    else this.#answer(request, response, found!, query, caller);
  }

  #answer(
    request: IncomingMessage,
    response: ServerResponse,
    { route, given }: { route: Route; given: Record<string, string> },
    query: string,
    caller: Caller,
  ): void {
    let params: Record<string, unknown>;
    try {
      params = paramsFrom(METHODS[route.method].params, given, query);
    } catch (thrown) {
      sendProblem(response, thrown);
      return;
    }
    const { traceparent } = request.headers;
    const traced = typeof traceparent === "string" ? { ...caller, traceparent } : caller;
    const message = { jsonrpc: "2.0", id: ID, method: route.method, params };
    // A block's hash is made of all that is told of it: whatever stands there, it is always this.
    const isImmutable = given["blockHash"] !== undefined;
    this.#rpc.handle(message, traced, new RestAnswer(request, response, isImmutable), 0);
  }
}

class RestAnswer implements AnswerTarget {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #isImmutable: boolean;

  constructor(request: IncomingMessage, response: ServerResponse, isImmutable: boolean) {
    this.#request = request;
    this.#response = response;
    this.#isImmutable = isImmutable;
  }

  answer(text: string, _token: number, error?: EngineError): void {
    if (this.#response.destroyed) return;
    if (error !== undefined) sendProblem(this.#response, error);
    else sendTagged(this.#request, this.#response, resultIn(text, ID), this.#isImmutable);
  }
}

/** Sends a body with a tag of its content, or that the client has this content already. */
function sendTagged(request: IncomingMessage, response: ServerResponse, body: string, isImmutable = false): void {
  const headers: Record<string, string> = {
    "Content-Type": "application/json",
    // Who may read depends on the token; and a chain in mode driven may go back.
    "Cache-Control": isImmutable ? "private, max-age=31536000, immutable" : "private, no-cache",
  };
  if (body.length <= TAGGED_CHARS_MAX) headers["ETag"] = `"${createHash("sha256").update(body).digest("base64url")}"`;
  if (headers["ETag"] !== undefined && hasTag(request.headers["if-none-match"], headers["ETag"])) {
    response.writeHead(304, headers).end();
    return;
  }
  headers["Content-Length"] = String(Buffer.byteLength(body));
  response.writeHead(200, headers);
  response.end(request.method === "HEAD" ? undefined : body);
}

/** Compared weakly, as If-None-Match is (RFC 9110, 13.1.2). */
function hasTag(given: string | undefined, tag: string): boolean {
  if (given === undefined) return false;
  return given.split(",").some((each) => each.trim() === "*" || each.trim().replace(/^W\//, "") === tag);
}
