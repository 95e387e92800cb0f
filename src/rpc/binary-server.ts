/**
 * The binary protocol (layout: encoding/binary-frame.ts) over a Unix socket: transactions come in the encoding that goes
 * to the executor and to the log, so that a batch is checked and copied, never parsed. Trusted like the JSON socket.
 */
import type { Socket } from "node:net";
import { FRAME_HEADER_BYTES, FrameBuffer, FrameType, WAIT_CODES } from "../encoding/binary-frame.ts";
import { ByteWriter, readU32, writeU32 } from "../encoding/bytes.ts";
import { EngineError } from "../errors.ts";
import { FrameRequest, type FrameTarget, QueryAnswers, SubmitSink } from "./binary-answers.ts";
import { BinaryBatch, requireBody } from "./binary-batch.ts";
import { Connection } from "./connection.ts";
import type { JsonRpc } from "./json-rpc.ts";
import type { MethodTelemetry } from "./request-telemetry.ts";
import { StreamServer } from "./stream-server.ts";
import type { UnixSocketOptions } from "./unix-socket.ts";

export function openBinaryServer(options: UnixSocketOptions, rpc: JsonRpc): Promise<StreamServer> {
  return StreamServer.open(options, rpc, (socket) => new FrameConnection(socket, rpc));
}

class FrameConnection extends Connection implements FrameTarget {
  readonly #rpc: JsonRpc;
  readonly #frames: FrameBuffer;
  readonly #out = new ByteWriter();
  #isRefused = false;

  constructor(socket: Socket, rpc: JsonRpc) {
    super(socket, rpc.limits, rpc.log);
    this.#rpc = rpc;
    this.#frames = new FrameBuffer(rpc.limits.frameBytesMax);
  }

  protected override receive(chunk: Buffer): void {
    this.#frames.push(chunk);
  }

  protected override takeRequest(): number | undefined {
    const frame = this.#frames.next();
    if (frame === undefined) return this.#refuseStream();
    this.begin(frame.length);
    const request = new FrameRequest(
      readU32(frame, 1),
      frame.length,
      this,
      this.#rpc.log,
      this.#telemetryOf(frame[0]!),
    );
    try {
      this.#rpc.requireRunning();
      if (frame[0] === FrameType.submit) this.#submit(frame, request);
      else if (frame[0] === FrameType.query) this.#query(frame, request);
      else throw new EngineError("METHOD_NOT_FOUND", `there is no frame of type ${frame[0]}`, { type: frame[0] });
    } catch (thrown) {
      request.refuse(thrown);
    }
    return frame.length;
  }

  #telemetryOf(type: number): MethodTelemetry | undefined {
    const name = type === FrameType.submit ? "binary.submit" : type === FrameType.query ? "binary.query" : "_OTHER";
    return this.#rpc.telemetry?.method(name);
  }

  /** A frame that its client never finished is no request. */
  protected override takeLast(): undefined {
    return undefined;
  }

  #refuseStream(): number | undefined {
    const { problem } = this.#frames;
    if (problem === undefined || this.#isRefused) return undefined;
    this.#isRefused = true;
    const facts = { limit: "frameBytesMax", max: this.#rpc.limits.frameBytesMax };
    new FrameRequest(0, 0, this, this.#rpc.log).refuse(new EngineError("LIMIT_EXCEEDED", problem, facts));
    this.finish();
    return 0;
  }

  #submit(frame: Buffer, request: FrameRequest): void {
    this.#rpc.requireMode("submit", "auto");
    requireBody(frame);
    const wait = WAIT_CODES[frame[FRAME_HEADER_BYTES]!];
    const receipts = frame[FRAME_HEADER_BYTES + 1]!;
    if (wait === undefined || receipts > 1 || frame[7] !== 0 || frame[8] !== 0) {
      throw new EngineError("VALIDATION_ERROR", "options: expected wait 0 to 2, receipts 0 or 1, and two zero bytes", {
        path: "options",
      });
    }
    const batch = new BinaryBatch(frame, {
      batchMax: this.#rpc.limits.batchMax,
      needsNonceOrId: wait === "accepted",
      callsOnly: false,
    });
    const sink = new SubmitSink(request, batch, wait, receipts === 1);
    if (batch.acceptedCount === 0) sink.settle(undefined);
    else this.#rpc.service.submit((out) => batch.encode(out), wait, sink);
  }

  #query(frame: Buffer, request: FrameRequest): void {
    requireBody(frame);
    const { queryGasMax, batchMax } = this.#rpc.limits;
    const batch = new BinaryBatch(frame, { batchMax, needsNonceOrId: false, callsOnly: true });
    const answers = new QueryAnswers(request, batch);
    for (let i = 0; i < batch.count; i++) {
      if (batch.rejections.has(i)) continue;
      const sink = answers.sink(i);
      try {
        this.#rpc.service.query((out) => batch.encodeQuery(i, queryGasMax, out), sink, false);
      } catch (thrown) {
        sink.fail(request.publicError(thrown));
      }
    }
    answers.allStarted();
  }

  /** Writes one frame whose payload `write` appends. */
  send(type: number, id: number, requestBytes: number, write: (out: ByteWriter) => void): void {
    const out = this.#out;
    // An answer whose making failed must not begin the next one.
    out.length = 0;
    out.u32(0);
    out.u8(type);
    out.u32(id);
    write(out);
    writeU32(out.bytes, 0, out.length - 4);
    this.answered(out.take(), requestBytes);
  }
}
