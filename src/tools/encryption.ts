/** Tools for the key file of a data directory. */
import type { EncryptionFound } from "../cli/seams.ts";
import { envelopeKeyId, openEnvelope, rewrapEnvelope } from "../storage/encryption/envelope.ts";
import { readKeyFile } from "../storage/encryption/key-file.ts";
import { keyMissing, requireNoPlainData } from "../storage/encryption/unlocked.ts";

/** How a daemon would find it. Changes nothing. @throws EngineError ENCRYPTION_KEY_REFUSED where it would not start. */
export function inspectEncryption(dataDir: string, keyFile: string | undefined): EncryptionFound {
  const keyId = envelopeKeyId(dataDir);
  if (keyFile === undefined) {
    if (keyId !== undefined) throw keyMissing(dataDir);
    return { isEncrypted: false, keyId: undefined };
  }
  const key = readKeyFile(keyFile);
  if (keyId === undefined) requireNoPlainData(dataDir);
  else openEnvelope(dataDir, key);
  return { isEncrypted: keyId !== undefined, keyId: key.id };
}

/** Puts the data key of `dataDir` under the key of another file. @throws EngineError ENCRYPTION_KEY_REFUSED. */
export function rotateKey(dataDir: string, files: { from: string; to: string }): { from: string; to: string } {
  const from = readKeyFile(files.from);
  const to = readKeyFile(files.to);
  rewrapEnvelope(dataDir, from, to);
  return { from: from.id, to: to.id };
}
