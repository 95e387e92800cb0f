/** Ed25519 of the imports, after ZIP 215: the same answer alone and in a batch, which RFC 8032 leaves open. */
import { CryptoAnswer } from "./crypto-errors.ts";
import { ed25519 } from "./curves.ts";

export const EDDSA_SIGNATURE_BYTES = 64;
export const EDDSA_KEY_BYTES = 32;

export function verifyEd25519(message: Uint8Array, signature: Uint8Array, key: Uint8Array): number {
  if (signature.length !== EDDSA_SIGNATURE_BYTES) return CryptoAnswer.signatureFormat;
  if (key.length !== EDDSA_KEY_BYTES) return CryptoAnswer.publicKeyFormat;
  const curve = ed25519();
  try {
    return curve.verify(signature, message, key, { zip215: true }) ? CryptoAnswer.yes : CryptoAnswer.no;
  } catch {
    return CryptoAnswer.no;
  }
}

/** How many signatures a batch has: one message may stand for all, and so may one key. Undefined when the lists do not match. */
export function batchLength(messages: number, signatures: number, keys: number): number | undefined {
  const isMatching =
    (messages === signatures && signatures === keys) ||
    (messages === 1 && signatures === keys) ||
    (keys === 1 && messages === signatures);
  return isMatching ? signatures : undefined;
}

export function verifyEd25519Batch(
  messages: readonly Uint8Array[],
  signatures: readonly Uint8Array[],
  keys: readonly Uint8Array[],
): number {
  const length = batchLength(messages.length, signatures.length, keys.length);
  if (length === undefined) return CryptoAnswer.batch;
  // Formats first: a malformed member is an error even behind a wrong signature.
  for (let i = 0; i < length; i++) {
    if (signatures[i]!.length !== EDDSA_SIGNATURE_BYTES) return CryptoAnswer.signatureFormat;
    if (keys[keys.length === 1 ? 0 : i]!.length !== EDDSA_KEY_BYTES) return CryptoAnswer.publicKeyFormat;
  }
  for (let i = 0; i < length; i++) {
    const answer = verifyEd25519(
      messages[messages.length === 1 ? 0 : i]!,
      signatures[i]!,
      keys[keys.length === 1 ? 0 : i]!,
    );
    if (answer !== CryptoAnswer.yes) return answer;
  }
  return CryptoAnswer.yes;
}
