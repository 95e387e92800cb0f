/** What both Unix sockets share: listening, the bound on connections, and an orderly end. */
import { createServer, type Server, type Socket } from "node:net";
import type { Connection } from "./connection.ts";
import type { JsonRpc } from "./json-rpc.ts";
import { listenOnUnixSocket, type UnixSocketOptions } from "./unix-socket.ts";

export class StreamServer {
  readonly path: string;
  readonly #server: Server;
  readonly #connections: Set<Connection>;
  readonly #rpc: JsonRpc;

  private constructor(path: string, server: Server, connections: Set<Connection>, rpc: JsonRpc) {
    this.path = path;
    this.#server = server;
    this.#connections = connections;
    this.#rpc = rpc;
  }

  /** @throws EngineError CONFIGURATION_ERROR when the path can't be listened on. */
  static async open(
    options: UnixSocketOptions,
    rpc: JsonRpc,
    accept: (socket: Socket) => Connection,
  ): Promise<StreamServer> {
    const connections = new Set<Connection>();
    // Half open: a client that has sent all it wants (`… | nc -U`) still gets its answers.
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const connection = accept(socket);
      connections.add(connection);
      socket.once("close", () => connections.delete(connection));
    });
    server.maxConnections = rpc.limits.connectionsMax;
    server.on("drop", () =>
      rpc.log.warn({ path: options.path, max: server.maxConnections }, "a connection was refused: too many"),
    );
    await listenOnUnixSocket(server, options);
    server.on("error", (problem) => rpc.log.error({ path: options.path, err: problem }, "the socket failed"));
    return new StreamServer(options.path, server, connections, rpc);
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /**
   * Stops accepting, finishes what is in flight, closes and removes the socket. Requests that come later are answered
   * SHUTTING_DOWN. Clients that have not read their answers after `deadlineMs` are cut off.
   */
  async close(deadlineMs: number): Promise<void> {
    this.#rpc.stop();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.finish();
    const deadline = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, deadlineMs);
    await closed;
    clearTimeout(deadline);
  }
}
