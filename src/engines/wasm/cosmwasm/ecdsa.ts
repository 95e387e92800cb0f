/**
 * ECDSA of the imports, over secp256k1 with the native library and over secp256r1 (P-256) with @noble/curves.
 * Signatures are r ‖ s; high s counts as valid, as cosmwasm-crypto has it. Keys are SEC 1, compressed or not.
 */
import { secp256k1 } from "../../secp256k1.ts";
import { CryptoAnswer } from "./crypto-errors.ts";
import { p256 } from "./curves.ts";

export const ECDSA_HASH_BYTES = 32;
export const ECDSA_SIGNATURE_BYTES = 64;
export const ECDSA_KEY_BYTES_MAX = 65;

export interface Ecdsa {
  verify(hash: Uint8Array, signature: Uint8Array, key: Uint8Array): number;
  /** The uncompressed key, or the number of what is wrong. */
  recover(hash: Uint8Array, signature: Uint8Array, parameter: number): Uint8Array | number;
}

export const ECDSA_SECP256K1: Ecdsa = {
  verify(hash, signature, key) {
    const problem = formatProblem(hash, signature) ?? keyProblem(key);
    if (problem !== undefined) return problem;
    const library = secp256k1();
    try {
      const lowS = library.signatureNormalize(signature.slice());
      return library.ecdsaVerify(lowS, hash, key) ? CryptoAnswer.yes : CryptoAnswer.no;
    } catch {
      return CryptoAnswer.generic;
    }
  },
  recover(hash, signature, parameter) {
    const problem = formatProblem(hash, signature);
    if (problem !== undefined) return problem;
    if (parameter !== 0 && parameter !== 1) return CryptoAnswer.recoveryParameter;
    const library = secp256k1();
    try {
      return library.ecdsaRecover(signature, parameter, hash, false);
    } catch {
      return CryptoAnswer.generic;
    }
  },
};

export const ECDSA_SECP256R1: Ecdsa = {
  verify(hash, signature, key) {
    const problem = formatProblem(hash, signature) ?? keyProblem(key);
    if (problem !== undefined) return problem;
    const curve = p256();
    try {
      curve.Signature.fromBytes(signature, "compact");
      curve.Point.fromBytes(key);
    } catch {
      return CryptoAnswer.generic;
    }
    const isValid = curve.verify(signature, hash, key, { prehash: false, lowS: false, format: "compact" });
    return isValid ? CryptoAnswer.yes : CryptoAnswer.no;
  },
  recover(hash, signature, parameter) {
    const problem = formatProblem(hash, signature);
    if (problem !== undefined) return problem;
    if (!(parameter >= 0 && parameter <= 3)) return CryptoAnswer.recoveryParameter;
    const curve = p256();
    try {
      const recoverable = curve.Signature.fromBytes(signature, "compact").addRecoveryBit(parameter);
      return recoverable.recoverPublicKey(hash).toBytes(false);
    } catch {
      return CryptoAnswer.generic;
    }
  },
};

function formatProblem(hash: Uint8Array, signature: Uint8Array): number | undefined {
  if (hash.length !== ECDSA_HASH_BYTES) return CryptoAnswer.hashFormat;
  if (signature.length !== ECDSA_SIGNATURE_BYTES) return CryptoAnswer.signatureFormat;
  // The libraries differ on a zero r or s; it is no signature.
  const isZero = (from: number) => signature.subarray(from, from + 32).every((byte) => byte === 0);
  return isZero(0) || isZero(32) ? CryptoAnswer.generic : undefined;
}

function keyProblem(key: Uint8Array): number | undefined {
  const length = key[0] === 4 ? 65 : key[0] === 2 || key[0] === 3 ? 33 : undefined;
  return key.length === length ? undefined : CryptoAnswer.publicKeyFormat;
}
