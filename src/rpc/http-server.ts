/**
 * JSON-RPC over HTTP: POST / with one request or an array of them, WebSockets, and GET /livez /readyz /health /openrpc.json
 * /metrics /v1/… /console.
 * A thin dispatcher on node:http, because most of a request's cost is the parser's and the rest should stay small: headers
 * are read from the raw list, answers leave in one write.
 * Always
 *  - No CORS headers, and a body only as application/json: a browser asks before it sends that, and is not answered.
 *  - On loopback the Host must be a name of this machine.
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { createSecureContext } from "node:tls";
import { EngineError } from "../errors.ts";
import { hasRole } from "./access.ts";
import { errorAnswer } from "./answers.ts";
import { ConnectionRoom } from "./connection-room.ts";
import type { ConsoleFiles } from "./console-files.ts";
import { HttpAccess, isLoopbackName, type TokenRoles } from "./http-access.ts";
import { measureExchange } from "./http-measure.ts";
import { HttpPost } from "./http-post.ts";
import { refuseHost, sendJson } from "./http-response.ts";
import type { JsonRpc } from "./json-rpc.ts";
import { listenOnTcp } from "./listen-on-tcp.ts";
import { openRpcText } from "./methods.ts";
import { METRICS_PATH, type MetricsEndpoint } from "./metrics-endpoint.ts";
import { refuseCaller } from "./rest/problem.ts";
import { REST_PREFIX, Rest } from "./rest/rest.ts";
import { ServerSentEvents } from "./streams/server-sent-events.ts";
import { WebSockets } from "./websocket-server.ts";

export interface HttpOptions {
  readonly host: string;
  /** 0 takes any free port: `url` says which. */
  readonly port: number;
  readonly dev: boolean;
  readonly tokens: TokenRoles;
  /** Whether methods for the role admin are there at all; off when left out. */
  readonly admin?: boolean | undefined;
  readonly tlsCertFile?: string | undefined;
  readonly tlsKeyFile?: string | undefined;
  /** GET /metrics; left out: there is none here. */
  readonly metrics?: MetricsEndpoint | undefined;
  /** GET /console; left out: there is none here. */
  readonly console?: ConsoleFiles | undefined;
}

/** Longer than the 60 s after which common proxies drop an idle connection, so that they never meet one we just closed. */
const KEEP_ALIVE_MS = 65_000;
/** A client that trickles its headers, or its request, is cut off. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** How often connections are looked at for that. */
const CHECK_MS = 2_000;

const GET_PATHS: Record<string, (rpc: JsonRpc, query: string) => { status: number; body: string }> = {
  "/livez": (rpc) => {
    const { live, status } = rpc.service.health();
    return { status: live ? 200 : 503, body: JSON.stringify({ live, status }) };
  },
  "/readyz": readiness,
  "/health": readiness,
  "/openrpc.json": () => ({ status: 200, body: openRpcText() }),
};

/** Ready to take writes; with `?role=read`, to be read. */
function readiness(rpc: JsonRpc, query: string): { status: number; body: string } {
  const report = rpc.service.health();
  const isReady = new URLSearchParams(query).get("role") === "read" ? report.canRead : report.canWrite;
  return { status: isReady ? 200 : 503, body: JSON.stringify(report) };
}

export class HttpServer {
  /** Where it listens: http://127.0.0.1:8645 */
  readonly url: string;
  readonly #server: Server;
  readonly #rpc: JsonRpc;
  readonly #access: HttpAccess;
  readonly #options: HttpOptions;

  readonly #webSockets: WebSockets;

  private constructor(
    url: string,
    server: Server,
    rpc: JsonRpc,
    parts: { access: HttpAccess; options: HttpOptions; webSockets: WebSockets },
  ) {
    this.url = url;
    this.#server = server;
    this.#rpc = rpc;
    this.#access = parts.access;
    this.#options = parts.options;
    this.#webSockets = parts.webSockets;
  }

  /**
   * Uses other tokens, and the certificate as its files are by now. Streams and WebSockets of tokens that are gone end; all other
   * connections stay. Answers whether there is a certificate.
   * @throws EngineError CONFIGURATION_ERROR when the certificate can't be used: then nothing was changed.
   */
  reload(tokens: TokenRoles): boolean {
    const isTls = this.#options.tlsCertFile !== undefined;
    if (isTls) (this.#server as TlsServer).setSecureContext(readCertificate(this.#options));
    this.#access.setTokens(tokens);
    return isTls;
  }

  /** @throws EngineError CONFIGURATION_ERROR when the address can't be listened on or the certificate can't be read. */
  static async open(options: HttpOptions, rpc: JsonRpc): Promise<HttpServer> {
    const isTls = options.tlsCertFile !== undefined;
    const server = isTls ? openTls(options) : createServer({ connectionsCheckingInterval: CHECK_MS });
    const access = new HttpAccess({
      isLoopback: isLoopbackName(options.host),
      dev: options.dev,
      admin: options.admin === true,
      tokens: options.tokens,
    });
    const post = new HttpPost(rpc, access);
    const accepted = isTls ? "secureConnection" : "connection";
    const room = new ConnectionRoom(server, accepted, rpc.limits, rpc.log);
    const rest = new Rest(rpc, new ServerSentEvents(rpc.streams, room, access));
    const webSockets = new WebSockets(rpc, access, room);
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (isWebSocket(request)) webSockets.upgrade(request, socket, head);
      else server.emit(accepted, declined(request, socket, head));
    });
    const parts = { rpc, access, post, rest, metrics: options.metrics, console: options.console };
    const { telemetry } = rpc;
    const scheme = isTls ? "https" : "http";
    const measure = telemetry && ({ telemetry, scheme, routeOf: (url: string) => routeIn(url, parts) } as const);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      if (measure !== undefined) measureExchange(request, response, measure);
      if (room.admits(request, response)) dispatch(request, response, parts);
    });
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    server.headersTimeout = HEADERS_TIMEOUT_MS;
    server.requestTimeout = REQUEST_TIMEOUT_MS;
    await listenOnTcp(server, options);
    server.on("error", (problem) => rpc.log.error({ err: problem }, "the HTTP server failed"));
    const { port } = server.address() as AddressInfo;
    const host = options.host.includes(":") ? `[${options.host}]` : options.host;
    return new HttpServer(`${isTls ? "https" : "http"}://${host}:${port}`, server, rpc, {
      access,
      options,
      webSockets,
    });
  }

  /** Stops accepting, finishes what is in flight, then closes; what is left after `deadlineMs` is cut off. */
  async close(deadlineMs: number): Promise<void> {
    this.#rpc.stop();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const deadline = setTimeout(() => this.#server.closeAllConnections(), deadlineMs);
    await this.#webSockets.close(deadlineMs);
    await closed;
    clearTimeout(deadline);
  }
}

