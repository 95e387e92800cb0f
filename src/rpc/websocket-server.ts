/**
 * JSON-RPC over WebSocket (RFC 6455), on the port of HTTP: one message a text frame in both directions, requests
 * pipelined, notifications among the answers.
 * Always
 *  - Who may connect, and do what, is decided as for POST /. A page of another origin may not: browsers ask nobody before
 *    they open a WebSocket, so that its Origin has to be the host that it connects to.
 *  - Past a bound on what is in flight or unread a connection is not read; nothing is dropped.
 */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { EngineError, toEngineError } from "../errors.ts";
import type { Caller } from "./access.ts";
import { hasRole } from "./access.ts";
import { errorAnswer } from "./answers.ts";
import type { ConnectionRoom } from "./connection-room.ts";
import { type HttpAccess, tokenGone } from "./http-access.ts";
import type { JsonRpc } from "./json-rpc.ts";
import { type HeldBytes, WebSocketConnection } from "./websocket-connection.ts";

/** One that does not answer a ping before the next is gone. */
const PING_MS = 30_000;
/** A client that takes nothing does not get to read why it was refused. */
const LINGER_MS = 1_000;
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;

export class WebSockets {
  readonly #rpc: JsonRpc;
  readonly #access: HttpAccess;
  readonly #room: ConnectionRoom;
  readonly #server: WebSocketServer;
  readonly #connections = new Map<WebSocket, { connection: WebSocketConnection; isHeard: boolean }>();
  readonly #pinging: NodeJS.Timeout;
  readonly #held: HeldBytes = { inFlight: 0, partial: 0 };

  constructor(rpc: JsonRpc, access: HttpAccess, room: ConnectionRoom) {
    this.#rpc = rpc;
    this.#access = access;
    this.#room = room;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: rpc.limits.httpBodyBytesMax,
    });
    this.#pinging = setInterval(() => this.#ping(), PING_MS).unref();
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refuse = (status: number, error: EngineError) => refuseUpgrade(socket, status, error);
    const { host, origin, authorization } = request.headers;
    const caller = this.#access.callerFor(authorization);
    if (!this.#access.acceptsHost(host))
      refuse(403, new EngineError("UNAUTHORIZED", "the Host is no name of this machine; use localhost or 127.0.0.1"));
    else if (origin !== undefined && hostOf(origin) !== host)
      refuse(403, new EngineError("UNAUTHORIZED", `pages of ${origin.slice(0, 80)} may not connect`, { origin }));
    else if (caller === undefined || !hasRole(caller, "reader"))
      refuse(401, new EngineError("UNAUTHORIZED", "a WebSocket needs a bearer token with the role reader"));
    else if (request.url !== "/")
      refuse(404, new EngineError("INVALID_REQUEST", "a WebSocket is opened at /", { expected: "/" }));
    else this.#accept(request, socket, head, caller);
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Buffer, caller: Caller): void {
    let leave: () => void;
    try {
      this.#rpc.requireRunning();
      leave = this.#room.takeStream();
    } catch (thrown) {
      refuseUpgrade(socket, 503, toEngineError(thrown));
      return;
    }
    socket.once("close", leave);
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new WebSocketConnection(webSocket, socket, caller, { rpc: this.#rpc, held: this.#held });
      const state = { connection, isHeard: true };
      this.#connections.set(webSocket, state);
      webSocket.on("pong", () => (state.isHeard = true));
      webSocket.on("message", (data: RawData, isBinary: boolean) => {
        // A pong stands behind all that its client has sent before.
        state.isHeard = true;
        connection.receive(data as Buffer, isBinary);
      });
      const forget = this.#access.whileKnown(caller, () => void this.#sendAway(webSocket, connection));
      webSocket.once("close", () => {
        forget();
        this.#connections.delete(webSocket);
        connection.closed();
      });
    });
  }

  /** What was asked for while it was allowed is still answered. */
  async #sendAway(webSocket: WebSocket, connection: WebSocketConnection): Promise<void> {
    const { code, message } = tokenGone();
    connection.end(tokenGone());
    await connection.answered();
    webSocket.close(POLICY_VIOLATION, `${code}: ${message}`);
  }

  #ping(): void {
    for (const [webSocket, state] of this.#connections) {
      if (!state.isHeard) webSocket.terminate();
      state.isHeard = false;
      webSocket.ping();
    }
  }

  /** Answers what is in flight, says goodbye, and cuts off what is left after `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    clearInterval(this.#pinging);
    const deadline = setTimeout(() => {
      for (const webSocket of this.#connections.keys()) webSocket.terminate();
    }, deadlineMs);
    await Promise.all(
      [...this.#connections].map(async ([webSocket, { connection }]) => {
        const closed = new Promise<void>((resolve) => webSocket.once("close", () => resolve()));
        await Promise.race([connection.answered(), closed]);
        webSocket.close(GOING_AWAY, "the daemon is stopping");
        await closed;
      }),
    );
    clearTimeout(deadline);
  }
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** Says why, and lets go of the connection whether or not its client does: nobody else counts the time of this one. */
function refuseUpgrade(socket: Duplex, status: number, error: EngineError): void {
  const body = errorAnswer("null", error);
  const cutOff = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.on("error", () => undefined);
  socket.once("close", () => clearTimeout(cutOff));
  socket.once("finish", () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `${status === 401 ? "WWW-Authenticate: Bearer\r\n" : ""}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
