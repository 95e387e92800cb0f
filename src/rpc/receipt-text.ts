/**
 * Receipts as JSON text, straight from the bytes of a block: the answers of the hot path, where building objects to
 * stringify them would cost more than all the rest of the answer.
 *   block bytes ── hex of one receipt ──▶ substrings ──▶ text
 * Always
 *  - Hex is lower case and names come from an ABI, so that nothing but decoded strings needs escaping.
 */
import { type AbiFunction, decodeResult } from "../encoding/abi.ts";
import { type BlockEntry, ENTRY_HEADER_BYTES } from "../encoding/block-entry.ts";
import { readU32, readU64 } from "../encoding/bytes.ts";
import {
  decodeErc20Error,
  decodeErc20Log,
  ERC20_EVENTS,
  getErc20FunctionByName,
  getErc20FunctionBySelector,
} from "../encoding/erc20-abi.ts";
import { toHex } from "../encoding/hex.ts";
import { HALT_REASONS, RECEIPT_HEADER_BYTES } from "../encoding/receipt.ts";
import { BodyForm, TX_HEADER_BYTES } from "../encoding/transaction.ts";

const STATUS_NAMES = ["", "success", "reverted", "halted"];
const STATUS_REVERTED = 2;
const FLAG_CONTRACT_ADDRESS = 1;
const PACKED_EMPTY = 254;
const PACKED_LONG = 255;
const KIND_DEPLOY = 1;
const HASH_BYTES = 32;

const ZEROS = "0".repeat(64);
const ADDRESS_PADDING = "0".repeat(24);
/** A word that begins with these is below 2^48, which a double holds exactly. */
const SMALL_PADDING = "0".repeat(52);
const WORD_TRUE = `${"0".repeat(63)}1`;
const WORD_DIGITS = 64;

const TRANSFER_TOPIC = toHex(ERC20_EVENTS.Transfer.topic).slice(2);
const APPROVAL_TOPIC = toHex(ERC20_EVENTS.Approval.topic).slice(2);

export function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The answers about transactions of one block. */
export class BlockReceipts {
  readonly block: BlockEntry;
  readonly #bytes: Buffer;

  constructor(block: BlockEntry) {
    this.block = block;
    this.#bytes = viewOf(block.bytes);
  }

  summary(index: number): string {
    const at = this.block.receiptAt(index);
    const bytes = this.#bytes;
    const hashAt = ENTRY_HEADER_BYTES + HASH_BYTES * index;
    const text = `{"transactionHash":"0x${bytes.toString("hex", hashAt, hashAt + HASH_BYTES)}","status":"${STATUS_NAMES[bytes[at]!]}","gasUsed":"${readU64(bytes, at + 8)}"`;
    if ((bytes[at + 2]! & FLAG_CONTRACT_ADDRESS) === 0) return `${text}}`;
    return `${text},"contractAddress":"0x${bytes.toString("hex", at + RECEIPT_HEADER_BYTES, at + RECEIPT_HEADER_BYTES + 20)}"}`;
  }

  full(index: number): string {
    const hashAt = ENTRY_HEADER_BYTES + HASH_BYTES * index;
    return receiptText({
      hash: this.#bytes.toString("hex", hashAt, hashAt + HASH_BYTES),
      transaction: this.#bytes,
      transactionAt: this.block.transactionAt(index),
      receipt: this.#bytes,
      receiptAt: this.block.receiptAt(index),
      receiptEnd:
        index + 1 < this.block.transactionCount
          ? this.block.receiptAt(index + 1)
          : this.block.deltaEnd - this.block.delta.length,
      blockHeight: this.block.height,
      index,
    });
  }
}

export interface ReceiptSource {
  /** Hex without 0x. */
  hash: string;
  transaction: Buffer;
  transactionAt: number;
  receipt: Buffer;
  receiptAt: number;
  /** At or after the end of the receipt. */
  receiptEnd: number;
  blockHeight: number;
  index: number;
}

export function receiptText(source: ReceiptSource): string {
  const { transaction, transactionAt, receipt, receiptAt } = source;
  const parts = new HexReader(receipt, receiptAt + RECEIPT_HEADER_BYTES, source.receiptEnd);
  const contractAddress = receipt[receiptAt + 2]! & FLAG_CONTRACT_ADDRESS ? `"0x${parts.raw(20)}"` : "null";
  const returnData = parts.packed();
  const parties = transaction.toString("hex", transactionAt + 24, transactionAt + 64);
  const to = transaction[transactionAt] === KIND_DEPLOY ? "null" : `"0x${parties.substring(40)}"`;
  const status = receipt[receiptAt]!;
  return (
    `{"transactionHash":"0x${source.hash}","blockHeight":${source.blockHeight},"transactionIndex":${source.index}` +
    `,"sender":"0x${parties.substring(0, 40)}","to":${to},"contractAddress":${contractAddress},"status":"${STATUS_NAMES[status]}"` +
    `,"gasUsed":"${readU64(receipt, receiptAt + 8)}","gasLimit":"${readU64(transaction, transactionAt + 16)}"` +
    `,"returnData":"0x${returnData}"${outcomeText(source, status, returnData)},"logs":[${logsText(parts, readU32(receipt, receiptAt + 4))}]}`
  );
}

/** What the return data means: `result`, `revert` or `haltReason`, each with a leading comma. */
function outcomeText(source: ReceiptSource, status: number, returnData: string): string {
  if (status === 1) {
    const fn = functionOf(source.transaction, source.transactionAt);
    const result = fn && resultText(fn, returnData);
    return result === undefined ? "" : `,"result":${result}`;
  }
  if (status === STATUS_REVERTED) return `,"revert":${JSON.stringify(describeRevert(Buffer.from(returnData, "hex")))}`;
  return `,"haltReason":"${HALT_REASONS[source.receipt[source.receiptAt + 1]!]}"`;
}

