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
import { decodeEvent, eventArguments } from "../encoding/cosmwasm-event.ts";
import { decodeErc20Log, ERC20_EVENTS } from "../encoding/erc20-abi.ts";
import { toHex } from "../encoding/hex.ts";
import { HALT_REASONS, RECEIPT_HEADER_BYTES } from "../encoding/receipt.ts";
import { BodyForm, TX_HEADER_BYTES } from "../encoding/transaction.ts";
import { type ContractAbis, type ContractMeaning, type DecodedLog, TOKEN_MEANING } from "./contract-abis.ts";

const STATUS_NAMES = ["", "success", "reverted", "halted"];
const STATUS_REVERTED = 2;
const FLAG_CONTRACT_ADDRESS = 1;
const PACKED_EMPTY = 254;
const PACKED_LONG = 255;
const KIND_DEPLOY = 1;
const HASH_BYTES = 32;

const ZEROS = "0".repeat(64);
const WORD_BYTES = 32;
/** A whole number of so few bytes is exact as a double. */
const EXACT_BYTES_MAX = 6;
const ADDRESS_BYTES = 20;

const { Transfer, Approval } = ERC20_EVENTS;
const ADDRESS_PADDING = "0".repeat(24);
const TRANSFER_NAMES = [',"event":"Transfer","args":{"from":"0x', '","to":"0x'] as const;
const APPROVAL_NAMES = [',"event":"Approval","args":{"owner":"0x', '","spender":"0x'] as const;

/** The contracts of a receipt, as far as their ABIs are known. */
export type KnownAbis = Pick<ContractAbis, "of">;

const NOTHING_KNOWN: KnownAbis = { of: () => undefined };

