/** Batches over the daemon's binary socket (layout: encoding/binary-frame.ts), pipelined. */
import {
  FRAME_HEADER_BYTES,
  FrameBuffer,
  FrameType,
  NO_BLOCK,
  SubmitFlag,
  SubmitStatus,
  WAIT_CODES,
} from "../encoding/binary-frame.ts";
import { ByteWriter, readU32, readU64, writeU32 } from "../encoding/bytes.ts";
import {
  decodeReceipt,
  HALT_REASONS,
  type HaltReason,
  type Receipt,
  type ReceiptStatusName,
} from "../encoding/receipt.ts";
import { encodeTransaction, type TransactionJson } from "../encoding/transaction.ts";
import { EngineError } from "../errors.ts";
import type { RpcErrorJson, Wait } from "./methods.ts";
import { openSocket, StreamCalls } from "./stream-calls.ts";
import { type CallOptions, DEFAULT_TIMEOUT_MS, engineErrorFrom } from "./transport.ts";

const ANSWER_BYTES_MAX = 512 * 1024 * 1024;
const STATUS_NAMES: readonly (ReceiptStatusName | undefined)[] = [undefined, "success", "reverted", "halted"];
const ADDRESS_BYTES = 20;
const HASH_BYTES = 32;

export type BinarySubmitted =
  | {
      readonly status: ReceiptStatusName;
      readonly gasUsed: number;
      readonly transactionHash: Uint8Array;
      readonly contractAddress: Uint8Array | undefined;
      /** Set when receipts were asked for. */
      readonly receipt: Receipt | undefined;
    }
  | { readonly status: "accepted"; readonly transactionHash: Uint8Array }
  | { readonly status: "rejected"; readonly error: EngineError };

export type BinaryQueried =
  | {
      readonly status: ReceiptStatusName;
      readonly haltReason: HaltReason | undefined;
      readonly gasUsed: number;
      readonly seq: number;
      readonly blockHeight: number;
      readonly returnData: Uint8Array;
    }
  | { readonly status: "rejected"; readonly error: EngineError };

export interface SubmitOptions extends CallOptions {
  readonly wait?: Wait;
  readonly receipts?: boolean;
}

/** @throws EngineError CONNECTION_FAILED naming the path. */
export async function connectBinary(path: string): Promise<BinaryClient> {
  return new BinaryClient(await openSocket(path), path);
}

export class BinaryClient {
  readonly #calls: StreamCalls<Uint8Array>;
  readonly #out = new ByteWriter();

  constructor(socket: Awaited<ReturnType<typeof openSocket>>, path: string) {
    const calls = new StreamCalls<Uint8Array>(socket, path);
    const frames = new FrameBuffer(ANSWER_BYTES_MAX);
    this.#calls = calls;
    socket.on("data", (chunk: Buffer) => {
      frames.push(chunk);
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) receive(frame, calls);
      if (frames.problem !== undefined) calls.fail(new EngineError("CONNECTION_CLOSED", frames.problem));
    });
  }

  /** Outcomes in the order of the transactions. @throws EngineError when the whole batch was refused: nothing ran. */
  async submitBatch(
    transactions: readonly TransactionJson[],
    options: SubmitOptions = {},
  ): Promise<{ blockHeight: number | undefined; outcomes: BinarySubmitted[] }> {
    return this.submitEncoded(transactions.length, (out) => encodeAll(transactions, out), options);
  }

  /** The same for transactions that are encoded already: `write` appends `count` of them, each padded to a multiple of 4. */
  submitEncoded(
    count: number,
    write: (out: ByteWriter) => void,
    { wait = "durable", receipts = false, timeoutMs = DEFAULT_TIMEOUT_MS }: SubmitOptions = {},
  ): Promise<{ blockHeight: number | undefined; outcomes: BinarySubmitted[] }> {
    return this.#calls.send("submit", timeoutMs, (id) =>
      this.#frame(FrameType.submit, id, WAIT_CODES.indexOf(wait) | (receipts ? 0x100 : 0), count, write),
    );
  }

  /** Calls without effect. Each is a call transaction whose sender is the caller; a gas limit of 0 is the highest allowed. */
  queryBatch(
    calls: readonly TransactionJson[],
    { timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions = {},
  ): Promise<BinaryQueried[]> {
    return this.#calls.send("query", timeoutMs, (id) =>
      this.#frame(FrameType.query, id, 0, calls.length, (out) => encodeAll(calls, out)),
    );
  }

  close(): Promise<void> {
    return this.#calls.close();
  }

  #frame(type: number, id: number, options: number, count: number, write: (out: ByteWriter) => void): Uint8Array {
    const out = this.#out;
    out.length = 0;
    out.u32(0);
    out.u8(type);
    out.u32(id);
    out.u32(options);
    out.u32(count);
    const body = new ByteWriter();
    write(body);
    out.raw(body.written());
    writeU32(out.bytes, 0, out.length - 4);
    return out.take();
  }
}

