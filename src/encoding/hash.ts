/**
 * Hashing many short messages in one call, and the Merkle tree over a block's receipts or transactions.
 * Implementations: portableHasher here, and nativeHasher (native/hash.ts), which hashes many messages at a time.
 */
import { hash } from "node:crypto";

const HASH_BYTES = 32;
export const HASH_PREFIX_BYTES_MAX = 64;
const LEAF_TAG = 0x00;
const INNER_TAG = 0x01;

export interface BatchHasher {
  /**
   * Writes SHA-256(prefix ‖ data[start, end)) of the first `count` ranges to `out`, 32 bytes each, in order.
   * @param ranges start and end of each message, in bytes of `data`.
   * @param prefix at most 64 bytes, hashed before each message.
   * @throws RangeError when a range lies outside the data, the prefix is too long, or `ranges` or `out` too short.
   */
  sha256Batch(data: Uint8Array, ranges: Uint32Array, count: number, prefix: Uint8Array, out: Uint8Array): void;
  /**
   * Root of the Merkle tree of RFC 6962, section 2.1, over `count` entries that are hashes already, 32 bytes each:
   * leaf = SHA-256(0x00 ‖ entry), inner = SHA-256(0x01 ‖ left ‖ right), a list splits at the largest power of two below
   * its length. The root of no entries is 32 zero bytes (the RFC has the hash of the empty string).
   * @throws RangeError when `hashes` has fewer than `count` entries.
   */
  merkleRoot(hashes: Uint8Array, count: number): Uint8Array;
}

export const portableHasher: BatchHasher = {
  sha256Batch(data, ranges, count, prefix, out) {
    if (ranges.length < 2 * count) throw new RangeError("there are fewer ranges than count");
    if (out.length < HASH_BYTES * count) throw new RangeError("the output array is too short");
    if (prefix.length > HASH_PREFIX_BYTES_MAX) throw new RangeError("the prefix is over 64 bytes");
    for (let i = 0; i < count; i++) {
      const start = ranges[2 * i]!;
      const end = ranges[2 * i + 1]!;
      if (start > end || end > data.length) throw new RangeError(`range ${i} lies outside the data`);
    }
    for (let i = 0; i < count; i++) {
      const message = Buffer.concat([prefix, data.subarray(ranges[2 * i]!, ranges[2 * i + 1]!)]);
      out.set(hash("sha256", message, "buffer"), i * HASH_BYTES);
    }
  },
  merkleRoot(hashes, count) {
    if (count === 0) return new Uint8Array(HASH_BYTES);
    let level = merkleLeaves(hashes, count);
    while (level.length > 1) level = merkleParents(level);
    return level[0]!;
  },
};

/**
 * The audit path of RFC 6962, section 2.1.1: the hashes that lead from entry `index` to the root, leaf first.
 * `verifyReceiptProof` of polytorus/verify checks it.
 */
export function merklePath(hashes: Uint8Array, count: number, index: number): Uint8Array[] {
  if (!(Number.isInteger(index) && index >= 0 && index < count)) {
    throw new RangeError(`there is no entry ${index} among ${count}`);
  }
  const path: Uint8Array[] = [];
  let level = merkleLeaves(hashes, count);
  for (let at = index; level.length > 1; at >>= 1) {
    const sibling = level[at ^ 1];
    if (sibling !== undefined) path.push(sibling);
    level = merkleParents(level);
  }
  return path;
}

function merkleLeaves(hashes: Uint8Array, count: number): Uint8Array[] {
  if (hashes.length < HASH_BYTES * count) throw new RangeError("there are fewer hashes than count");
  return Array.from({ length: count }, (_, i) => {
    return tagged(LEAF_TAG, hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
  });
}

/** Pairing neighbours and carrying an odd last one up unchanged gives the RFC's tree, level by level. */
function merkleParents(level: readonly Uint8Array[]): Uint8Array[] {
  const parents: Uint8Array[] = [];
  for (let i = 0; i < level.length; i += 2) {
    const right = level[i + 1];
    parents.push(right === undefined ? level[i]! : tagged(INNER_TAG, level[i]!, right));
  }
  return parents;
}

function tagged(tag: number, ...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(hash("sha256", Buffer.concat([Uint8Array.of(tag), ...parts]), "buffer"));
}
