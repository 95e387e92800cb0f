/**
 * The key file: 32 random bytes as 64 hexadecimal digits or as base64, for nobody but the daemon's user. It encrypts nothing but
 * the data key (envelope.ts), so that another can take its place without anything being written anew.
 */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { EngineError } from "../../errors.ts";

const KEY_BYTES = 32;
const OTHERS = 0o077;

export interface FileKey {
  readonly bytes: Uint8Array;
  /** Names the key without telling anything of it. */
  readonly id: string;
}

/** @throws EngineError ENCRYPTION_KEY_REFUSED, which never holds anything of the file's content. */
export function readKeyFile(path: string): FileKey {
  let text: string;
  try {
    const { mode } = statSync(path);
    if ((mode & OTHERS) !== 0) {
      const received = (mode & 0o777).toString(8).padStart(4, "0");
      throw keyRefused(`${path} has mode ${received}: others may read it; chmod 600 it`, { path, mode: received });
    }
    text = readFileSync(path, "utf8").trim();
  } catch (problem) {
    if (problem instanceof EngineError) throw problem;
    throw keyRefused(`the key file can't be read: ${(problem as Error).message}`, { path });
  }
  const bytes =
    /^[0-9a-f]+$/i.test(text) && text.length === 2 * KEY_BYTES ? Buffer.from(text, "hex") : fromBase64(text);
  if (bytes?.length !== KEY_BYTES)
    throw keyRefused(`${path} must hold 32 bytes as 64 hexadecimal digits or as base64`, { path });
  return fileKey(bytes);
}

export function fileKey(bytes: Uint8Array): FileKey {
  const id = createHash("sha256").update("polytorus key id\0").update(bytes).digest("hex").slice(0, 16);
  return { bytes, id };
}

export function keyRefused(message: string, facts: Record<string, string>): EngineError {
  return new EngineError("ENCRYPTION_KEY_REFUSED", message, facts);
}

/** Undefined unless it is the one way to write these bytes: Buffer.from passes over what is no base64. */
function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
