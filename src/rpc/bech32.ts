/** Bech32 after BIP-173: how CosmWasm contracts and Cosmos wallets write addresses. */

const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  const groups = toFiveBits(bytes);
  const checked = [...expandPrefix(prefix), ...groups, 0, 0, 0, 0, 0, 0];
  const checksum = polymod(checked) ^ 1;
  const tail = Array.from({ length: 6 }, (_, i) => (checksum >>> (5 * (5 - i))) & 31);
  return `${prefix}1${[...groups, ...tail].map((group) => ALPHABET[group]).join("")}`;
}

function toFiveBits(bytes: Uint8Array): number[] {
  const groups: number[] = [];
  let pending = 0;
  let bits = 0;
  for (const byte of bytes) {
    pending = ((pending << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) groups.push((pending >>> (bits - 5)) & 31);
  }
  if (bits > 0) groups.push((pending << (5 - bits)) & 31);
  return groups;
}

function expandPrefix(prefix: string): number[] {
  const codes = [...prefix].map((char) => char.charCodeAt(0));
  return [...codes.map((code) => code >>> 5), 0, ...codes.map((code) => code & 31)];
}

function polymod(values: number[]): number {
  let checksum = 1;
  for (const value of values) {
    const top = checksum >>> 25;
    checksum = ((checksum & 0x1ffffff) << 5) ^ value;
    for (let i = 0; i < 5; i++) if ((top >>> i) & 1) checksum ^= GENERATOR[i]!;
  }
  return checksum;
}
