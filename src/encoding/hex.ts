/** Hex with a 0x prefix and even length: how bytes look in JSON. */
import { keccak_256 } from "@noble/hashes/sha3.js";

const BYTES_IN_HEX: string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Value of one hex digit by char code, 16 more for upper case; 64 for anything else. */
const DIGIT = new Uint8Array(256).fill(64);
for (let i = 0; i < 10; i++) DIGIT[48 + i] = i;
for (let i = 0; i < 6; i++) {
  DIGIT[65 + i] = 16 + 10 + i;
  DIGIT[97 + i] = 10 + i;
}

export function toHex(bytes: Uint8Array, start = 0, end = bytes.length): string {
  if (end - start > 96) {
    return `0x${Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("hex")}`;
  }
  let text = "0x";
  for (let i = start; i < end; i++) text += BYTES_IN_HEX[bytes[i]!]!;
  return text;
}

/** What `writeHexDigits` found. */
export const HexDigits = { lowerCase: 0, upperCase: 1, invalid: 2 } as const;

const UPPER_CASE = 16;
const INVALID = 64;

/** Writes `byteLength` bytes of hex digits of `text` from `from` into `out`. Answers whether a digit was upper case, or none. */
export function writeHexDigits(text: string, from: number, byteLength: number, out: Uint8Array, at: number): number {
  // Kept in one pass: this runs for every address of every transaction.
  let codes = 0;
  let digits = 0;
  for (let i = 0; i < byteLength; i++) {
    const a = text.charCodeAt(from + 2 * i);
    const b = text.charCodeAt(from + 2 * i + 1);
    const high = DIGIT[a & 255]!;
    const low = DIGIT[b & 255]!;
    codes |= a | b;
    digits |= high | low;
    out[at + i] = ((high & 15) << 4) | (low & 15);
  }
  if (codes > 127 || (digits & INVALID) !== 0) return HexDigits.invalid;
  return (digits & UPPER_CASE) !== 0 ? HexDigits.upperCase : HexDigits.lowerCase;
}

/** Bytes of a 0x hex string, or undefined when it is not one. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length < 2 || text.length % 2 !== 0 || text.charCodeAt(0) !== 48 || text.charCodeAt(1) !== 120)
    return undefined;
  const bytes = new Uint8Array(text.length / 2 - 1);
  return writeHexDigits(text, 2, bytes.length, bytes, 0) === HexDigits.invalid ? undefined : bytes;
}

/** True when the digits of `0x…` carry no upper-case letter, so that there is no EIP-55 checksum to check. */
export function isLowerCase(address: string): boolean {
  for (let i = 2; i < address.length; i++) {
    const c = address.charCodeAt(i);
    if (c >= 65 && c <= 70) return false;
  }
  return true;
}

/** EIP-55: the mixed-case form of a 20-byte address. */
export function toChecksumAddress(address: Uint8Array): string {
  const digits = toHex(address).slice(2);
  const hash = keccak_256(Buffer.from(digits, "latin1"));
  let text = "0x";
  for (let i = 0; i < 40; i++) {
    const nibble = (hash[i >> 1]! >> (i % 2 === 0 ? 4 : 0)) & 15;
    text += nibble >= 8 ? digits[i]!.toUpperCase() : digits[i]!;
  }
  return text;
}

/**
 * Bytes of an address: all lower case, all upper case, or mixed case with a right EIP-55 checksum.
 * Anything else answers undefined.
 */
export function parseAddress(text: string): Uint8Array | undefined {
  if (text.length !== 42) return undefined;
  const bytes = fromHex(text);
  if (bytes === undefined) return undefined;
  if (isLowerCase(text) || text.slice(2) === text.slice(2).toUpperCase()) return bytes;
  return toChecksumAddress(bytes) === text ? bytes : undefined;
}
