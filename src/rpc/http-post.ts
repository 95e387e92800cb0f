/** POST /: headers checked, body gathered within its bounds, handed to JSON-RPC, answered. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { EngineError } from "../errors.ts";
import type { Caller } from "./access.ts";
import { type AnswerTarget, errorAnswer } from "./answers.ts";
import type { HttpAccess } from "./http-access.ts";
import { refuseHost, retryAfter, sendJson } from "./http-response.ts";
import type { JsonRpc } from "./json-rpc.ts";

const CLOSE = ["Connection", "close"];
/** Bodies up to here are bounded by the number of connections, where a client waits for its answers. */
const SMALL_BODY_BYTES = 16 * 1024;
/** How long a client that met a full daemon should wait. */
const BUSY_RETRY_MS = 1_000;

export class HttpPost {
  readonly #rpc: JsonRpc;
  readonly #access: HttpAccess;
  /** Bytes of larger bodies that are not answered yet, over all connections. */
  #heldBytes = 0;

  constructor(rpc: JsonRpc, access: HttpAccess) {
    this.#rpc = rpc;
    this.#access = access;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const headers = readHeaders(request.rawHeaders);
    if (!this.#access.acceptsHost(headers.host)) {
      refuseHost(response, headers.host);
      return;
    }
    const caller = this.#access.callerFor(headers.authorization);
    if (caller === undefined) {
      this.#refuse(response, 401, new EngineError("UNAUTHORIZED", "the bearer token is not known"), [
        "WWW-Authenticate",
        "Bearer",
      ]);
    } else if (!isJson(headers.contentType)) {
      const facts = { expected: "application/json", received: headers.contentType ?? null };
      this.#refuse(
        response,
        415,
        new EngineError("INVALID_REQUEST", "a body must have the content type application/json", facts),
        [],
      );
    } else if (headers.contentEncoding !== undefined && headers.contentEncoding !== "identity") {
      const facts = { expected: "identity", received: headers.contentEncoding };
      this.#refuse(response, 415, new EngineError("INVALID_REQUEST", "a body must not be compressed", facts), []);
    } else if (Number(headers.contentLength ?? 0) > this.#rpc.limits.httpBodyBytesMax) {
      this.#refuse(response, 413, this.#tooLarge(), CLOSE);
    } else {
      const { traceparent } = headers;
      this.#readBody(request, response, traceparent === undefined ? caller : { ...caller, traceparent });
    }
  }

  #readBody(request: IncomingMessage, response: ServerResponse, caller: Caller): void {
    let chunks: Buffer[] = [];
    let length = 0;
    let held = 0;
    let isRefused = false;
    const refuse = (status: number, error: EngineError, headers: readonly string[]) => {
      isRefused = true;
      chunks = [];
      this.#refuse(response, status, error, headers);
    };
    const hold = () => {
      // A body counts until its answer has left or its connection is gone.
      if (held === 0) {
        response.once("close", () => {
          this.#heldBytes -= held;
        });
      }
      this.#heldBytes += length - held;
      held = length;
    };
    request.on("data", (chunk: Buffer) => {
      if (isRefused) return;
      length += chunk.length;
      // A response has no socket while one before it has that.
      if (length > SMALL_BODY_BYTES || response.socket === null) hold();
      if (length > this.#rpc.limits.httpBodyBytesMax) refuse(413, this.#tooLarge(), CLOSE);
      else if (this.#heldBytes > this.#rpc.limits.inFlightBytesMax)
        refuse(503, tooMuchHeld(), [...retryAfter(BUSY_RETRY_MS), ...CLOSE]);
      else chunks.push(chunk);
    });
    request.on("end", () => {
      if (isRefused) return;
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      this.#rpc.handleBytes(body, 0, body.length, caller, new HttpAnswer(response, this.#rpc), 0);
    });
  }

  #refuse(response: ServerResponse, status: number, error: EngineError, headers: readonly string[]): void {
    sendJson(response, status, errorAnswer("null", error), headers);
  }

  #tooLarge(): EngineError {
    const max = this.#rpc.limits.httpBodyBytesMax;
    return new EngineError("LIMIT_EXCEEDED", `a body has at most ${max} bytes`, { limit: "httpBodyBytesMax", max });
  }
}

class HttpAnswer implements AnswerTarget {
  writesInHand = 0;
  readonly #response: ServerResponse;
  readonly #rpc: JsonRpc;

  constructor(response: ServerResponse, rpc: JsonRpc) {
    this.#response = response;
    this.#rpc = rpc;
  }

  answer(text: string, _token: number, error?: EngineError): void {
    const headers = this.#rpc.isStopping ? CLOSE : [];
    if (text === "") {
      this.#response.writeHead(204, headers as string[]).end();
    } else if (error === undefined) {
      sendJson(this.#response, 200, text, headers);
    } else {
      const retryAfterMs = Number(error.facts["retryAfterMs"]);
      sendJson(
        this.#response,
        error.httpStatus,
        text,
        retryAfterMs > 0 ? [...headers, ...retryAfter(retryAfterMs)] : headers,
      );
    }
  }
}

function tooMuchHeld(): EngineError {
  return new EngineError("BUSY", "too many request bodies are in flight; nothing of this one ran", {
    retryAfterMs: BUSY_RETRY_MS,
  });
}

interface PostHeaders {
  host: string | undefined;
  contentType: string | undefined;
  contentEncoding: string | undefined;
  contentLength: string | undefined;
  authorization: string | undefined;
  traceparent: string | undefined;
}

/** The six headers that matter, from the raw list: an object of all of them would cost more than the check. */
function readHeaders(raw: readonly string[]): PostHeaders {
  const headers: PostHeaders = {
    host: undefined,
    contentType: undefined,
    contentEncoding: undefined,
    contentLength: undefined,
    authorization: undefined,
    traceparent: undefined,
  };
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    switch (name.length) {
      case 4:
        // Two of them are no name at all: which one counts is where smuggling begins.
        if (name.toLowerCase() === "host") headers.host = headers.host === undefined ? raw[i + 1] : "several";
        break;
      case 11:
        if (name.toLowerCase() === "traceparent") headers.traceparent = raw[i + 1];
        break;
      case 12:
        if (name.toLowerCase() === "content-type") headers.contentType = raw[i + 1];
        break;
      case 13:
        if (name.toLowerCase() === "authorization") headers.authorization = raw[i + 1];
        break;
      case 14:
        if (name.toLowerCase() === "content-length") headers.contentLength = raw[i + 1];
        break;
      case 16:
        if (name.toLowerCase() === "content-encoding") headers.contentEncoding = raw[i + 1];
        break;
    }
  }
  return headers;
}

function isJson(contentType: string | undefined): boolean {
  if (contentType === "application/json") return true;
  return contentType !== undefined && /^application\/json\s*(;|$)/i.test(contentType.trim());
}
