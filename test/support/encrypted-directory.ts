/** A store's directory below an encrypted data directory that this process has unlocked. */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unlockDataDir } from "../../src/storage/encryption/unlocked.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

export function writeKeyFile(path: string, bytes: Uint8Array = randomBytes(32)): string {
  writeFileSync(path, `${Buffer.from(bytes).toString("hex")}\n`, { mode: 0o600 });
  return path;
}

export function encryptedDirectory(name: string): string {
  const dataDir = temporaryDirectory();
  unlockDataDir(dataDir, writeKeyFile(join(temporaryDirectory(), "key")));
  const directory = join(dataDir, name);
  mkdirSync(directory, { recursive: true });
  return directory;
}
