/** Frames of the binary protocol as bytes, right ones and wrong ones, and what comes back for them. */
import { connect } from "node:net";
import { FRAME_HEADER_BYTES } from "../../src/encoding/binary-frame.ts";
import { ByteWriter } from "../../src/encoding/bytes.ts";
import { encodeTransaction, type TransactionJson } from "../../src/encoding/transaction.ts";

export function encoded(...transactions: TransactionJson[]): Buffer {
  const out = new ByteWriter();
  for (const transaction of transactions) encodeTransaction(transaction, out);
  return Buffer.from(out.take());
}

export function frame(type: number, id: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(4 + FRAME_HEADER_BYTES);
  head.writeUInt32LE(FRAME_HEADER_BYTES + payload.length, 0);
  head.writeUInt8(type, 4);
  head.writeUInt32LE(id, 5);
  return Buffer.concat([head, payload]);
}

export function submitPayload(count: number, body: Buffer, options = 0): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(options, 0);
  head.writeUInt32LE(count, 4);
  return Buffer.concat([head, body]);
}

export interface RawFrame {
  type: number;
  id: number;
  payload: Buffer;
}

/** Sends bytes on a connection of their own, says that no more will come, and answers what comes back until it closes. */
export function exchange(path: string, bytes: Buffer): Promise<RawFrame[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true }, () => socket.end(bytes));
    const received: Buffer[] = [];
    socket.on("data", (chunk) => received.push(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      try {
        resolve(framesIn(Buffer.concat(received)));
      } catch (problem) {
        reject(problem);
      }
    });
    socket.on("end", () => socket.destroy());
  });
}

/** Every frame in `bytes`, which must end with the last one. */
function framesIn(bytes: Buffer): RawFrame[] {
  const frames: RawFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    frames.push({ type: bytes[at + 4]!, id: bytes.readUInt32LE(at + 5), payload: bytes.subarray(at + 9, end) });
    at = end;
    if (at > bytes.length) throw new Error("an answer was cut off");
  }
  return frames;
}
