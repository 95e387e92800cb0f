/**
 * Bech32 after BIP-173, both ways, for addresses: how CosmWasm contracts see and compare them as text.
 * Written without intermediate arrays: an address is encoded for every call, and validated for every one that a message names.
 */

const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = Int32Array.of(0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3);
const CHECKSUM_CHARS = 6;
const NO_VALUE = 255;

/** Value of a character of the data part by its code; only lower case. */
const VALUES = new Uint8Array(128).fill(NO_VALUE);
for (let i = 0; i < 32; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

/** One step of the checksum: the remainder after another five bits. */
function step(checksum: number, value: number): number {
  const top = checksum >>> 25;
  let next = ((checksum & 0x1ffffff) << 5) ^ value;
  for (let i = 0; i < 5; i++) next ^= GENERATOR[i]! & -((top >>> i) & 1);
  return next;
}

/** The checksum's state after the human-readable part. */
function startOf(prefix: string): number {
  let checksum = 1;
  for (let i = 0; i < prefix.length; i++) checksum = step(checksum, prefix.charCodeAt(i) >>> 5);
  checksum = step(checksum, 0);
  for (let i = 0; i < prefix.length; i++) checksum = step(checksum, prefix.charCodeAt(i) & 31);
  return checksum;
}

/** @param prefix lower-case ASCII letters and digits. */
export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  let checksum = startOf(prefix);
  let text = `${prefix}1`;
  let pending = 0;
  let bits = 0;
  for (const byte of bytes) {
    pending = ((pending << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; ) {
      bits -= 5;
      const group = (pending >>> bits) & 31;
      checksum = step(checksum, group);
      text += ALPHABET[group];
    }
  }
  if (bits > 0) {
    const group = (pending << (5 - bits)) & 31;
    checksum = step(checksum, group);
    text += ALPHABET[group];
  }
  for (let i = 0; i < CHECKSUM_CHARS; i++) checksum = step(checksum, 0);
  checksum ^= 1;
  for (let i = CHECKSUM_CHARS - 1; i >= 0; i--) text += ALPHABET[(checksum >>> (5 * i)) & 31];
  return text;
}

/** The bytes of a lower-case text with this prefix and a right checksum, or what is wrong with it. */
export function decodeBech32(prefix: string, text: string): Uint8Array | string {
  if (!text.startsWith(`${prefix}1`)) return `address does not begin with ${prefix}1`;
  const dataStart = prefix.length + 1;
  const dataEnd = text.length - CHECKSUM_CHARS;
  if (dataEnd < dataStart) return "address is too short";
  let checksum = startOf(prefix);
  const bytes = new Uint8Array(((dataEnd - dataStart) * 5) >>> 3);
  let at = 0;
  let pending = 0;
  let bits = 0;
  for (let i = dataStart; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? VALUES[code]! : NO_VALUE;
    if (value === NO_VALUE) return "address has a character that Bech32 in lower case does not have";
    checksum = step(checksum, value);
    if (i >= dataEnd) continue;
    pending = ((pending << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = pending >>> bits;
    }
  }
  if (checksum !== 1) return "address has a wrong checksum";
  // Up to four bits are left over, and BIP-173 wants them zero: two texts must not name the same bytes.
  if (bits >= 5 || (pending & ((1 << bits) - 1)) !== 0) return "address has bits left over";
  return bytes;
}
