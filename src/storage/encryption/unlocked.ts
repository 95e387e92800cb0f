/**
 * Which data directories this process has unlocked. Whoever opens a file below one asks here for its keys.
 *   unlockDataDir (once, by whoever holds the directory's lock) ─▶ keysOf(directory), on this thread and every later one
 * Threads started before are handed `unlockedKeys()` and `adoptKeys` them.
 * Always
 *  - What lies in an encrypted directory is never opened as if it were not.
 */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
import { DataKeys } from "./data-keys.ts";
import { createEnvelope, ENVELOPE_NAME, envelopeKeyId, openEnvelope } from "./envelope.ts";
import { keyRefused, readKeyFile } from "./key-file.ts";

/** Data keys by data directory, absolute. */
export type UnlockedKeys = ReadonlyMap<string, Uint8Array>;

const ENVIRONMENT_KEY = "polytorus data keys";
/** `<data directory>/blobs/checkpoints` is the deepest that asks. */
const DEPTH_MAX = 2;
/** What a data directory holds once a daemon has run on it. */
const DATA = ["journal", "state", "blobs"];

const made = new Map<string, DataKeys>();

/**
 * Makes a data directory readable; one without data is encrypted from here on if there is a key file.
 * @throws EngineError ENCRYPTION_KEY_REFUSED: nothing was changed.
 */
export function unlockDataDir(dataDir: string, keyFile: string | undefined): void {
  const path = resolve(dataDir);
  if (envelopeKeyId(path) !== undefined) {
    unlockEncrypted(path, keyFile);
    return;
  }
  if (keyFile === undefined) return;
  const key = readKeyFile(keyFile);
  requireNoPlainData(path);
  adopt(path, createEnvelope(path, key));
}

/** @throws EngineError ENCRYPTION_KEY_REFUSED when a directory without an envelope holds data. */
export function requireNoPlainData(path: string): void {
  const plain = DATA.find((name) => existsSync(join(path, name)));
  if (plain === undefined) return;
  throw keyRefused(
    `${join(path, plain)} is not encrypted: encryption.key_file is for a new data directory, into which the data can be copied`,
    { path },
  );
}

/** For tools: makes an encrypted directory readable, and leaves any other as it is. @throws EngineError ENCRYPTION_KEY_REFUSED. */
export function unlockEncrypted(dataDir: string, keyFile: string | undefined): void {
  const path = resolve(dataDir);
  if (envelopeKeyId(path) === undefined) return;
  if (keyFile === undefined) throw keyMissing(path);
  adopt(path, openEnvelope(path, readKeyFile(keyFile)));
}

function adopt(path: string, dataKey: Uint8Array): void {
  adoptKeys(new Map([...unlockedKeys(), [path, dataKey]]));
}

export function unlockedKeys(): UnlockedKeys {
  return (getEnvironmentData(ENVIRONMENT_KEY) as UnlockedKeys | undefined) ?? new Map();
}

export function adoptKeys(keys: UnlockedKeys): void {
  made.clear();
  setEnvironmentData(ENVIRONMENT_KEY, keys as Map<string, Uint8Array>);
}

/** The keys for what stands in `directory`; undefined when its data directory is not encrypted. @throws EngineError ENCRYPTION_KEY_REFUSED. */
export function keysOf(directory: string): DataKeys | undefined {
  const known = unlockedKeys();
  for (let path = resolve(directory), depth = 0; depth <= DEPTH_MAX; path = dirname(path), depth++) {
    const dataKey = known.get(path);
    if (dataKey !== undefined) {
      const keys = made.get(path) ?? new DataKeys(dataKey);
      made.set(path, keys);
      return keys;
    }
    if (existsSync(join(path, ENVELOPE_NAME))) throw keyMissing(path);
  }
  return undefined;
}

export function keyMissing(path: string): Error {
  return keyRefused(`${path} is encrypted: name its key file with encryption.key_file`, { path });
}
