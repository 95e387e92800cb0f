/** Recovers the signer of a 32-byte hash as Ethereum's ecrecover does, with libsecp256k1. */
import { keccak_256 } from "@noble/hashes/sha3.js";
import { secp256k1 } from "../secp256k1.ts";

/** What `v` is for an even y of the point, and for an odd one it is one more (Ethereum's yellow paper, appendix F). */
const V_EVEN = 27;
const ADDRESS_AT = 12;

/**
 * @param hash 32 bytes.
 * @param compact r and s, 32 bytes each.
 * @returns the address; undefined when `v` is not 27 or 28, or r and s are no signature.
 */
export function recoverSigner(hash: Uint8Array, v: number, compact: Uint8Array): Uint8Array | undefined {
  if (v !== V_EVEN && v !== V_EVEN + 1) return undefined;
  const library = secp256k1();
  try {
    const point = library.ecdsaRecover(compact, v - V_EVEN, hash, false);
    return keccak_256(point.subarray(1)).slice(ADDRESS_AT);
  } catch {
    // Hash and signature have the lengths that the library wants: it throws for values that are no signature.
    return undefined;
  }
}
