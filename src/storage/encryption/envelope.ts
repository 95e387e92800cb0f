/**
 * The envelope of a data directory: `encryption.json`, in which the directory's own random key, the data key, stands encrypted
 * under the key file's key. Everything else in the directory is encrypted under the data key (data-keys.ts).
 *   { "format": 1, "keyId": "…", "wrappedKey": base64 of nonce (12) ‖ ciphertext (32) ‖ tag (16) }     AES-256-GCM
 * Always
 *  - A crash leaves the old envelope or the new one, whole.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError, StorageError } from "../../errors.ts";
import { errorCode, replaceFile } from "../files.ts";
import { type FileKey, keyRefused } from "./key-file.ts";

export const ENVELOPE_NAME = "encryption.json";
const FORMAT = 1;
const PURPOSE = Buffer.from("polytorus data key, format 1", "latin1");
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface Envelope {
  readonly format: number;
  readonly keyId: string;
  readonly wrappedKey: string;
}

/** The id of the key that a directory's envelope is under; undefined when it has none. @throws EngineError. */
export function envelopeKeyId(dataDir: string): string | undefined {
  return readEnvelope(dataDir)?.keyId;
}

/** Makes a data key and its envelope. */
export function createEnvelope(dataDir: string, key: FileKey): Uint8Array {
  const dataKey = randomBytes(KEY_BYTES);
  writeEnvelope(dataDir, wrap(dataKey, key));
  return dataKey;
}

/** The data key. @throws EngineError ENCRYPTION_KEY_REFUSED when the envelope is under another key, or damaged. */
export function openEnvelope(dataDir: string, key: FileKey): Uint8Array {
  const path = join(dataDir, ENVELOPE_NAME);
  const envelope = readEnvelope(dataDir);
  if (envelope === undefined) throw keyRefused(`${dataDir} is not encrypted: it has no ${ENVELOPE_NAME}`, { path });
  return dataKeyIn(envelope, key, path);
}

/** The data key in an envelope. @param path of the file that it stands in. @throws EngineError ENCRYPTION_KEY_REFUSED. */
export function dataKeyIn(envelope: Envelope, key: FileKey, path: string): Uint8Array {
  if (envelope.keyId !== key.id)
    throw keyRefused(`${path} is under key ${envelope.keyId}, the key file holds key ${key.id}`, {
      path,
      expected: envelope.keyId,
      received: key.id,
    });
  try {
    const wrapped = Buffer.from(envelope.wrappedKey, "base64");
    const decipher = createDecipheriv("aes-256-gcm", key.bytes, wrapped.subarray(0, NONCE_BYTES));
    decipher.setAAD(PURPOSE);
    decipher.setAuthTag(wrapped.subarray(NONCE_BYTES + KEY_BYTES));
    return Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, NONCE_BYTES + KEY_BYTES)), decipher.final()]);
  } catch {
    throw keyRefused(`${path} is damaged: the data key in it can't be read`, { path });
  }
}

/** Puts the data key under another key. What is encrypted under the data key stays as it is. */
export function rewrapEnvelope(dataDir: string, from: FileKey, to: FileKey): void {
  writeEnvelope(dataDir, wrap(openEnvelope(dataDir, from), to));
}

function wrap(dataKey: Uint8Array, key: FileKey): Envelope {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key.bytes, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(PURPOSE);
  const wrapped = Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
  return { format: FORMAT, keyId: key.id, wrappedKey: wrapped.toString("base64") };
}

/** Undefined when the directory has none. @throws EngineError ENCRYPTION_KEY_REFUSED when it is none; StorageError. */
export function readEnvelope(dataDir: string): Envelope | undefined {
  const path = join(dataDir, ENVELOPE_NAME);
  try {
    return parseEnvelope(readFileSync(path, "utf8"), path);
  } catch (problem) {
    if (errorCode(problem) === "ENOENT") return undefined;
    if (problem instanceof EngineError) throw problem;
    throw new StorageError(
      `cannot read ${path}: ${(problem as Error).message}`,
      { retryable: false, path },
      { cause: problem },
    );
  }
}

/** @param path of the file that it stands in. @throws EngineError ENCRYPTION_KEY_REFUSED. */
export function parseEnvelope(text: string, path: string): Envelope {
  let envelope: Partial<Envelope> | null = null;
  try {
    envelope = JSON.parse(text) as Partial<Envelope> | null;
  } catch {
    // Told below.
  }
  const { format, keyId, wrappedKey } = envelope ?? {};
  if (format === FORMAT && typeof keyId === "string" && typeof wrappedKey === "string")
    return { format, keyId, wrappedKey };
  throw keyRefused(`${path} is not an envelope of format ${FORMAT}`, { path });
}

function writeEnvelope(dataDir: string, envelope: Envelope): void {
  replaceFile(join(dataDir, ENVELOPE_NAME), Buffer.from(`${JSON.stringify(envelope)}\n`));
}
