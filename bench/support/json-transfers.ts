/**
 * JSON-RPC lines as a node would send them, written without making objects: a template is copied and the addresses and the
 * nonce are put into it. One transfer is 230 to 240 bytes.
 */
import type { Accounts, Book } from "./accounts.ts";
import {
  ADDRESS_DIGITS,
  endOfLine,
  HEAD_BYTES_MAX,
  idOf,
  lineText,
  SLACK_BYTES,
  writeHead,
  writeText,
} from "./json-line.ts";
import type { TransferSource } from "./transfer-source.ts";
import { AnswerError, CHECK_EVERY, copyBytes, type Wire, writeDecimal } from "./wire.ts";

/** A transfer costs a third of it, one to a new holder half. */
export const GAS_LIMIT = 100_000;

const NO_ADDRESS = "0".repeat(ADDRESS_DIGITS);
const SUCCESS = Buffer.from('"status":"success"');
const STATUS_KEY = Buffer.from('"status":"');

/** Writes transfers of one token, each a JSON object. */
export interface TransferWriter {
  /** No transfer is longer. */
  readonly bytesMax: number;
  /** @returns the end. */
  write(out: Buffer, at: number, from: number, to: number, nonce: number): number;
}

class TransferTemplate implements TransferWriter {
  readonly bytesMax: number;
  readonly #accounts: Accounts;
  readonly #template: Buffer;
  readonly #senderAt: number;
  readonly #recipientAt: number;

  constructor(accounts: Accounts, token: string, amount: number) {
    const text =
      `{"kind":"call","to":"${token}","entrypoint":"transfer","gasLimit":"${GAS_LIMIT}","sender":"0x${NO_ADDRESS}"` +
      `,"args":["0x${NO_ADDRESS}","${amount}"],"nonce":`;
    this.#accounts = accounts;
    this.#template = Buffer.from(text, "latin1");
    this.#senderAt = text.indexOf(NO_ADDRESS);
    this.#recipientAt = text.lastIndexOf(NO_ADDRESS);
    this.bytesMax = text.length + SLACK_BYTES;
  }

