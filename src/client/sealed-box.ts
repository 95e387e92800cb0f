/**
 * Sealing a value to a public key: X25519 with a key made for this one value, HKDF-SHA256 (RFC 5869), AES-256-GCM.
 *   sealed = ephemeral public key (32) ‖ ciphertext ‖ tag (16)
 * Always
 *  - A derived key seals one value only, so the nonce is zero.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { EngineError } from "../errors.ts";

const PUBLIC_KEY_BYTES = 32;
const TAG_BYTES = 16;
const NONCE = new Uint8Array(12);
const INFO = "polytorus.seal.1";
/** The DER of an X25519 public key up to the key itself (RFC 8410). */
const SPKI_PREFIX = Buffer.from("302a300506032b656e032100", "hex");

/** @param publicKey 32 bytes. */
export function seal(publicKey: Uint8Array, value: Uint8Array): Uint8Array {
  const theirs = importPublicKey(publicKey);
  const ours = generateKeyPairSync("x25519");
  const ephemeral = exportPublicKey(ours.publicKey);
  const cipher = createCipheriv("aes-256-gcm", keyOf(ours.privateKey, theirs, ephemeral, publicKey), NONCE);
  return Buffer.concat([ephemeral, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
}

/** @throws EngineError VALIDATION_ERROR when it was not sealed to this key, or was changed. */
export function openSealed(privateKey: KeyObject, sealed: Uint8Array): Uint8Array {
  try {
    const ephemeral = sealed.subarray(0, PUBLIC_KEY_BYTES);
    const own = exportPublicKey(createPublicKey(privateKey));
    const key = keyOf(privateKey, importPublicKey(ephemeral), ephemeral, own);
    const decipher = createDecipheriv("aes-256-gcm", key, NONCE);
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(PUBLIC_KEY_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (thrown) {
    throw new EngineError("VALIDATION_ERROR", "this was not sealed to this key", { path: "sealed" }, { cause: thrown });
  }
}

export function exportPublicKey(key: KeyObject): Uint8Array {
  return key.export({ format: "der", type: "spki" }).subarray(SPKI_PREFIX.length);
}

function importPublicKey(publicKey: Uint8Array): KeyObject {
  if (publicKey.length !== PUBLIC_KEY_BYTES)
    throw new EngineError("VALIDATION_ERROR", `publicKey: expected ${PUBLIC_KEY_BYTES} bytes`, { path: "publicKey" });
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: "der", type: "spki" });
}

function keyOf(privateKey: KeyObject, publicKey: KeyObject, ephemeral: Uint8Array, recipient: Uint8Array): Uint8Array {
  const secret = diffieHellman({ privateKey, publicKey });
  return new Uint8Array(hkdfSync("sha256", secret, Buffer.concat([ephemeral, recipient]), INFO, 32));
}
