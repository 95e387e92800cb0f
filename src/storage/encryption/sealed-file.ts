/**
 * Whole files of an encrypted directory: "PTSEALED", then one message (data-keys.ts) bound to the file's name. For what can be made
 * again: a file that does not open is as good as none.
 */
import type { DataKeys } from "./data-keys.ts";

const MAGIC = Buffer.from("PTSEALED", "latin1");

/** What to write for `bytes`: themselves, where nothing is encrypted. @param purpose names the kind of file. */
export function sealFile(
  keys: DataKeys | undefined,
  purpose: string,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  if (keys === undefined) return bytes;
  return Buffer.concat([MAGIC, keys.cipher(`file ${purpose}`).seal(bytes, Buffer.from(name))]);
}

/** What was written; undefined when it was changed, renamed, or is not encrypted as it must be. */
export function openSealedFile(
  keys: DataKeys | undefined,
  purpose: string,
  name: string,
  bytes: Uint8Array,
): Uint8Array | undefined {
  if (keys === undefined) return bytes;
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) return undefined;
  return keys.cipher(`file ${purpose}`).open(bytes.subarray(MAGIC.length), Buffer.from(name));
}
