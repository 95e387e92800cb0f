/** Submit frames of the binary socket (src/encoding/binary-frame.ts), every outcome of every answer checked. */
import { FRAME_BODY_AT, FrameType, SubmitFlag } from "../../src/encoding/binary-frame.ts";
import { ByteWriter, readU32, writeU32, writeU64 } from "../../src/encoding/bytes.ts";
import { encodeTransaction } from "../../src/encoding/transaction.ts";
import type { Accounts, Book } from "./accounts.ts";
import { GAS_LIMIT } from "./json-transfers.ts";
import type { TransferSource } from "./transfer-source.ts";
import { AnswerError, copyBytes, type Wire } from "./wire.ts";

const LENGTH_BYTES = 4;
const ADDRESS_BYTES = 20;
const NONCE_AT = 8;
const SENDER_AT = 24;
/** Frame length, type and id, height, count. */
const OUTCOMES_AT = LENGTH_BYTES + 5 + 8 + 4;
/** Status, flags, gas used, transaction hash. */
const OUTCOME_BYTES = 4 + 8 + 32;
const STATUS_SUCCESS = 1;

export class BinaryBatches implements Wire {
  readonly requestBytesMax: number;
  readonly #accounts: Accounts;
  readonly #book: Book;
  readonly #source: TransferSource;
  readonly #batchSize: number;
  readonly #template: Uint8Array;
  readonly #recipientAt: number;
  readonly #counts: number[] = [];

  constructor(modules: { accounts: Accounts; book: Book; token: string; source: TransferSource }, batchSize: number) {
    const { accounts, token, source } = modules;
    this.#accounts = accounts;
    this.#book = modules.book;
    this.#source = source;
    this.#batchSize = batchSize;
    const out = new ByteWriter();
    const recipient = `0x${"ab".repeat(ADDRESS_BYTES)}`;
    encodeTransaction(
      {
        kind: "call",
        sender: accounts.text(0),
        nonce: 0,
        gasLimit: GAS_LIMIT,
        to: token,
        entrypoint: "transfer",
        args: [recipient, String(source.amount)],
      },
      out,
    );
    this.#template = out.take();
    this.#recipientAt = Buffer.from(this.#template).indexOf(Buffer.alloc(ADDRESS_BYTES, 0xab));
    this.requestBytesMax = LENGTH_BYTES + FRAME_BODY_AT + batchSize * this.#template.length;
  }

  write(out: Buffer, at: number, slot: number): number {
    const source = this.#source;
    const template = this.#template;
    const { raw } = this.#accounts;
    let next = at + LENGTH_BYTES + FRAME_BODY_AT;
    let count = 0;
    for (; count < this.#batchSize && source.next(); count++) {
      out.set(template, next);
      writeU64(out, next + NONCE_AT, this.#book.move(source.from, source.to, source.amount));
      copyBytes(raw, ADDRESS_BYTES * source.from, ADDRESS_BYTES, out, next + SENDER_AT);
      copyBytes(raw, ADDRESS_BYTES * source.to, ADDRESS_BYTES, out, next + this.#recipientAt);
      next += template.length;
    }
    this.#counts[slot] = count;
    if (count === 0) return at;
    writeU32(out, at, next - at - LENGTH_BYTES);
    out[at + LENGTH_BYTES] = FrameType.submit;
    writeU32(out, at + LENGTH_BYTES + 1, slot);
    writeU32(out, at + LENGTH_BYTES + 5, 0); // wait: durable; no receipts
    writeU32(out, at + LENGTH_BYTES + 9, count);
    return next;
  }

  endOf(input: Buffer, from: number, end: number): number {
    if (end - from < LENGTH_BYTES) return -1;
    const frameEnd = from + LENGTH_BYTES + readU32(input, from);
    return frameEnd > end ? -1 : frameEnd;
  }

  read(input: Buffer, from: number, end: number): number {
    const slot = readU32(input, from + LENGTH_BYTES + 1);
    const count = this.#counts[slot] ?? 0;
    if (input[from + LENGTH_BYTES] !== FrameType.submitted || end !== from + OUTCOMES_AT + OUTCOME_BYTES * count) {
      throw new AnswerError("a frame is not the success of a batch", input.toString("latin1", from + OUTCOMES_AT, end));
    }
    for (let i = 0, at = from + OUTCOMES_AT; i < count; i++, at += OUTCOME_BYTES) {
      if (input[at] !== STATUS_SUCCESS || (input[at + 1]! & SubmitFlag.contractAddress) !== 0) {
        throw new AnswerError(`transfer ${i} of a batch did not succeed`, `status ${input[at]}`);
      }
    }
    return slot;
  }

  operations(slot: number): number {
    return this.#counts[slot]!;
  }
}
