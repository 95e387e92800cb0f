/**
 * KeyHolder: what happens with a secret key, and never in a daemon: making keys, encrypting, decrypting.
 *   generateKeys ──▶ secret key (stays), evaluation key (privacy_putKey) · encrypt ──▶ file (privacy_putCiphertext)
 *   privacy_getCiphertext ──▶ decrypt
 * Scheme `plain` hides nothing and needs nothing; TFHE needs the native addon, handed in by whoever has loaded it.
 */
import { randomBytes } from "node:crypto";
import { equalBytes } from "../encoding/bytes.ts";
import { inputContext } from "../encoding/encrypted-handle.ts";
import type { EncryptedType } from "../encoding/encrypted-type.ts";
import { fromHex } from "../encoding/hex.ts";
import {
  ciphertextPayload,
  FileKind,
  hashOf,
  readCiphertexts,
  readPrivacyFile,
  writePrivacyFile,
} from "../encoding/privacy-file.ts";
import { EngineError } from "../errors.ts";
import type { CiphertextJson } from "./privacy-methods.ts";

/** The part of native/tfhe.ts that a key holder needs. */
export interface TfheKeys {
  parameterSets(): readonly { readonly id: number; readonly name: string }[];
  generateKeys(parameterSet: number): { secretKey: Uint8Array; evaluationKey: Uint8Array };
  describeSecretKey(secretKey: Uint8Array): { keyId: Uint8Array; parameterSet: number };
  encrypt(secretKey: Uint8Array, bits: Uint8Array, context: Uint8Array): Uint8Array;
  expand(
    file: Uint8Array,
    expected: { keyId: Uint8Array; parameterSet: number; context: Uint8Array },
  ): { words: Uint32Array };
  decrypt(secretKey: Uint8Array, words: Uint32Array): Uint8Array;
}

export interface KeyPair {
  readonly secretKey: Uint8Array;
  readonly evaluationKey: Uint8Array;
  readonly keyId: Uint8Array;
  readonly parameterSet: string;
}

const PLAIN = "plain";
const PLAIN_MAGIC = "PTPL";
const NONCE_BYTES = 16;
const HEADER_BYTES = 16;
const HASH_BYTES = 32;

export class KeyHolder {
  readonly #tfhe: TfheKeys | undefined;
  readonly #tfheMissing: string;

  /** @param tfhe undefined without the native addon, for which `missing` says why. */
  constructor(tfhe: TfheKeys | undefined, missing = "the native addon is not loaded") {
    this.#tfhe = tfhe;
    this.#tfheMissing = missing;
  }

  /** Identifiers of the parameter sets that keys can be made for; the first is the default. */
  parameterSets(): string[] {
    return [...(this.#tfhe?.parameterSets() ?? []).map(({ name }) => name), PLAIN];
  }

  /** What keys are made for unless someone says: never `plain`. @throws EngineError PRIVACY_SCHEME_MISSING without the addon. */
  defaultParameterSet(): string {
    return this.#requireTfhe().parameterSets()[0]!.name;
  }

  /** @throws EngineError VALIDATION_ERROR naming the sets that there are. */
  generateKeys(parameterSet: string): KeyPair {
    if (parameterSet === PLAIN) return plainKeys();
    const set = this.#tfhe?.parameterSets().find(({ name }) => name === parameterSet);
    if (set === undefined) {
      const known = this.parameterSets();
      throw new EngineError("VALIDATION_ERROR", `--params: expected one of ${known.join(", ")}`, {
        path: "--params",
        expected: known,
        received: parameterSet,
        ...(this.#tfhe === undefined ? { tfheMissing: this.#tfheMissing } : {}),
      });
    }
    const keys = this.#tfhe!.generateKeys(set.id);
    return { ...keys, keyId: hashOf(keys.evaluationKey), parameterSet };
  }

  /** @returns the key's id: that of its evaluation key. */
  keyIdOf(secretKey: Uint8Array): Uint8Array {
    if (isPlain(secretKey)) return secretKey.slice(HEADER_BYTES, HEADER_BYTES + HASH_BYTES);
    return this.#requireTfhe().describeSecretKey(secretKey).keyId;
  }

  /** A file for privacy_putCiphertext: a value that `owner` may use in calls of `contract`. */
  encrypt(
    secretKey: Uint8Array,
    value: bigint,
    { type, contract, owner }: { type: EncryptedType; contract: Uint8Array; owner: Uint8Array },
  ): Uint8Array {
    if (value < 0n || value >> BigInt(type.bits) !== 0n)
      throw new EngineError("INVALID_AMOUNT", `expected a whole number of ${type.bits} bits, received ${value}`, {
        path: "VALUE",
        expected: `0 to 2^${type.bits}-1`,
      });
    const bits = Uint8Array.from({ length: type.bits }, (_, bit) => Number((value >> BigInt(bit)) & 1n));
    const context = inputContext(contract, owner, type);
    if (!isPlain(secretKey)) return this.#requireTfhe().encrypt(secretKey, bits, context);
    const body = Buffer.concat([randomBytes(NONCE_BYTES), bits]);
    const payload = ciphertextPayload({ keyId: this.keyIdOf(secretKey), context, count: bits.length, body });
    return writePrivacyFile({ magic: PLAIN_MAGIC, kind: FileKind.ciphertexts, parameterSet: 0, payload });
  }

  /** @throws EngineError PRIVACY_INPUT_MISMATCH when the ciphertext is of another key, or is not what the answer says. */
  decrypt(secretKey: Uint8Array, ciphertext: Pick<CiphertextJson, "data" | "context">): bigint {
    const [file, context] = [fromHex(ciphertext.data)!, fromHex(ciphertext.context)!];
    const keyId = this.keyIdOf(secretKey);
    if (isPlain(secretKey)) return numberOf(plainBits(file, keyId));
    const tfhe = this.#requireTfhe();
    const { parameterSet } = tfhe.describeSecretKey(secretKey);
    return numberOf(tfhe.decrypt(secretKey, tfhe.expand(file, { keyId, parameterSet, context }).words));
  }

  #requireTfhe(): TfheKeys {
    if (this.#tfhe !== undefined) return this.#tfhe;
    throw new EngineError("PRIVACY_SCHEME_MISSING", `TFHE needs the native addon: ${this.#tfheMissing}`, {});
  }
}

function isPlain(secretKey: Uint8Array): boolean {
  return Buffer.from(secretKey.subarray(0, 4)).toString("latin1") === PLAIN_MAGIC;
}

function plainKeys(): KeyPair {
  const magic = PLAIN_MAGIC;
  const evaluationKey = writePrivacyFile({
    magic,
    kind: FileKind.evaluationKey,
    parameterSet: 0,
    payload: randomBytes(HASH_BYTES),
  });
  const keyId = hashOf(evaluationKey);
  const secretKey = writePrivacyFile({ magic, kind: FileKind.secretKey, parameterSet: 0, payload: keyId });
  return { secretKey, evaluationKey, keyId, parameterSet: PLAIN };
}

function plainBits(file: Uint8Array, keyId: Uint8Array): Uint8Array {
  const ciphertexts = readCiphertexts(readPrivacyFile(file, "ciphertext").payload, "ciphertext");
  if (!equalBytes(ciphertexts.keyId, keyId))
    throw new EngineError("PRIVACY_INPUT_MISMATCH", "the ciphertext is of another key than this secret key", {});
  return ciphertexts.body.subarray(NONCE_BYTES);
}

function numberOf(bits: Uint8Array): bigint {
  return bits.reduceRight((value, bit) => (value << 1n) | BigInt(bit), 0n);
}
