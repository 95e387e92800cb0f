/** A Unix socket as a careless client uses it: any bytes out, whole lines in. */
import { connect, type Socket } from "node:net";

/** Parsed JSON of unknown shape: tests say what they expect of it. */
// biome-ignore lint/suspicious/noExplicitAny: what a wrong answer looks like is not known beforehand
export type Json = any;

export class RawSocket {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #buffered = "";
  #lines: string[] = [];
  #waiting: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text) => {
      const parts = (this.#buffered + text).split("\n");
      this.#buffered = parts.pop()!;
      this.#lines.push(...parts);
      this.#waiting?.();
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        resolve();
        this.#waiting?.();
      });
      socket.on("error", () => undefined);
    });
  }

  static open(path: string): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(new RawSocket(socket)));
      socket.once("error", reject);
    });
  }

  send(message: unknown): void {
    this.socket.write(`${JSON.stringify(message)}\n`);
  }

  /** The next answers; fewer when the connection closes first. */
  async read(count: number): Promise<Json[]> {
    while (this.#lines.length < count && !this.socket.destroyed) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.#waiting = undefined;
    return this.#lines.splice(0, count).map((line) => JSON.parse(line) as Json);
  }

  /** Sends one request and answers its response. */
  async ask(method: string, params: unknown = {}, id: number | string = 1): Promise<Json> {
    this.send({ jsonrpc: "2.0", id, method, params });
    const [answer] = await this.read(1);
    return answer;
  }

  close(): void {
    this.socket.destroy();
  }
}