/** The same bytes with Node's conversions to text. */
export function viewOf(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The answers about transactions of one block. */
export class BlockReceipts {
  readonly block: BlockEntry;
  readonly #bytes: Buffer;
  readonly #abis: KnownAbis;

  constructor(block: BlockEntry, abis: KnownAbis = NOTHING_KNOWN) {
    this.block = block;
    this.#bytes = viewOf(block.bytes);
    this.#abis = abis;
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
    return receiptText(this.#source(index));
  }

  /** Contracts whose ABIs say what the receipt means (`receiptContracts`). */
  contracts(index: number): string[] {
    return receiptContracts(this.#source(index));
  }

  #source(index: number): ReceiptSource {
    const hashAt = ENTRY_HEADER_BYTES + HASH_BYTES * index;
    return {
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
      abis: this.#abis,
    };
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
  abis: KnownAbis;
}

/** What ends the body of a WebAssembly deployment: its canonical JSON has the type last. */
const WASM_TYPE = '"type":"wasm"}';

/**
 * The contracts whose ABIs say what a receipt means, as hex without 0x: the one called or made, and those that logged. A
 * built-in token, once known, calls no others.
 */
export function receiptContracts(source: ReceiptSource): string[] {
  const { transaction, transactionAt, receipt, receiptAt, receiptEnd, abis } = source;
  const contracts: string[] = [];
  const isDeployment = transaction[transactionAt] === KIND_DEPLOY;
  const isMade = (receipt[receiptAt + 2]! & FLAG_CONTRACT_ADDRESS) !== 0;
  if (isDeployment) {
    const end = transactionAt + TX_HEADER_BYTES + readU32(transaction, transactionAt + 4);
    if (!isMade || transaction.toString("latin1", end - WASM_TYPE.length, end) !== WASM_TYPE) return contracts;
  } else if (transaction[transactionAt + 2] !== BodyForm.none) {
    const to = transaction.toString("hex", transactionAt + 44, transactionAt + 64);
    if (abis.of(to)?.isToken) return contracts;
    contracts.push(to);
  }
  const parts = new ReceiptReader(receipt, receiptAt + RECEIPT_HEADER_BYTES, receiptEnd);
  if (isMade) contracts.push(parts.raw(ADDRESS_BYTES));
  parts.packed();
  for (let logs = readU32(receipt, receiptAt + 4); logs > 0; logs--) contracts.push(parts.logAddress());
  return contracts;
}

export function receiptText(source: ReceiptSource): string {
  const { transaction, transactionAt, receipt, receiptAt } = source;
  const parts = new ReceiptReader(receipt, receiptAt + RECEIPT_HEADER_BYTES, source.receiptEnd);
  const contractAddress = receipt[receiptAt + 2]! & FLAG_CONTRACT_ADDRESS ? `"0x${parts.raw(ADDRESS_BYTES)}"` : "null";
  const returnData = parts.packed();
  const status = receipt[receiptAt]!;
  const parties = transaction.toString("hex", transactionAt + 24, transactionAt + 64);
  const meaning = source.abis.of(parties.substring(40)) ?? TOKEN_MEANING;
  const outcome = outcomeText(source, status, returnData, parts, meaning);
  const to = transaction[transactionAt] === KIND_DEPLOY ? "null" : `"0x${parties.substring(40)}"`;
  return (
    `{"transactionHash":"0x${source.hash}","blockHeight":${source.blockHeight},"transactionIndex":${source.index}` +
    `,"sender":"0x${parties.substring(0, 40)}","to":${to},"contractAddress":${contractAddress},"status":"${STATUS_NAMES[status]}"` +
    `,"gasUsed":"${readU64(receipt, receiptAt + 8)}","gasLimit":"${readU64(transaction, transactionAt + 16)}"` +
    `,"returnData":"0x${returnData}"${outcome},"logs":[${logsText(parts, readU32(receipt, receiptAt + 4), source.abis)}]}`
  );
}

/** What the return data means: `result`, `revert` or `haltReason`, each with a leading comma. */
function outcomeText(
  source: ReceiptSource,
  status: number,
  returnData: string,
  parts: ReceiptReader,
  meaning: ContractMeaning,
): string {
  if (status === 1) {
    const fn = functionOf(source.transaction, source.transactionAt, meaning);
    const word =
      fn !== undefined && parts.isWord
        ? wordResult(fn, source.receipt, parts.next - parts.wordBytes, parts.next)
        : undefined;
    const result = word ?? (fn && decodedText(fn, Buffer.from(returnData, "hex")));
    return result === undefined ? "" : `,"result":${result}`;
  }
  if (status === STATUS_REVERTED)
    return `,"revert":${JSON.stringify(describeRevert(Buffer.from(returnData, "hex"), meaning))}`;
  return `,"haltReason":"${HALT_REASONS[source.receipt[source.receiptAt + 1]!]}"`;
}

/** What nearly every function returns, one bool or uint256, from the bytes of a word; undefined for all else. */
function wordResult(fn: AbiFunction, bytes: Buffer, start: number, end: number): string | undefined {
  const type = fn.outputTypes.length === 1 ? fn.outputTypes[0]! : undefined;
  if (type?.kind === "uint" && type.bits === 256) return `"${decimalText(bytes, start, end)}"`;
  if (type?.kind !== "bool") return undefined;
  const decimal = decimalText(bytes, start, end);
  return decimal === "1" ? "true" : decimal === "0" ? "false" : undefined;
}

/** A big-endian whole number in decimal. */
function decimalText(bytes: Buffer, start: number, end: number): string {
  while (start < end && bytes[start] === 0) start++;
  if (end - start > EXACT_BYTES_MAX) return BigInt(`0x${bytes.toString("hex", start, end)}`).toString();
  let value = 0;
  for (let at = start; at < end; at++) value = 256 * value + bytes[at]!;
  return String(value);
}

/** The error that a contract raised; the name is null when its data is no error that is known. */
export function describeRevert(
  data: Uint8Array,
  meaning: ContractMeaning = TOKEN_MEANING,
): {
  name: string | null;
  message: string;
  data: string;
  args: Record<string, unknown>;
} {
  const error = meaning.error(data);
  if (error !== undefined) return { name: error.name, message: error.message, data: toHex(data), args: error.args };
  const message =
    data.length === 0 ? "the contract reverted without data" : "the contract reverted with an error that is not known";
  return { name: null, message, data: toHex(data), args: {} };
}

/** The function that a call's encoding names; undefined for one that is not known, and for everything that is no call. */
export function functionOf(
  bytes: Buffer,
  at: number,
  meaning: ContractMeaning = TOKEN_MEANING,
): AbiFunction | undefined {
  if (bytes[at] === KIND_DEPLOY) return undefined;
  const body = at + TX_HEADER_BYTES;
  switch (bytes[at + 2]) {
    case BodyForm.entrypoint:
      return meaning.functionNamed(
        bytes.toString("latin1", body + 1, body + 1 + bytes[body]!),
        bytes[body + 1 + bytes[body]!]!,
      );
    case BodyForm.calldata:
      return meaning.functionSelected(bytes.subarray(body, body + readU32(bytes, at + 4)));
    default:
      return undefined;
  }
}

/** Return data as JSON text; undefined when it does not decode. */
export function resultText(fn: AbiFunction, returnData: Buffer): string | undefined {
  const word = returnData.length === WORD_BYTES ? wordResult(fn, returnData, 0, WORD_BYTES) : undefined;
  return word ?? decodedText(fn, returnData);
}

function decodedText(fn: AbiFunction, returnData: Buffer): string | undefined {
  const value = decodeResult(fn, returnData);
  return value === undefined ? undefined : JSON.stringify(value);
}

function logsText(parts: ReceiptReader, count: number, abis: KnownAbis): string {
  let text = "";
  for (let logIndex = 0; logIndex < count; logIndex++)
    text += (logIndex === 0 ? "" : ",") + logText(parts, logIndex, "", abis);
  return text;
}

/** One log; `extra` are more members, each with a leading comma. */
export function logText(
  parts: ReceiptReader,
  logIndex: number,
  extra: string,
  abis: KnownAbis = NOTHING_KNOWN,
): string {
  const address = parts.raw(ADDRESS_BYTES);
  const topicCount = parts.byte();
  const meaning = abis.of(address) ?? TOKEN_MEANING;
  if (topicCount === 3 && meaning.isToken) {
    const start = parts.next;
    const text = tokenLogText(parts, address, logIndex, extra);
    if (text !== undefined) return text;
    parts.next = start;
  }
  const topics: string[] = [];
  for (let count = topicCount; count > 0; count--) topics.push(parts.packed());
  const data = parts.packed();
  const decoded = decodedLog(
    topics.map((hex) => Buffer.from(hex, "hex")),
    Buffer.from(data, "hex"),
    meaning,
  );
  const event =
    decoded === undefined ? "" : `,"event":${JSON.stringify(decoded.event)},"args":${JSON.stringify(decoded.args)}`;
  const shown = topics.length === 0 ? "" : `"0x${topics.join('","0x')}"`;
  return `{"address":"0x${address}","topics":[${shown}],"data":"0x${data}","logIndex":${logIndex}${event}${extra}}`;
}

/** An event of the contract, of a CosmWasm contract, or of tokens; undefined when it is none. */
function decodedLog(topics: readonly Uint8Array[], data: Uint8Array, meaning: ContractMeaning): DecodedLog | undefined {
  const own = meaning.log(topics, data);
  if (own !== undefined) return own;
  const event = decodeEvent(topics, data);
  return event === undefined ? decodeErc20Log(topics, data) : { event: event.type, args: eventArguments(event) };
}

/** A Transfer or an Approval of two addresses and an amount, which nearly every log is; undefined for any other. */
function tokenLogText(parts: ReceiptReader, address: string, logIndex: number, extra: string): string | undefined {
  const isTransfer = parts.isWordNext(Transfer.topic);
  if (!isTransfer && !parts.isWordNext(Approval.topic)) return undefined;
  const topic = parts.packed();
  const first = parts.addressWord();
  const second = first === undefined ? undefined : parts.addressWord();
  if (second === undefined) return undefined;
  const data = parts.packed();
  if (!parts.isWord) return undefined;
  const names = isTransfer ? TRANSFER_NAMES : APPROVAL_NAMES;
  return (
    `{"address":"0x${address}","topics":["0x${topic}","0x${ADDRESS_PADDING}${first}","0x${ADDRESS_PADDING}${second}"]` +
    `,"data":"0x${data}","logIndex":${logIndex}${names[0]}${first}${names[1]}${second}","value":"${parts.decimal()}"}${extra}}`
  );
}

/** Reads the packed parts of a receipt (encoding/receipt.ts) as hex: one conversion, then substrings of it. */
export class ReceiptReader {
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #hex: string;
  /** Whether `packed` read a word last, and in how many bytes: those of it that are not leading zeros. */
  isWord = false;
  wordBytes = 0;
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
    this.isWord = n <= WORD_BYTES;
    if (this.isWord) {
      this.wordBytes = n;
      const digits = this.raw(n);
      return n === WORD_BYTES ? digits : ZEROS.substring(2 * n) + digits;
    }
    if (n === PACKED_EMPTY) return "";
    const length = readU32(this.#bytes, this.next);
    this.next += 4;
    return this.raw(length);
  }

  /** The last 20 bytes of the next part, if it is a word that holds an address; undefined otherwise. */
  addressWord(): string | undefined {
    const n = this.byte();
    if (n > ADDRESS_BYTES) return undefined;
    const digits = this.raw(n);
    return n === ADDRESS_BYTES ? digits : ZEROS.substring(0, 2 * (ADDRESS_BYTES - n)) + digits;
  }

  /** Whether the next part is this word, which begins with a byte other than zero. */
  isWordNext(word: Uint8Array): boolean {
    const bytes = this.#bytes;
    const at = this.next;
    if (bytes[at] !== WORD_BYTES) return false;
    for (let i = 0; i < WORD_BYTES; i++) if (bytes[at + 1 + i] !== word[i]) return false;
    return true;
  }

  /** The word that `packed` read last as a whole number. */
  decimal(): string {
    return decimalText(this.#bytes, this.next - this.wordBytes, this.next);
  }

  skipLog(): void {
    this.logAddress();
  }

  /** Who made the next log; the reader then stands behind it. */
  logAddress(): string {
    const address = this.raw(ADDRESS_BYTES);
    for (let count = this.byte(); count > 0; count--) this.packed();
    this.packed();
    return address;
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
