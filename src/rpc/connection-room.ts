/**
 * How many connections the HTTP server has, and what for.
 *   0 ── requests, streams, WebSockets ── max - 64 ── requests ── max ── told that there is no room ── 2 × max ── cut off
 * Always
 *  - Streams and WebSockets leave some places: a request gets through, however many pages are open.
 *  - Where few places are left, a connection ends with its answer instead of waiting for its next request.
 *  - A client that sends its next requests before it was answered has as many in hand as on a socket, and a stream alone.
 *  - One that does not take its answers loses its place.
 *  - Who is over the bound is told so, and costs those within it nothing.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { EngineError } from "../errors.ts";
import { errorAnswer } from "./answers.ts";
import type { FaultLog } from "./faults.ts";
import { retryAfter, sendJson } from "./http-response.ts";
import type { FrontLimits } from "./limits.ts";

/** Places that streams and WebSockets leave to requests; half of them are for connections that wait for their next one. */
const REQUEST_PLACES = 64;
const FULL_RETRY_MS = 10_000;
const PIPELINE_RETRY_MS = 1_000;
const WARN_MS = 10_000;

export class ConnectionRoom {
  readonly #server: Server;
  readonly #max: number;
  readonly #inHandMax: number;
  readonly #log: FaultLog;
  readonly #entered = new WeakSet<Socket>();
  /** Of a connection whose client does not wait: requests behind the one that is being answered. */
  readonly #behind = new WeakMap<Socket, number>();
  readonly #over = new WeakSet<Socket>();
  #open = 0;
  #streams = 0;
  #refused = 0;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  /** @param accepted what the server calls a connection that it reads requests from. */
  constructor(server: Server, accepted: "connection" | "secureConnection", limits: FrontLimits, log: FaultLog) {
    this.#server = server;
    this.#max = limits.connectionsMax;
    this.#inHandMax = limits.inFlightMax;
    this.#log = log;
    server.maxConnections = 2 * this.#max;
    server.on(accepted, (socket: Socket) => this.#enter(socket));
    server.on("drop", () => this.#refuse());
    // A subscriber that is too slow is told so after the grace time: it gets as long again to read that.
    server.setTimeout(2 * limits.unreadGraceMs, (socket: Socket) => this.#rested(socket));
  }

  /** Nothing came or left for a while: an answer is not taken, or the next request does not come, for which Node has set another time. */
  #rested(socket: Socket): void {
    if (socket.writableLength > 0 || socket.timeout !== this.#server.timeout) socket.destroy();
  }

  #enter(socket: Socket): void {
    // One that asked for another protocol comes a second time, with the request as HTTP.
    if (this.#entered.has(socket)) return;
    this.#entered.add(socket);
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
    // A response has no socket while one before it has that.
    if (response.socket === null && this.#follow(socket, response) >= this.#inHandMax) {
      response.shouldKeepAlive = false;
      sendJson(response, 503, errorAnswer("null", tooManyInHand(this.#inHandMax)), retryAfter(PIPELINE_RETRY_MS));
      return false;
    }
    if (!this.#isCrowded) return true;
    response.shouldKeepAlive = false;
    if (!this.#over.has(socket)) return true;
    sendJson(response, 503, errorAnswer("null", this.#full("connections", this.#max)), retryAfter(FULL_RETRY_MS));
    return false;
  }

  /** @returns how many are behind the one that is being answered. */
  #follow(socket: Socket, response: ServerResponse): number {
    const behind = (this.#behind.get(socket) ?? 0) + 1;
    this.#behind.set(socket, behind);
    response.once("close", () => this.#behind.set(socket, this.#behind.get(socket)! - 1));
    return behind;
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

function tooManyInHand(max: number): EngineError {
  return new EngineError(
    "BUSY",
    `a connection has at most ${max} requests that are not answered; this one did not run`,
    {
      limit: "inFlightMax",
      max,
      retryAfterMs: PIPELINE_RETRY_MS,
    },
  );
}
