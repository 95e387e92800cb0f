/** One WebSocket: requests in, answers and notifications out, both bounded. */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { EngineError } from "../errors.ts";
import type { Caller } from "./access.ts";
import type { AnswerTarget } from "./answers.ts";
import type { JsonRpc } from "./json-rpc.ts";
import { type NotificationChannel, Subscriber } from "./streams/subscriber.ts";

/** Above it no more requests are read before the client has read its answers. */
const UNREAD_BYTES_MAX = 1024 * 1024;
const BUSY_RETRY_MS = 1_000;

export interface WebSocketModules {
  readonly rpc: JsonRpc;
  /** Of all connections together. */
  readonly held: { bytes: number };
}

export class WebSocketConnection implements AnswerTarget, NotificationChannel {
  writesInHand = 0;
  readonly subscriber: Subscriber;
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  readonly #caller: Caller;
  readonly #rpc: JsonRpc;
  readonly #held: { bytes: number };
  /** Came with others in one piece, and there was no room for it. */
  #waiting: Buffer[] = [];
  #inFlight = 0;
  #inFlightBytes = 0;
  #isCorked = false;
  #isClosed = false;
  /** What still comes is not read. */
  #isOver = false;
  #onIdle: (() => void) | undefined;

  constructor(webSocket: WebSocket, socket: Duplex, caller: Caller, { rpc, held }: WebSocketModules) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#caller = caller;
    this.#rpc = rpc;
    this.#held = held;
    this.subscriber = new Subscriber(rpc.streams, this);
    socket.on("drain", () => this.#advance());
    // What is wrong with a frame is said to the client in the code it is closed with.
    webSocket.on("error", () => undefined);
  }

  get unreadBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  receive(data: Buffer, isBinary: boolean): void {
    if (this.#isOver) return;
    if (isBinary) {
      this.#webSocket.close(1003, "JSON-RPC comes in text frames");
      return;
    }
    this.#waiting.push(data);
    this.#advance();
  }

  /** Called once for each request, with its bytes. */
  answer(text: string, bytes: number): void {
    this.#inFlight--;
    this.#inFlightBytes -= bytes;
    this.#held.bytes -= bytes;
    if (text !== "") this.notify([text]);
    if (this.#inFlight === 0) this.#onIdle?.();
    if (this.#waiting.length > 0 || this.#webSocket.isPaused) process.nextTick(() => this.#advance());
  }

  /** One frame each; what is sent in one turn of the loop leaves in one write. */
  notify(messages: readonly string[]): void {
    if (this.#isClosed) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#socket.uncork();
      });
    }
    const { onWritten } = this.subscriber;
    const last = messages.length - 1;
    for (const [index, message] of messages.entries())
      this.#webSocket.send(message, index === last ? onWritten : undefined);
  }

  /** Resolves when nothing is in flight. */
  async answered(): Promise<void> {
    if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  /** Takes no more requests, and tells each subscription why. */
  end(error: EngineError): void {
    this.#isOver = true;
    this.#waiting = [];
    this.subscriber.drop(error);
  }

  closed(): void {
    this.#isOver = this.#isClosed = true;
    this.#waiting = [];
    this.subscriber.close();
  }

  #advance(): void {
    if (this.#isOver) return;
    while (this.#waiting.length > 0 && this.#hasRoom()) this.#handOn(this.#waiting.shift()!);
    const mayReceive = this.#waiting.length === 0 && this.#hasRoom();
    if (mayReceive === !this.#webSocket.isPaused) return;
    if (mayReceive) this.#webSocket.resume();
    else this.#webSocket.pause();
  }

  #handOn(data: Buffer): void {
    const bytes = data.length;
    this.#inFlight++;
    this.#inFlightBytes += bytes;
    this.#held.bytes += bytes;
    if (this.#held.bytes > this.#rpc.limits.inFlightBytesMax)
      this.#rpc.refuse(
        new EngineError("BUSY", "too many requests are in flight; nothing of this one ran", {
          retryAfterMs: BUSY_RETRY_MS,
        }),
        this,
        bytes,
      );
    else this.#rpc.handleBytes(data, 0, bytes, this.#caller, this, bytes);
  }

  #hasRoom(): boolean {
    const { inFlightMax, inFlightBytesMax } = this.#rpc.limits;
    return (
      this.#inFlight < inFlightMax && this.#inFlightBytes < inFlightBytesMax && this.unreadBytes < UNREAD_BYTES_MAX
    );
  }
}
