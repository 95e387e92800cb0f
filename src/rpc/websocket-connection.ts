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
/** A message may grow so far however many others do: what one read brings. */
const PARTIAL_BYTES_FREE = 64 * 1024;
/** https://www.iana.org/assignments/websocket */
const TRY_AGAIN_LATER = 1013;

export interface HeldBytes {
  /** Of requests that are not answered yet. */
  inFlight: number;
  /** Of messages whose end has not come. */
  partial: number;
}

export interface WebSocketModules {
  readonly rpc: JsonRpc;
  /** Of all connections together. */
  readonly held: HeldBytes;
}

export class WebSocketConnection implements AnswerTarget, NotificationChannel {
  writesInHand = 0;
  readonly subscriber: Subscriber;
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  readonly #caller: Caller;
  readonly #rpc: JsonRpc;
  readonly #held: HeldBytes;
  /** Came with others in one piece, and there was no room for it. */
  #waiting: Buffer[] = [];
  #inFlight = 0;
  #inFlightBytes = 0;
  /** Of a message whose end has not come. */
  #partialBytes = 0;
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
    // Before it is read: what is whole then is taken off again.
    socket.prependListener("data", (chunk: Buffer) => this.#hold(chunk.length));
    // What is wrong with a frame is said to the client in the code it is closed with.
    webSocket.on("error", () => undefined);
  }

  get unreadBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  receive(data: Buffer, isBinary: boolean): void {
    this.#release();
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
    this.#held.inFlight -= bytes;
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
    this.#release();
    this.subscriber.close();
  }

  /** Many clients that never come to the end of a message would fill the memory together. */
  #hold(bytes: number): void {
    this.#partialBytes += bytes;
    this.#held.partial += bytes;
    if (this.#partialBytes <= PARTIAL_BYTES_FREE || this.#held.partial <= this.#rpc.limits.inFlightBytesMax) return;
    this.#webSocket.close(TRY_AGAIN_LATER, "BUSY: too many messages are under way; nothing of this one ran");
    this.#webSocket.terminate();
  }

  #release(): void {
    this.#held.partial -= this.#partialBytes;
    this.#partialBytes = 0;
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
    this.#held.inFlight += bytes;
    if (this.#held.inFlight > this.#rpc.limits.inFlightBytesMax)
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