  write(out: Buffer, at: number, from: number, to: number, nonce: number): number {
    const { hex } = this.#accounts;
    out.set(this.#template, at);
    copyBytes(hex, ADDRESS_DIGITS * from, ADDRESS_DIGITS, out, at + this.#senderAt);
    copyBytes(hex, ADDRESS_DIGITS * to, ADDRESS_DIGITS, out, at + this.#recipientAt);
    const end = writeDecimal(out, at + this.#template.length, nonce);
    out[end] = 125; // }
    return end + 1;
  }
}

const SINGLE_HEAD = Buffer.from(',"method":"tx_submit","params":{"transaction":');
const SINGLE_TAIL = Buffer.from("}}\n");
const BATCH_HEAD = Buffer.from(',"method":"tx_submitBatch","params":{"receipts":"summary","transactions":[');
const BATCH_TAIL = Buffer.from("]}}\n");

interface TransferModules {
  accounts: Accounts;
  book: Book;
  token: string;
  source: TransferSource;
}

/** tx_submit: one transfer a request, answered by its whole receipt. */
export class JsonSingles implements Wire {
  readonly requestBytesMax: number;
  readonly #modules: TransferModules;
  readonly #template: TransferTemplate;
  #answers = 0;

  constructor(modules: TransferModules) {
    this.#modules = modules;
    this.#template = new TransferTemplate(modules.accounts, modules.token, modules.source.amount);
    this.requestBytesMax = HEAD_BYTES_MAX + SINGLE_HEAD.length + this.#template.bytesMax + SLACK_BYTES;
  }

  write(out: Buffer, at: number, slot: number): number {
    const { source, book } = this.#modules;
    if (!source.next()) return at;
    let next = writeHead(out, at, slot, SINGLE_HEAD);
    next = this.#template.write(out, next, source.from, source.to, book.move(source.from, source.to, source.amount));
    return writeText(out, next, SINGLE_TAIL);
  }

  endOf(input: Buffer, from: number, end: number): number {
    return endOfLine(input, from, end);
  }

  read(input: Buffer, from: number, end: number): number {
    const status = input.indexOf(SUCCESS, from);
    if (status === -1 || status >= end) throw new AnswerError("a transfer did not succeed", lineText(input, from, end));
    if (this.#answers++ % CHECK_EVERY === 0) {
      const { result } = JSON.parse(lineText(input, from, end)) as { result: { status: string; logs: unknown[] } };
      if (result.status !== "success" || result.logs.length !== 1) {
        throw new AnswerError("a receipt is not that of a transfer", lineText(input, from, end));
      }
    }
    return idOf(input, from);
  }

  operations(): number {
    return 1;
  }
}

/** tx_submitBatch with summaries. */
export class JsonBatches implements Wire {
  readonly requestBytesMax: number;
  readonly #modules: TransferModules;
  readonly #template: TransferWriter;
  readonly #batchSize: number;
  readonly #counts: number[] = [];
  #answers = 0;

  constructor(modules: TransferModules, batchSize: number, template?: TransferWriter) {
    const { accounts, token, source } = modules;
    this.#modules = modules;
    this.#batchSize = batchSize;
    this.#template = template ?? new TransferTemplate(accounts, token, source.amount);
    this.requestBytesMax = HEAD_BYTES_MAX + BATCH_HEAD.length + batchSize * this.#template.bytesMax + SLACK_BYTES;
  }

  write(out: Buffer, at: number, slot: number): number {
    const { source, book } = this.#modules;
    let count = 0;
    let next = at;
    while (count < this.#batchSize && source.next()) {
      if (count++ === 0) {
        next = writeHead(out, at, slot, BATCH_HEAD);
      } else {
        out[next++] = 44; // ,
      }
      const nonce = book.move(source.from, source.to, source.amount);
      next = this.#template.write(out, next, source.from, source.to, nonce);
    }
    this.#counts[slot] = count;
    return count === 0 ? at : writeText(out, next, BATCH_TAIL);
  }

  endOf(input: Buffer, from: number, end: number): number {
    return endOfLine(input, from, end);
  }

  read(input: Buffer, from: number, end: number): number {
    const slot = idOf(input, from);
    const count = this.#counts[slot] ?? 0;
    if (this.#answers++ % CHECK_EVERY === 0 || !areAllSuccess(input, from, end, count)) {
      checkSummaries(lineText(input, from, end), count);
    }
    return slot;
  }

  operations(slot: number): number {
    return this.#counts[slot]!;
  }
}

/**
 * Summaries of transfers have one length, so that the statuses of a batch stand at equal distances. True when all of them
 * are there and say success; false means that the answer must be parsed to know.
 */
function areAllSuccess(input: Buffer, from: number, end: number, count: number): boolean {
  const first = input.indexOf(STATUS_KEY, from) + STATUS_KEY.length;
  const second = input.indexOf(STATUS_KEY, first) + STATUS_KEY.length;
  const stride = count === 1 ? 0 : second - first;
  if (count === 0 || first < from || first >= end || stride < 0 || first + stride * (count - 1) >= end) return false;
  for (let i = 0, at = first; i < count; i++, at += stride) {
    // `:"su`: no other status begins so, and no hash holds a quote.
    if (input[at - 2] !== 58 || input[at - 1] !== 34 || input[at] !== 115 || input[at + 1] !== 117) return false;
  }
  return true;
}

function checkSummaries(text: string, count: number): void {
  const { result } = JSON.parse(text) as { result?: { receipts: { status?: string; transactionHash: string }[] } };
  const receipts = result?.receipts ?? [];
  const failed = receipts.find(({ status }) => status !== "success");
  if (failed !== undefined) throw new AnswerError("a transfer did not succeed", JSON.stringify(failed));
  const hashes = new Set(receipts.map(({ transactionHash }) => transactionHash));
  if (hashes.size !== count) throw new AnswerError(`${hashes.size} receipts for ${count} transfers`, text);
}
