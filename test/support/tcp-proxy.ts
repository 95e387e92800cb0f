/**
 * TcpProxy: a link to a server that can be spoiled: refused, cut, slow, half-open, or cut at the very moment when a client's
 * bytes contain a text ("commit"), before or after the server saw them.
 *   client ──▶ TcpProxy ──▶ server
 */
import { createServer, connect as dial, type Server, type Socket } from "node:net";

export interface Trap {
  /** What the client's bytes must contain. */
  readonly text: string;
  /**
   * `before`: the server never sees them, and the connection is cut. `after`: it sees them, the client never its answer, and
   * the connection is cut. Bytes: the server never sees them, and this is its answer.
   */
  readonly cut: "before" | "after" | Uint8Array;
  /** How often; then the link is as before. */
  times: number;
}

const AFTER_MS = 200;

export class TcpProxy {
  readonly #target: { host: string; port: number };
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  port = 0;
  isRefusing = false;
  /** Accepts and keeps still, for connections there are and those to come. */
  isHalfOpen = false;
  /** Every piece of bytes waits this long, either way. */
  delayMs = 0;
  /** Answered to whoever connects, instead of the server. */
  greeting: Uint8Array | undefined;
  trap: Trap | undefined;
  /** How often the trap sprang. */
  sprung = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async open(target: { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    proxy.port = (proxy.#server.address() as { port: number }).port;
    return proxy;
  }

  /** Cuts every connection there is. */
  cut(): void {
    for (const [client, server] of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
    this.#pairs.clear();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    client.on("error", () => undefined);
    if (this.isRefusing) {
      client.resetAndDestroy();
      return;
    }
    if (this.greeting !== undefined) {
      const { greeting } = this;
      client.once("data", () => client.end(greeting));
      return;
    }
    const server = dial(this.#target);
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    let isMute = false;
    client.on("data", (bytes: Buffer) => {
      const { trap } = this;
      if (trap === undefined || trap.times === 0 || !bytes.includes(trap.text)) {
        this.#pass(server, bytes);
        return;
      }
      trap.times--;
      this.sprung++;
      if (typeof trap.cut !== "string") {
        client.write(trap.cut);
        return;
      }
      isMute = true;
      if (trap.cut === "before") this.cut();
      else {
        server.write(bytes);
        setTimeout(() => this.cut(), AFTER_MS);
      }
    });
    server.on("data", (bytes: Buffer) => {
      if (!isMute) this.#pass(client, bytes);
    });
    server.on("error", () => client.destroy());
    const gone = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    client.on("close", gone);
    server.on("close", gone);
  }

  #pass(to: Socket, bytes: Buffer): void {
    if (this.isHalfOpen || to.destroyed) return;
    if (this.delayMs === 0) to.write(bytes);
    else
      setTimeout(() => {
        if (!to.destroyed) to.write(bytes);
      }, this.delayMs);
  }
}

/** PostgreSQL's ErrorResponse, and ReadyForQuery after it unless the connection ends there. */
export function errorResponse(sqlState: string, message: string, isReady: boolean): Uint8Array {
  const fields = Buffer.from(`SERROR\0VERROR\0C${sqlState}\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeInt32BE(4 + fields.length, 1);
  // In a failed transaction: what follows must be a rollback.
  return Buffer.concat([head, fields, isReady ? Buffer.from([0x5a, 0, 0, 0, 5, 0x45]) : Buffer.alloc(0)]);
}
