import { keccak_256 } from "@noble/hashes/sha3.js";
import { expect, it } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { KNOWN_SIGNATURE_HASHES, signatureHash } from "../../src/encoding/signature-hash.ts";

it("every hash of the table is the Keccak-256 of its signature", () => {
  expect(KNOWN_SIGNATURE_HASHES.size).toBeGreaterThan(40);
  for (const signature of KNOWN_SIGNATURE_HASHES.keys())
    expect([signature, toHex(signatureHash(signature))]).toEqual([
      signature,
      toHex(keccak_256(Buffer.from(signature))),
    ]);
});

it("a signature that the table does not have is hashed", () => {
  expect(toHex(signatureHash("answer(uint256)"))).toBe(toHex(keccak_256(Buffer.from("answer(uint256)"))));
});
