/**
 * How many connections the HTTP server has, and what for.
 *   0 ── requests, streams, WebSockets ── max - 64 ── requests ── max ── told that there is no room ── 2 × max ── cut off
 * Always
 *  - Streams and WebSockets leave some places: a request gets through, however many pages are open.
 *  - Where few places are left, a connection ends with its answer instead of waiting for its next request.
 *  - Who is over the bound is told so, and costs those within it nothing.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { EngineError } from "../errors.ts";
import { errorAnswer } from "./answers.ts";
import type { FaultLog } from "./faults.ts";
import { sendJson } from "./http-response.ts";

/** Places that streams and WebSockets leave to requests; half of them are for connections that wait for their next one. */
const REQUEST_PLACES = 64;
const FULL_RETRY_MS = 10_000;
const WARN_MS = 10_000;

export class ConnectionRoom {
  readonly #server: Server;
  readonly #max: number;
  readonly #log: FaultLog;
  readonly #over = new WeakSet<Socket>();
  #open = 0;
  #streams = 0;
  #refused = 0;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  /** @param accepted what the server calls a connection that it reads requests from. */
  constructor(server: Server, accepted: "connection" | "secureConnection", max: number, log: FaultLog) {
    this.#server = server;
    this.#max = max;
    this.#log = log;
    server.maxConnections = 2 * max;
    server.on(accepted, (socket: Socket) => this.#enter(socket));
    server.on("drop", () => this.#refuse());
  }

  #enter(socket: Socket): void {
    this.#open++;
    socket.once("close", () => this.#open--);
    if (!this.#isCrowded) return;
    this.#server.closeIdleConnections();
    if (this.#open <= this.#max) return;
    this.#over.add(socket);
    this.#refuse();
  }

  get #isCrowded(): boolean {
    return this.#open > this.#max - REQUEST_PLACES / 2;
  }

  /** Answers who came when there was no room. @returns whether the request may be handled. */
  admits({ socket }: IncomingMessage, response: ServerResponse): boolean {
    if (!this.#isCrowded) return true;
    response.shouldKeepAlive = false;
    if (!this.#over.has(socket)) return true;
    sendJson(response, 503, errorAnswer("null", this.#full("connections", this.#max)), [
      "Retry-After",
      String(FULL_RETRY_MS / 1000),
    ]);
    return false;
  }

  /** A place for a connection that stays open to be told of things. @returns what gives it back. @throws EngineError BUSY */
  takeStream(): () => void {
    const max = Math.max(1, this.#max - REQUEST_PLACES);
    if (this.#streams >= max) throw this.#full("streams", max);
    this.#streams++;
    let isTaken = true;
    return () => {
      if (isTaken) this.#streams--;
      isTaken = false;
    };
  }

  #full(what: string, max: number): EngineError {
    return new EngineError("BUSY", `${max} ${what} are open, which is as many as there may be; nothing ran`, {
      limit: "connectionsMax",
      max,
      retryAfterMs: FULL_RETRY_MS,
    });
  }

  /** Now and then, and how many: whoever sends too many would fill the log too. */
  #refuse(): void {
    this.#refused++;
    const nowMs = performance.now();
    if (nowMs - this.#warnedAtMs < WARN_MS) return;
    this.#log.warn({ refused: this.#refused, max: this.#max }, "connections were refused: too many are open");
    this.#refused = 0;
    this.#warnedAtMs = nowMs;
  }
}
