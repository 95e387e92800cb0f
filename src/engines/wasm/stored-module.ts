/**
 * A rewritten module as it is kept outside the process, so that a restart need not rewrite it:
 *     "ptw3" ‖ u32 length ‖ JSON of the layout ‖ module ‖ SHA-256 of all before
 * The hash finds torn and damaged copies; what does not check is made anew.
 */
import { hash } from "node:crypto";
import { equalBytes, readU32, writeU32 } from "../../encoding/bytes.ts";
import type { ModuleLayout } from "./instance-slot.ts";

const MAGIC = "ptw3";
const HEADER_BYTES = 8;
const HASH_BYTES = 32;

export interface RewrittenModule extends ModuleLayout {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function encodeStoredModule(module: RewrittenModule): Uint8Array<ArrayBuffer> {
  const { initialPages, slackPages, maxPages, tracksDirtyPages, hasStart, bytes } = module;
  const layout = Buffer.from(JSON.stringify({ initialPages, slackPages, maxPages, tracksDirtyPages, hasStart }));
  const stored = new Uint8Array(HEADER_BYTES + layout.length + bytes.length + HASH_BYTES);
  stored.set(Buffer.from(MAGIC, "latin1"));
  writeU32(stored, 4, layout.length);
  stored.set(layout, HEADER_BYTES);
  stored.set(bytes, HEADER_BYTES + layout.length);
  stored.set(checksum(stored), stored.length - HASH_BYTES);
  return stored;
}

/** @returns undefined when the bytes are not what was stored. */
export function decodeStoredModule(stored: Uint8Array): RewrittenModule | undefined {
  if (stored.length < HEADER_BYTES + HASH_BYTES) return undefined;
  if (Buffer.from(stored.subarray(0, 4)).toString("latin1") !== MAGIC) return undefined;
  if (!equalBytes(checksum(stored), stored.subarray(stored.length - HASH_BYTES))) return undefined;
  const bytesAt = HEADER_BYTES + readU32(stored, 4);
  const layout = JSON.parse(Buffer.from(stored.subarray(HEADER_BYTES, bytesAt)).toString("utf8")) as ModuleLayout;
  return { ...layout, bytes: new Uint8Array(stored.slice(bytesAt, stored.length - HASH_BYTES)) };
}

function checksum(stored: Uint8Array): Uint8Array {
  return hash("sha256", stored.subarray(0, stored.length - HASH_BYTES), "buffer");
}
