/**
 * What makes two queries the same: their canonical encodings (encoding/transaction.ts) without nonce and gas limit, that
 * is contract, entrypoint or selector, arguments and caller. The code hash stands in the contract's record, which every
 * answer has read: an upgrade changes the record, and so drops the answer.
 */
import { readU32, readU64, writeU64 } from "../../encoding/bytes.ts";
import { BodyForm, TX_HEADER_BYTES } from "../../encoding/transaction.ts";

const NONCE_AT = 8;
const GAS_LIMIT_AT = 16;
export const FORM_AT = 2;
export const TO_AT = 44;
const SELECTOR_BYTES = 4;
/** The name of a JSON message: CosmWasm's `{"balance":{…}}`. */
const MESSAGE_NAME = /^\{"([^"\\]{1,64})"/;

export interface QueryKey {
  readonly text: string;
  readonly gasLimit: number;
}

/** @param encoded one call, alone; it is left as it was but for its nonce, which is zero. */
export function queryKey(encoded: Buffer): QueryKey {
  const gasLimit = readU64(encoded, GAS_LIMIT_AT);
  writeU64(encoded, NONCE_AT, 0);
  writeU64(encoded, GAS_LIMIT_AT, 0);
  const text = encoded.toString("latin1");
  writeU64(encoded, GAS_LIMIT_AT, gasLimit);
  return { text, gasLimit };
}

export function setGasLimit(encoded: Uint8Array, gasLimit: number): void {
  writeU64(encoded, GAS_LIMIT_AT, gasLimit);
}

/** The contract's address, 20 bytes as latin1. */
export function contractOf(encoded: Buffer): string {
  return encoded.toString("latin1", TO_AT, TX_HEADER_BYTES);
}

/** What is called: an entrypoint's name, a selector in hex, or the name of a message. */
export function entrypointOf(encoded: Buffer, at = 0): string {
  const body = at + TX_HEADER_BYTES;
  const end = body + readU32(encoded, at + 4);
  switch (encoded[at + FORM_AT]) {
    case BodyForm.entrypoint:
      return encoded.toString("utf8", body + 1, body + 1 + encoded[body]!);
    case BodyForm.calldata:
      return `0x${encoded.toString("hex", body, Math.min(end, body + SELECTOR_BYTES))}`;
    case BodyForm.json:
      return MESSAGE_NAME.exec(encoded.toString("utf8", body, Math.min(end, body + 80)))?.[1] ?? "message";
    default:
      return "";
  }
}
