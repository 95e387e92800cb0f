/** How entrypoints of built-ins end: results and reverts as Solidity encodes them. */
import type { AbiError } from "../../encoding/abi.ts";
import { SOLIDITY_ERRORS } from "../../encoding/erc20-abi.ts";
import { type Limbs, writeBigEndian } from "../../encoding/uint256.ts";
import type { Outcome } from "../../execution/host.ts";

const WORD_BYTES = 32;
const ADDRESS_BYTES = 20;
export const ZERO_ADDRESS = new Uint8Array(ADDRESS_BYTES);
export const ZERO_WORD = new Uint8Array(WORD_BYTES);

/** Solidity's Panic code for arithmetic that leaves the type's range. */
const PANIC_OVERFLOW = 0x11;

/** A function without results. */
export const DONE: Outcome = { status: "success", returnData: new Uint8Array(0) };
export const TRUE: Outcome = success(numberWord(1));
export const FALSE: Outcome = success(ZERO_WORD);
/** What Solidity answers to calldata that does not decode, unknown selectors, and value that nobody takes. */
export const REVERT_EMPTY: Outcome = { status: "reverted", returnData: new Uint8Array(0) };
export const REVERT_OVERFLOW: Outcome = revert(SOLIDITY_ERRORS.Panic, numberWord(PANIC_OVERFLOW));

export function success(returnData: Uint8Array): Outcome {
  return { status: "success", returnData };
}

/** @param words the error's arguments, 32 bytes each. */
export function revert(error: AbiError, ...words: readonly Uint8Array[]): Outcome {
  return { status: "reverted", returnData: concatBytes(error.selector, ...words) };
}

export function addressWord(bytes: Uint8Array, at = 0): Uint8Array {
  const word = new Uint8Array(WORD_BYTES);
  word.set(bytes.subarray(at, at + ADDRESS_BYTES), WORD_BYTES - ADDRESS_BYTES);
  return word;
}

export function uintWord(value: Limbs): Uint8Array {
  const word = new Uint8Array(WORD_BYTES);
  writeBigEndian(value, 0, word, 0);
  return word;
}

/** @param value a whole number up to 2^53-1. */
export function numberWord(value: number): Uint8Array {
  const word = new Uint8Array(WORD_BYTES);
  new DataView(word.buffer).setBigUint64(WORD_BYTES - 8, BigInt(value));
  return word;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