function encodeAll(transactions: readonly TransactionJson[], out: ByteWriter): void {
  for (const transaction of transactions) encodeTransaction(transaction, out);
}

function receive(frame: Buffer, calls: StreamCalls<Uint8Array>): void {
  const id = readU32(frame, 1);
  const reader = new FrameReader(frame);
  switch (frame[0]) {
    case FrameType.submitted:
      calls.resolve(id, readSubmitted(reader));
      break;
    case FrameType.queried:
      calls.resolve(id, reader.list(readQueried));
      break;
    case FrameType.refused: {
      const error = engineErrorFrom(JSON.parse(frame.toString("utf8", FRAME_HEADER_BYTES)) as RpcErrorJson);
      if (id === 0) calls.fail(error);
      else calls.reject(id, error);
      break;
    }
    default:
      calls.fail(new EngineError("CONNECTION_CLOSED", `the daemon sent a frame of type ${frame[0]}`));
  }
}

class FrameReader {
  readonly #frame: Buffer;
  #next = FRAME_HEADER_BYTES;

  constructor(frame: Buffer) {
    this.#frame = frame;
  }

  u8(): number {
    return this.#frame[this.#next++]!;
  }

  u32(): number {
    this.#next += 4;
    return readU32(this.#frame, this.#next - 4);
  }

  u64(): number {
    this.#next += 8;
    return readU64(this.#frame, this.#next - 8);
  }

  skip(count: number): void {
    this.#next += count;
  }

  /** A copy: frames are views into what was received. */
  bytes(count: number): Uint8Array {
    this.#next += count;
    return Uint8Array.from(this.#frame.subarray(this.#next - count, this.#next));
  }

  list<T>(read: (reader: FrameReader) => T): T[] {
    return Array.from({ length: this.u32() }, () => read(this));
  }

  rejection(): { status: "rejected"; error: EngineError } {
    const text = Buffer.from(this.bytes(this.u32())).toString("utf8");
    return { status: "rejected", error: engineErrorFrom(JSON.parse(text) as RpcErrorJson) };
  }
}

function readSubmitted(reader: FrameReader): { blockHeight: number | undefined; outcomes: BinarySubmitted[] } {
  const height = reader.u64();
  return { blockHeight: height === NO_BLOCK ? undefined : height, outcomes: reader.list(readOutcome) };
}

function readOutcome(reader: FrameReader): BinarySubmitted {
  const status = reader.u8();
  const flags = reader.u8();
  reader.skip(2);
  if (status === SubmitStatus.rejected) return reader.rejection();
  if (status === SubmitStatus.accepted) return { status: "accepted", transactionHash: reader.bytes(HASH_BYTES) };
  const gasUsed = reader.u64();
  const transactionHash = reader.bytes(HASH_BYTES);
  const contractAddress = flags & SubmitFlag.contractAddress ? reader.bytes(ADDRESS_BYTES) : undefined;
  const receipt = flags & SubmitFlag.receipt ? decodeReceipt(reader.bytes(reader.u32()), 0) : undefined;
  return { status: STATUS_NAMES[status]!, gasUsed, transactionHash, contractAddress, receipt };
}

function readQueried(reader: FrameReader): BinaryQueried {
  const status = reader.u8();
  const reason = HALT_REASONS[reader.u8()];
  reader.skip(2);
  if (status === SubmitStatus.rejected) return reader.rejection();
  return {
    status: STATUS_NAMES[status]!,
    haltReason: reason === "" ? undefined : reason,
    gasUsed: reader.u64(),
    seq: reader.u64(),
    blockHeight: reader.u64(),
    returnData: reader.bytes(reader.u32()),
  };
}
