/** Addresses as people have them at hand: 0x and hex, or Bech32 (BIP-173), as CosmWasm contracts write them. */
import { decodeBech32 } from "../encoding/bech32.ts";

const ADDRESS_BYTES = 20;
const HEX = /^0x[0-9a-f]{40}$/i;
const BECH32 = /^([a-z][a-z0-9]{0,15})1[02-9ac-hj-np-z]{38}$/;

/** In lower-case hex, whatever the prefix of a Bech32 text is; undefined where the text is no address. */
export function addressIn(text: string): string | undefined {
  if (HEX.test(text)) return text.toLowerCase();
  const prefix = BECH32.exec(text)?.[1];
  const bytes = prefix === undefined ? undefined : decodeBech32(prefix, text);
  if (!(bytes instanceof Uint8Array) || bytes.length !== ADDRESS_BYTES) return undefined;
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
