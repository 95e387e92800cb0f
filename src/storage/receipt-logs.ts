/**
 * Walks the logs of an encoded receipt in place (format: encoding/receipt.ts), so that a block with thousands of logs is
 * searched without decoding one. A packed value has one valid form, so equal values have equal packed bytes.
 */
import { ByteWriter, readU32 } from "../encoding/bytes.ts";
import { RECEIPT_HEADER_BYTES, writePacked } from "../encoding/receipt.ts";
import { MalformedBytesError } from "../errors.ts";

const ADDRESS_BYTES = 20;
const WORD_BYTES = 32;
const PACKED_EMPTY = 254;
const PACKED_LONG = 255;
const FLAG_CONTRACT_ADDRESS = 1;

/** Stands on one log after another; `next()` before the first. */
export class LogWalker {
  /** Where the log's address starts. */
  addressAt = 0;
  topicCount = 0;
  /** Where its first packed topic starts; `packedEnd` leads to the next. */
  topicsAt = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #next = 0;
  #left = 0;

  /** Goes to the receipt that starts at `at`. */
  open(bytes: Uint8Array, at: number): void {
    this.#bytes = bytes;
    this.#left = readU32(bytes, at + 4);
    const hasContract = (bytes[at + 2]! & FLAG_CONTRACT_ADDRESS) !== 0;
    this.#next =
      this.#left === 0 ? at : packedEnd(bytes, at + RECEIPT_HEADER_BYTES + (hasContract ? ADDRESS_BYTES : 0));
  }

  /** Steps to the next log; false when there is none. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    this.addressAt = this.#next;
    this.topicCount = this.#bytes[this.#next + ADDRESS_BYTES]!;
    this.topicsAt = this.#next + ADDRESS_BYTES + 1;
    let at = this.topicsAt;
    for (let i = 0; i < this.topicCount; i++) at = packedEnd(this.#bytes, at);
    this.#next = packedEnd(this.#bytes, at);
    return true;
  }
}

/** Where the address of the contract that a transaction made starts; -1 when it made none. */
export function contractAddressAt(bytes: Uint8Array, receiptAt: number): number {
  return (bytes[receiptAt + 2]! & FLAG_CONTRACT_ADDRESS) === 0 ? -1 : receiptAt + RECEIPT_HEADER_BYTES;
}

/** Where the packed value at `at` ends. @throws MalformedBytesError. */
export function packedEnd(bytes: Uint8Array, at: number): number {
  const tag = bytes[at]!;
  if (tag <= WORD_BYTES) return at + 1 + tag;
  if (tag === PACKED_EMPTY) return at + 1;
  if (tag === PACKED_LONG) {
    const end = at + 5 + readU32(bytes, at + 1);
    if (end <= bytes.length) return end;
  }
  throw new MalformedBytesError("receipt", at, `packed length ${tag}`);
}

export function packedBytes(value: Uint8Array): Uint8Array {
  const out = new ByteWriter(WORD_BYTES + 4);
  writePacked(out, value, 0, value.length);
  return out.take();
}

/** Whether `bytes` has exactly `expected` at `at`. */
export function hasBytesAt(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
  return true;
}
