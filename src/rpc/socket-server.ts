/**
 * JSON-RPC over a Unix socket: one JSON message a line in both directions, pipelined. What `nc -U`, geth's tools and our
 * client speak. Whoever can open the socket may do everything: its file mode is the permission.
 */
import type { Socket } from "node:net";
import { LineBuffer } from "../encoding/line-buffer.ts";
import { EngineError } from "../errors.ts";
import { TRUSTED_CALLER } from "./access.ts";
import type { AnswerTarget } from "./answers.ts";
import { Connection } from "./connection.ts";
import type { JsonRpc } from "./json-rpc.ts";
import { StreamServer } from "./stream-server.ts";
import { type NotificationChannel, Subscriber } from "./streams/subscriber.ts";
import type { UnixSocketOptions } from "./unix-socket.ts";

export function openSocketServer(options: UnixSocketOptions, rpc: JsonRpc): Promise<StreamServer> {
  return StreamServer.open(options, rpc, (socket) => new LineConnection(socket, rpc));
}

class LineConnection extends Connection implements AnswerTarget, NotificationChannel {
  writesInHand = 0;
  readonly subscriber: Subscriber;
  readonly #rpc: JsonRpc;
  readonly #lines: LineBuffer;
  #isRefused = false;

  constructor(socket: Socket, rpc: JsonRpc) {
    super(socket, rpc.limits, rpc.log);
    this.#rpc = rpc;
    this.#lines = new LineBuffer(rpc.limits.frameBytesMax);
    this.subscriber = new Subscriber(rpc.streams, this);
  }

  notify(messages: readonly string[]): void {
    this.push(`${messages.join("\n")}\n`);
  }

  protected override get onWritten(): (() => void) | undefined {
    return this.subscriber.onWritten;
  }

  protected override closed(): void {
    this.subscriber.close();
  }

  answer(text: string, token: number): void {
    this.answered(text === "" ? "" : `${text}\n`, token);
  }

  protected override receive(chunk: Buffer): void {
    this.#lines.push(chunk);
  }

  protected override takeRequest(): number | undefined {
    while (this.#lines.find()) if (!isBlank(this.#lines)) return this.#handOn();
    return this.#refuseOverlong();
  }

  protected override takeLast(): number | undefined {
    return this.#lines.findLast() && !isBlank(this.#lines) ? this.#handOn() : undefined;
  }

  #handOn(): number {
    const { bytes, start, end, lineBytes } = this.#lines;
    this.begin(lineBytes);
    this.#rpc.handleBytes(bytes, start, end, TRUSTED_CALLER, this, lineBytes);
    return lineBytes;
  }

  /** A line over the bound is answered once; where the next one would begin can't be known without reading it all. */
  #refuseOverlong(): number | undefined {
    if (!this.#lines.isOverflowing || this.#isRefused) return undefined;
    this.#isRefused = true;
    const { frameBytesMax } = this.#rpc.limits;
    this.#rpc.refuse(
      new EngineError("LIMIT_EXCEEDED", `a line has at most ${frameBytesMax} bytes`, {
        limit: "frameBytesMax",
        max: frameBytesMax,
      }),
      this,
      0,
    );
    this.finish();
    return 0;
  }
}

const CARRIAGE_RETURN = 13;

function isBlank({ bytes, start, end }: LineBuffer): boolean {
  return start === end || (start + 1 === end && bytes[start] === CARRIAGE_RETURN);
}
