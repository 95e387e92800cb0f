/**
 * The files of keys and ciphertexts: 16 bytes of header, a payload, and the SHA-256 of all bytes before it.
 *   magic (4) · u8 kind · u8 version = 1 · u16 parameter set · u64 payload bytes       (native/src/tfhe/README.md)
 *   ciphertexts: key id 32 · context 32 · u32 count · u32 0 · then the scheme's bytes
 * What is checked here is what every scheme has in common; it is checked before anything is kept.
 */
import { createHash } from "node:crypto";
import { type EngineError, RejectedError } from "../errors.ts";
import { equalBytes, readU32, readU64, writeU32, writeU64 } from "./bytes.ts";
import { toHex } from "./hex.ts";

export const FileKind = { secretKey: 1, evaluationKey: 2, ciphertexts: 3, seededCiphertexts: 4 } as const;

const MAGICS: readonly string[] = ["PTFH", "PTPL"];
export const HEADER_BYTES = 16;
const HASH_BYTES = 32;
const VERSION = 1;
/** Before a scheme's own bytes of a ciphertext file. */
const CIPHERTEXT_HEADER_BYTES = 72;

export interface PrivacyFile {
  readonly magic: string;
  readonly kind: number;
  readonly parameterSet: number;
  readonly payload: Uint8Array;
}

export interface CiphertextFile {
  readonly keyId: Uint8Array;
  readonly context: Uint8Array;
  readonly count: number;
  /** The scheme's bytes. */
  readonly body: Uint8Array;
}

/** @throws RejectedError PRIVACY_FILE_INVALID naming the byte; PRIVACY_SECRET_KEY for a secret key. */
export function readPrivacyFile(bytes: Uint8Array, path: string): PrivacyFile {
  if (bytes.length < HEADER_BYTES + HASH_BYTES) return refuse(path, bytes.length, "it ends before its header does");
  const magic = magicOf(bytes);
  const [kind, version] = [bytes[4]!, bytes[5]!];
  if (!MAGICS.includes(magic)) return refuse(path, 0, `it does not begin with ${MAGICS.join(" or ")}`);
  if (isSecretKey(bytes))
    throw new RejectedError("PRIVACY_SECRET_KEY", `${path}: this is a secret key; it never leaves its holder`, {
      path,
    });
  if (version !== VERSION) return refuse(path, 5, `version ${version}, this daemon reads ${VERSION}`);
  const high = readU32(bytes, 12);
  const length = high === 0 ? readU64(bytes, 8) : Number.POSITIVE_INFINITY;
  const end = HEADER_BYTES + length;
  if (end + HASH_BYTES !== bytes.length) return refuse(path, 8, `the header speaks of ${length} bytes of payload`);
  if (!equalBytes(hashOf(bytes.subarray(0, end)), bytes.subarray(end)))
    return refuse(path, end, "the checksum is not that of the bytes before it");
  return { magic, kind, parameterSet: bytes[6]! | (bytes[7]! << 8), payload: bytes.subarray(HEADER_BYTES, end) };
}

/** By the first five bytes of a file. */
export function isSecretKey(bytes: Uint8Array): boolean {
  return MAGICS.includes(magicOf(bytes)) && bytes[4] === FileKind.secretKey;
}

function magicOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 4)).toString("latin1");
}

export function readCiphertexts(payload: Uint8Array, path: string): CiphertextFile {
  if (payload.length < CIPHERTEXT_HEADER_BYTES) return refuse(path, HEADER_BYTES, "the payload is too short");
  if (readU32(payload, 68) !== 0) return refuse(path, HEADER_BYTES + 68, "these bytes are zero");
  return {
    keyId: payload.slice(0, 32),
    context: payload.slice(32, 64),
    count: readU32(payload, 64),
    body: payload.subarray(CIPHERTEXT_HEADER_BYTES),
  };
}

export function writePrivacyFile(file: PrivacyFile): Uint8Array {
  const { magic, kind, parameterSet, payload } = file;
  const bytes = new Uint8Array(HEADER_BYTES + payload.length + HASH_BYTES);
  bytes.set(Buffer.from(magic, "latin1"));
  bytes[4] = kind;
  bytes[5] = VERSION;
  bytes[6] = parameterSet;
  bytes[7] = parameterSet >>> 8;
  writeU64(bytes, 8, payload.length);
  bytes.set(payload, HEADER_BYTES);
  bytes.set(hashOf(bytes.subarray(0, HEADER_BYTES + payload.length)), HEADER_BYTES + payload.length);
  return bytes;
}

export function ciphertextPayload(file: CiphertextFile): Uint8Array {
  const payload = new Uint8Array(CIPHERTEXT_HEADER_BYTES + file.body.length);
  payload.set(file.keyId);
  payload.set(file.context, 32);
  writeU32(payload, 64, file.count);
  payload.set(file.body, CIPHERTEXT_HEADER_BYTES);
  return payload;
}

export function hashOf(...parts: readonly Uint8Array[]): Uint8Array {
  const sha = createHash("sha256");
  for (const part of parts) sha.update(part);
  return sha.digest();
}

/** @throws RejectedError PRIVACY_INPUT_MISMATCH */
export function requireContext(file: CiphertextFile, keyId: Uint8Array, context: Uint8Array, path: string): void {
  if (!equalBytes(file.keyId, keyId))
    throw new RejectedError(
      "PRIVACY_INPUT_MISMATCH",
      `${path}: the ciphertext is of key ${toHex(file.keyId)}, expected ${toHex(keyId)}`,
      { path, part: "keyId", expected: toHex(keyId), received: toHex(file.keyId) },
    );
  if (equalBytes(file.context, context)) return;
  throw new RejectedError(
    "PRIVACY_INPUT_MISMATCH",
    `${path}: the ciphertext is bound to another contract, owner or type`,
    { path, part: "context", expected: toHex(context), received: toHex(file.context) },
  );
}

function refuse(path: string, offset: number, problem: string): never {
  throw new RejectedError("PRIVACY_FILE_INVALID", `${path}, byte ${offset}: ${problem}`, { path, offset, problem });
}

export function unknownParameterSet(path: string, magic: string, parameterSet: number): EngineError {
  return new RejectedError(
    "PRIVACY_FILE_INVALID",
    `${path}, byte 6: parameter set ${parameterSet} of ${magic} is unknown`,
    {
      path,
      offset: 6,
      parameterSet,
    },
  );
}
