/**
 * The binary protocol of engine.bin.ipc, for a node in a hurry: frames of many transactions, little-endian throughout.
 * Requests may be pipelined; answers carry the request's id and may come in another order.
 *
 * Frame           u32 length of what follows · u8 type · u32 request id · payload
 *
 *   1 submit      u8 wait: 0 durable, 1 executed, 2 accepted · u8 receipts: 0 no, 1 yes · u16 0 · u32 count ·
 *                 `count` transactions (transaction.ts), each followed by zero bytes up to a multiple of 4 of its own length
 *   2 query       u32 0 · u32 count · `count` transactions of kind call; the sender is the caller, a gas limit of 0 stands
 *                 for the highest that is allowed, the nonce is ignored
 * 129 submitted   u64 height of the highest block that holds one of them, 2^53-1 for none · u32 count · for each:
 *                   u8 status: 0 rejected, 1 success, 2 reverted, 3 halted, 4 accepted
 *                   u8 flags: 1 a contract address, 2 a receipt
 *                   u16 0
 *                   rejected: u32 length · JSON {code, message, data}, as JSON-RPC has it
 *                   accepted: transaction hash (32)
 *                   else:     u64 gas used · transaction hash (32) · contract address (20) if flagged ·
 *                             u32 length and receipt (receipt.ts) if flagged
 * 130 queried     u32 count · for each:
 *                   u8 status: 0 rejected, 1 success, 2 reverted, 3 halted
 *                   u8 halt reason (HALT_REASONS of receipt.ts)
 *                   u16 0
 *                   rejected: u32 length · JSON
 *                   else:     u64 gas used · u64 seq · u64 block height · u32 length · return data
 * 255 refused     JSON {code, message, data}: nothing of the frame ran. The id is 0 where it could not be read; the
 *                 connection is then closed, because where the next frame begins is not known.
 *
 * A transaction that is wrong in itself is rejected in its place; a frame whose transactions do not add up to its length
 * is refused whole.
 */
import { readU32 } from "./bytes.ts";

export const FrameType = { submit: 1, query: 2, submitted: 129, queried: 130, refused: 255 } as const;
export const WAIT_CODES = ["durable", "executed", "accepted"] as const;
/** Type and request id. */
export const FRAME_HEADER_BYTES = 5;
/** Where the first transaction of a submit or query frame begins, after the length. */
export const FRAME_BODY_AT = FRAME_HEADER_BYTES + 8;
export const SubmitStatus = { rejected: 0, accepted: 4 } as const;
export const SubmitFlag = { contractAddress: 1, receipt: 2 } as const;
export const NO_BLOCK = Number.MAX_SAFE_INTEGER;

const LENGTH_BYTES = 4;
const EMPTY = Buffer.alloc(0);

/**
 * Cuts a byte stream into frames (without their length). A length over the bound is seen before anything is allocated:
 * `problem` is then set and stays set.
 */
export class FrameBuffer {
  problem: string | undefined;
  readonly #frameBytesMax: number;
  #chunk: Buffer = EMPTY;
  #at = 0;
  /** A frame of which only the beginning has come. */
  #frame: Buffer | undefined;
  #frameBytes = 0;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  push(chunk: Buffer): void {
    this.#chunk = this.#at === this.#chunk.length ? chunk : Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /** The next whole frame; its bytes are valid until the next `push`. Undefined when more bytes are needed. */
  next(): Buffer | undefined {
    if (this.problem !== undefined) return undefined;
    if (this.#frame !== undefined) return this.#continueFrame(this.#frame);
    const available = this.#chunk.length - this.#at - LENGTH_BYTES;
    if (available < 0) return undefined;
    const length = readU32(this.#chunk, this.#at);
    if (length > this.#frameBytesMax)
      this.problem = `a frame has at most ${this.#frameBytesMax} bytes, this one ${length}`;
    else if (length < FRAME_HEADER_BYTES)
      this.problem = `a frame has at least ${FRAME_HEADER_BYTES} bytes, this one ${length}`;
    if (this.problem !== undefined) return undefined;
    this.#at += LENGTH_BYTES;
    if (available >= length) {
      this.#at += length;
      return this.#chunk.subarray(this.#at - length, this.#at);
    }
    this.#frame = Buffer.allocUnsafeSlow(length);
    this.#frameBytes = 0;
    return this.#continueFrame(this.#frame);
  }

  #continueFrame(frame: Buffer): Buffer | undefined {
    const copied = this.#chunk.copy(frame, this.#frameBytes, this.#at);
    this.#at += copied;
    this.#frameBytes += copied;
    if (this.#frameBytes < frame.length) return undefined;
    this.#frame = undefined;
    return frame;
  }
}
