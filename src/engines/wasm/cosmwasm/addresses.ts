/**
 * Addresses: the 20 bytes of ours as the Bech32 text that contracts hold, and back.
 * Always
 *  - One address has one text: what `parse` accepts is exactly what `text` answers.
 *  - What is remembered is a pure function of the input: forgetting it changes speed only.
 */
import { createHash } from "node:crypto";
import { decodeBech32, encodeBech32 } from "../../../encoding/bech32.ts";
import { toLatin1 } from "../../../encoding/bytes.ts";

export const ADDRESS_BYTES = 20;
/** What cosmwasm-std's instantiate2_address answers. */
export const PREDICTED_ADDRESS_BYTES = 32;
/** Longer input is refused unread: CosmWasm's MAX_LENGTH_HUMAN_ADDRESS. */
export const ADDRESS_TEXT_BYTES_MAX = 256;
/** Pairs remembered, a few MiB: a busy token's holders come back, an attacker's do not. */
const REMEMBERED_MAX = 32_768;

export interface KnownAddress {
  readonly text: string;
  /** What a contract is told of a call from there that brings no value: JSON, made when first needed. */
  info: Uint8Array | undefined;
}

export class Addresses {
  readonly prefix: string;
  readonly #known = new Map<string, KnownAddress>();
  readonly #bytes = new Map<string, Uint8Array>();

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  text(address: Uint8Array): string {
    return this.known(address).text;
  }

  known(address: Uint8Array): KnownAddress {
    const name = toLatin1(address);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    const made = { text: encodeBech32(this.prefix, address), info: undefined };
    this.#known.set(name, made);
    return made;
  }

  /** @returns the 20 bytes, which are not to be changed, or what is wrong with the text. */
  parse(text: string): Uint8Array | string {
    const known = this.#bytes.get(text);
    if (known !== undefined) return known;
    if (text.length > ADDRESS_TEXT_BYTES_MAX) return `address is longer than ${ADDRESS_TEXT_BYTES_MAX} characters`;
    const bytes = decodeBech32(this.prefix, text);
    if (typeof bytes === "string") return bytes;
    if (bytes.length !== ADDRESS_BYTES) return `address has ${bytes.length} bytes, expected ${ADDRESS_BYTES}`;
    if (this.#bytes.size >= REMEMBERED_MAX) this.#bytes.clear();
    this.#bytes.set(text, bytes);
    return bytes;
  }

  /**
   * The text of a canonical address. Contracts predict an instantiate2 address with 32 bytes, of which ours is the first
   * 20 (`predictAddress`), so that factories that predict and then name an address meet the contract that stands there.
   */
  humanize(canonical: Uint8Array): string | undefined {
    if (canonical.length === ADDRESS_BYTES) return this.text(canonical);
    if (canonical.length === PREDICTED_ADDRESS_BYTES) return this.text(canonical.subarray(0, ADDRESS_BYTES));
    return undefined;
  }
}

/**
 * The address of WasmMsg::Instantiate2, in full as cosmwasm-std's instantiate2_address has it (ADR-028 of the Cosmos SDK):
 * sha256(sha256("module") ‖ "wasm\0" ‖ checksum ‖ creator ‖ salt ‖ message), each part after its length as a big-endian u64.
 * @param message empty unless `fix_msg` was set.
 */
export function predictAddress(
  checksum: Uint8Array,
  creator: Uint8Array,
  salt: Uint8Array,
  message: Uint8Array,
): Uint8Array {
  const hash = createHash("sha256").update(createHash("sha256").update("module").digest()).update("wasm\0");
  for (const part of [checksum, creator, salt, message]) {
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(part.length));
    hash.update(length).update(part);
  }
  return new Uint8Array(hash.digest());
}
