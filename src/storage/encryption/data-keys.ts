/**
 * DataKeys: the keys of one data directory, all of them from its data key by HKDF-SHA-256, one for each thing that is encrypted,
 * so that no two share a key and nonces need to differ within one of them only.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomFillSync,
} from "node:crypto";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What encryption adds to a message: nonce before it, tag behind. */
export const SEAL_BYTES = NONCE_BYTES + TAG_BYTES;
/** lmdb takes its key as text of 32 characters; these are base64, 192 bits. */
const LMDB_KEY_BYTES = 24;

export class DataKeys {
  readonly #dataKey: Uint8Array;

  constructor(dataKey: Uint8Array) {
    this.#dataKey = dataKey;
  }

  /** For messages of one purpose. @param salt of the file that they stand in, where files of a purpose have keys of their own. */
  cipher(purpose: string, salt: Uint8Array = new Uint8Array(0)): Cipher {
    return new Cipher(this.#derived(purpose, salt, KEY_BYTES));
  }

  lmdbKey(purpose: string): string {
    return Buffer.from(this.#derived(purpose, new Uint8Array(0), LMDB_KEY_BYTES)).toString("base64");
  }

  #derived(purpose: string, salt: Uint8Array, length: number): Uint8Array {
    return new Uint8Array(hkdfSync("sha256", this.#dataKey, salt, `polytorus ${purpose}`, length));
  }
}

/** A pool of random bytes: asking the system for twelve at a time costs as much as encrypting a kilobyte. */
const POOL_BYTES = 12 * 256;
const pool = Buffer.alloc(POOL_BYTES);
let poolAt = POOL_BYTES;

/**
 * AES-256-GCM with a random nonce for each message. Messages written anew at the same place (after a torn write was cut, after a
 * rollback) thereby never share one: nothing has to be remembered over a crash. A key of its own for each file keeps the
 * number of messages of a key far below the 2^32 to which random nonces of 96 bits are safe (NIST SP 800-38D, 8.3).
 */
export class Cipher {
  readonly #key: KeyObject;

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  /** nonce ‖ ciphertext ‖ tag. @param place what the message belongs to: it opens nowhere else. */
  seal(message: Uint8Array, place: Uint8Array): Buffer {
    const sealed = Buffer.allocUnsafe(message.length + SEAL_BYTES);
    if (poolAt === POOL_BYTES) {
      randomFillSync(pool);
      poolAt = 0;
    }
    sealed.set(pool.subarray(poolAt, poolAt + NONCE_BYTES));
    poolAt += NONCE_BYTES;
    const cipher = createCipheriv("aes-256-gcm", this.#key, sealed.subarray(0, NONCE_BYTES));
    cipher.setAAD(place);
    sealed.set(cipher.update(message), NONCE_BYTES);
    cipher.final();
    sealed.set(cipher.getAuthTag(), NONCE_BYTES + message.length);
    return sealed;
  }

  /** The message; undefined when it was changed, belongs elsewhere or is of another key. */
  open(sealed: Uint8Array, place: Uint8Array): Buffer | undefined {
    if (sealed.length < SEAL_BYTES) return undefined;
    const end = sealed.length - TAG_BYTES;
    const decipher = createDecipheriv("aes-256-gcm", this.#key, sealed.subarray(0, NONCE_BYTES));
    decipher.setAAD(place);
    decipher.setAuthTag(sealed.subarray(end));
    const message = decipher.update(sealed.subarray(NONCE_BYTES, end));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return message;
  }
}