/** The error that a contract raised; the name is null when its data is no error that is known. */
export function describeRevert(data: Uint8Array): {
  name: string | null;
  message: string;
  data: string;
  args: Record<string, unknown>;
} {
  const error = decodeErc20Error(data);
  if (error !== undefined) return { name: error.name, message: error.message, data: toHex(data), args: error.args };
  const message =
    data.length === 0 ? "the contract reverted without data" : "the contract reverted with an error that is not known";
  return { name: null, message, data: toHex(data), args: {} };
}

/** The function that a call's encoding names; undefined for one that is not known, and for everything that is no call. */
export function functionOf(bytes: Buffer, at: number): AbiFunction | undefined {
  if (bytes[at] === KIND_DEPLOY) return undefined;
  const body = at + TX_HEADER_BYTES;
  switch (bytes[at + 2]) {
    case BodyForm.entrypoint:
      return getErc20FunctionByName(bytes.toString("latin1", body + 1, body + 1 + bytes[body]!));
    case BodyForm.calldata:
      return getErc20FunctionBySelector(bytes.subarray(body, body + readU32(bytes, at + 4)));
    default:
      return undefined;
  }
}

/** Return data (hex without 0x) as JSON text; undefined when it does not decode. */
export function resultText(fn: AbiFunction, returnData: string): string | undefined {
  const type = fn.outputTypes.length === 1 ? fn.outputTypes[0]! : undefined;
  if (type !== undefined && returnData.length === WORD_DIGITS) {
    if (type.kind === "uint" && type.bits === 256) return `"${wordToDecimal(returnData)}"`;
    if (type.kind === "bool" && returnData === WORD_TRUE) return "true";
    if (type.kind === "bool" && returnData === ZEROS) return "false";
  }
  const value = decodeResult(fn, Buffer.from(returnData, "hex"));
  return value === undefined ? undefined : JSON.stringify(value);
}

function wordToDecimal(word: string): string {
  if (word.startsWith(SMALL_PADDING)) return String(Number.parseInt(word.substring(52), 16));
  return BigInt(`0x${word}`).toString();
}

function logsText(parts: HexReader, count: number): string {
  let text = "";
  for (let logIndex = 0; logIndex < count; logIndex++)
    text += (logIndex === 0 ? "" : ",") + logText(parts, logIndex, "");
  return text;
}

/** One log; `extra` are more members, each with a leading comma. */
export function logText(parts: HexReader, logIndex: number, extra: string): string {
  const address = parts.raw(20);
  const topics: string[] = [];
  for (let count = parts.byte(); count > 0; count--) topics.push(parts.packed());
  const data = parts.packed();
  const shown = topics.length === 0 ? "" : `"0x${topics.join('","0x')}"`;
  return `{"address":"0x${address}","topics":[${shown}],"data":"0x${data}","logIndex":${logIndex}${eventText(topics, data)}${extra}}`;
}

/** Name and arguments of the event, with a leading comma; empty when it is not known. */
function eventText(topics: readonly string[], data: string): string {
  const [topic, first, second] = topics;
  if (
    topics.length === 3 &&
    data.length === WORD_DIGITS &&
    first!.startsWith(ADDRESS_PADDING) &&
    second!.startsWith(ADDRESS_PADDING)
  ) {
    const amount = () => `"0x${second!.substring(24)}","value":"${wordToDecimal(data)}"}`;
    if (topic === TRANSFER_TOPIC)
      return `,"event":"Transfer","args":{"from":"0x${first!.substring(24)}","to":${amount()}`;
    if (topic === APPROVAL_TOPIC)
      return `,"event":"Approval","args":{"owner":"0x${first!.substring(24)}","spender":${amount()}`;
  }
  const decoded = decodeErc20Log(
    topics.map((hex) => Buffer.from(hex, "hex")),
    Buffer.from(data, "hex"),
  );
  return decoded === undefined ? "" : `,"event":"${decoded.event}","args":${JSON.stringify(decoded.args)}`;
}

/** Reads the packed parts of a receipt (encoding/receipt.ts) as hex: one conversion, then substrings of it. */
export class HexReader {
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #hex: string;
  next: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#hex = bytes.toString("hex", start, end);
    this.next = start;
  }

  byte(): number {
    return this.#bytes[this.next++]!;
  }

  raw(count: number): string {
    const from = 2 * (this.next - this.#start);
    this.next += count;
    return this.#hex.substring(from, from + 2 * count);
  }

  packed(): string {
    const n = this.byte();
    if (n === PACKED_EMPTY) return "";
    if (n === PACKED_LONG) {
      const length = readU32(this.#bytes, this.next);
      this.next += 4;
      return this.raw(length);
    }
    return ZEROS.substring(2 * n) + this.raw(n);
  }

  skipLog(): void {
    this.raw(20);
    for (let count = this.byte(); count > 0; count--) this.packed();
    this.packed();
  }
}

/** Length in bytes of the receipt at `at`: what a binary answer copies. */
export function receiptLength(bytes: Uint8Array, at: number): number {
  let next = at + RECEIPT_HEADER_BYTES + (bytes[at + 2]! & FLAG_CONTRACT_ADDRESS ? 20 : 0);
  const skipPacked = () => {
    const n = bytes[next++]!;
    if (n === PACKED_LONG) next += 4 + readU32(bytes, next);
    else if (n !== PACKED_EMPTY) next += n;
  };
  skipPacked();
  for (let logs = readU32(bytes, at + 4); logs > 0; logs--) {
    next += 20;
    for (let topics = bytes[next++]!; topics > 0; topics--) skipPacked();
    skipPacked();
  }
  return next - at;
}
