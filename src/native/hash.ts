/** BatchHasher on the addon: many messages at a time, by the widest instructions that the processor has. */
import type { BatchHasher } from "../encoding/hash.ts";
import type { Addon } from "./addon.ts";

export function nativeHasher(addon: Addon): BatchHasher {
  return {
    sha256Batch: addon.sha256Batch,
    merkleRoot(hashes, count) {
      const root = new Uint8Array(32);
      addon.merkleRoot(hashes, count, root);
      return root;
    },
  };
}
