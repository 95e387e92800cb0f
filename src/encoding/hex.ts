/** Hex with a 0x prefix and even length: how bytes look in JSON. */
import { keccak_256 } from "@noble/hashes/sha3.js";

const BYTES_IN_HEX: string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Value of one hex digit by char code; 255 for anything else. */
const DIGIT = new Uint8Array(256).fill(255);
for (let i = 0; i < 10; i++) DIGIT[48 + i] = i;
for (let i = 0; i < 6; i++) {
  DIGIT[65 + i] = 10 + i;
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

/** Writes hex digits of `text` from `from` into `out`; answers false when a char is no hex digit. */
export function writeHexDigits(text: string, from: number, byteLength: number, out: Uint8Array, at: number): boolean {
  let bad = 0;
  for (let i = 0; i < byteLength; i++) {
    const high = DIGIT[text.charCodeAt(from + 2 * i) & 255]!;
    const low = DIGIT[text.charCodeAt(from + 2 * i + 1) & 255]!;
    bad |= high | low;
    out[at + i] = (high << 4) | low;
  }
  // 255 sets the high bits, a digit never does. Chars beyond latin1 are masked above, so check them apart.
  if ((bad & 0xf0) !== 0) return false;
  for (let i = from; i < from + 2 * byteLength; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

/** Bytes of a 0x hex string, or undefined when it is not one. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length < 2 || text.length % 2 !== 0 || text.charCodeAt(0) !== 48 || text.charCodeAt(1) !== 120)
    return undefined;
  const bytes = new Uint8Array(text.length / 2 - 1);
  return writeHexDigits(text, 2, bytes.length, bytes, 0) ? bytes : undefined;
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