interface HttpParts {
  readonly rpc: JsonRpc;
  readonly access: HttpAccess;
  readonly post: HttpPost;
  readonly rest: Rest;
  readonly metrics: MetricsEndpoint | undefined;
  readonly console: ConsoleFiles | undefined;
}

/** What a URL is measured as. */
function routeIn(url: string, { rest, metrics, console }: HttpParts): string {
  const [path = ""] = url.split("?", 1);
  if (path === "/" || Object.hasOwn(GET_PATHS, path) || (path === METRICS_PATH && metrics !== undefined)) return path;
  if (console?.has(path)) return "/console";
  return path.startsWith(REST_PREFIX) ? (rest.routeOf(path) ?? "") : "";
}

function dispatch(
  request: IncomingMessage,
  response: ServerResponse,
  { rpc, access, post, rest, metrics, console }: HttpParts,
): void {
  const url = request.url!;
  if (request.method === "POST" && url === "/") {
    post.handle(request, response);
    return;
  }
  if (!access.acceptsHost(request.headers.host)) {
    refuseHost(response, request.headers.host);
    return;
  }
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? "" : url.slice(mark + 1);
  if (console?.has(path) && (request.method === "GET" || request.method === "HEAD")) {
    console.send(path, request, response);
    return;
  }
  if (path === METRICS_PATH && metrics !== undefined) {
    const caller = access.callerFor(request.headers.authorization);
    if (hasRole(caller ?? { role: undefined }, "reader")) metrics.handle(request, response, query);
    else refuseCaller(response, caller, path);
    return;
  }
  if (path.startsWith(REST_PREFIX)) {
    rest.handle(request, response, path, query, access.callerFor(request.headers.authorization));
    return;
  }
  const get = Object.hasOwn(GET_PATHS, path) ? GET_PATHS[path] : undefined;
  const isGet = request.method === "GET" || request.method === "HEAD";
  if (get !== undefined && isGet) {
    const { status, body } = get(rpc, query);
    sendJson(response, status, body);
  } else if (get !== undefined || path === "/") {
    const allowed = path === "/" ? "POST" : "GET, HEAD";
    sendJson(response, 405, problem(`${path} takes ${allowed}`), ["Allow", allowed]);
  } else {
    sendJson(response, 404, problem(`there is nothing at ${path.slice(0, 80)}; POST / takes JSON-RPC`));
  }
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * Java's client asks for HTTP/2 with its first request. Who does not speak what was asked for answers the request itself
 * (RFC 9110, 7.8): its bytes go back to the front, without that wish, for the server to read once more.
 */
function declined({ method, url, httpVersion, rawHeaders }: IncomingMessage, socket: Duplex, head: Buffer): Duplex {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!];
    if (/^connection$/i.test(name)) lines.push(`${name}: ${value.replace(/\bupgrade\b/i, "")}`);
    else if (!/^upgrade$/i.test(name)) lines.push(`${name}: ${value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  return socket;
}

function problem(message: string): string {
  return errorAnswer("null", new EngineError("INVALID_REQUEST", message));
}

function openTls(options: HttpOptions): Server {
  const certificate = readCertificate(options);
  const bounds = { handshakeTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CHECK_MS };
  return createTlsServer({ ...certificate, ...bounds });
}

/** @throws EngineError CONFIGURATION_ERROR when the files can't be read, or do not belong together. */
function readCertificate(options: HttpOptions): { cert: Buffer; key: Buffer } {
  const { tlsCertFile, tlsKeyFile } = options;
  if (tlsKeyFile === undefined)
    throw new EngineError("CONFIGURATION_ERROR", "http.tls_cert_file needs http.tls_key_file", {});
  return certificateUsed(options, () => {
    const certificate = { cert: readFileSync(tlsCertFile!), key: readFileSync(tlsKeyFile) };
    createSecureContext(certificate);
    return certificate;
  });
}

function certificateUsed<T>({ tlsCertFile, tlsKeyFile }: HttpOptions, use: () => T): T {
  try {
    return use();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError(
      "CONFIGURATION_ERROR",
      `cannot use the TLS certificate or its key: ${reason}`,
      { tlsCertFile, tlsKeyFile },
      { cause },
    );
  }
}
