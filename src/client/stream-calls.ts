/** Calls in flight on one stream connection, by request id, and the writes of one turn gathered into one. */
import { connect, type Socket } from "node:net";
import { EngineError } from "../errors.ts";
import { connectionFailed, timedOut } from "./transport.ts";

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: EngineError) => void;
  readonly timer: NodeJS.Timeout | undefined;
}

/** @throws EngineError CONNECTION_FAILED naming the path. */
export function openSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const fail = (problem: Error) => reject(connectionFailed(path, problem));
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

export class StreamCalls<Piece extends string | Uint8Array> {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #outgoing: Piece[] = [];
  #closed: EngineError | undefined;
  #onIdle: (() => void) | undefined;

  constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.#path = path;
    // The reason arrives with `close`.
    socket.on("error", () => undefined);
    socket.on("close", () =>
      this.fail(new EngineError("CONNECTION_CLOSED", `the connection to ${path} closed`, { where: path })),
    );
  }

  /** Sends what `write` makes for a new request id; resolves with what `answer` is called with for it. */
  send<T>(name: string, timeoutMs: number, write: (id: number) => Piece): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const id = this.#nextId;
    // Ids of the binary protocol have 32 bits.
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    const piece = write(id);
    return new Promise<T>((resolve, reject) => {
      const timer = timeoutMs > 0 ? setTimeout(() => this.reject(id, timedOut(name, timeoutMs)), timeoutMs) : undefined;
      this.#pending.set(id, { resolve: resolve as (answer: never) => void, reject, timer });
      if (this.#outgoing.push(piece) === 1) process.nextTick(() => this.#flush());
    });
  }

  resolve(id: number, answer: unknown): void {
    this.#take(id)?.resolve(answer as never);
  }

  reject(id: number, error: EngineError): void {
    this.#take(id)?.reject(error);
  }

  /** Ends every call, and the connection, with this error. */
  fail(error: EngineError): void {
    this.#closed ??= error;
    const calls = [...this.#pending.keys()];
    for (const id of calls) this.reject(id, error);
    this.#socket.destroy();
  }

  async close(): Promise<void> {
    this.#closed ??= new EngineError("CONNECTION_CLOSED", `this client of ${this.#path} was closed`, {
      where: this.#path,
    });
    if (this.#pending.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    if (this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.end();
    });
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if (this.#pending.size === 0) this.#onIdle?.();
    return pending;
  }

  #flush(): void {
    const pieces = this.#outgoing;
    this.#outgoing = [];
    if (this.#socket.destroyed) return;
    this.#socket.write(typeof pieces[0] === "string" ? pieces.join("") : Buffer.concat(pieces as Uint8Array[]));
  }
}
