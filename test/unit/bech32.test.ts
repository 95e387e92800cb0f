import { expect, it } from "vitest";
import { encodeBech32 } from "../../src/encoding/bech32.ts";
import { fromHex } from "../../src/encoding/hex.ts";

/** Made with the reference implementation of BIP-173 (sipa/bech32), from its own test vectors' data. */
const VECTORS: [prefix: string, hex: string, text: string][] = [
  ["a", "0x", "a12uel5l"],
  ["abcdef", "0x00443214c74254b635cf84653a56d7c675be77df", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"],
];

it.each(VECTORS)("writes bech32 of %s and %s", (prefix, hex, text) => {
  expect(encodeBech32(prefix, fromHex(hex)!)).toBe(text);
});
