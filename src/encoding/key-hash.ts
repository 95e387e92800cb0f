/**
 * A 32-bit hash of state keys, equal on every thread: how the executor tells the main thread which keys a query read, and
 * how the main thread finds them in deltas. Two keys with one hash are taken for one key: a cached answer is then dropped
 * too early, never kept too long.
 * The mixing is MurmurHash3's (Austin Appleby, x86_32), taken over the prefix and then over the suffix.
 */
import { spaceLength } from "./state-key.ts";

/** Hash of `length` bytes from `at`, continuing from `seed`. */
export function hashBytes(bytes: Uint8Array, at: number, length: number, seed: number): number {
  let hash = seed;
  let from = at;
  const end = at + length;
  for (; from + 4 <= end; from += 4)
    hash = mix(hash, bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16) | (bytes[from + 3]! << 24));
  let rest = 0;
  for (let shift = 0; from < end; from++, shift += 8) rest |= bytes[from]! << shift;
  hash = mix(hash, rest) ^ length;
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** Hash of a space, all keys with one prefix: what a query that iterated over keys depends on. */
export function hashSpace(bytes: Uint8Array, at: number, length: number): number {
  return hashBytes(bytes, at, length, 0x73706163);
}

/** Hash of a key in parts, as deltas hold it. @param prefixHash of the prefix, from seed 0. */
export function hashSuffix(bytes: Uint8Array, at: number, length: number, prefixHash: number): number {
  return hashBytes(bytes, at, length, prefixHash);
}

/** Hash of a whole state key. */
export function hashKey(key: Uint8Array): number {
  const prefix = spaceLength(key);
  return hashSuffix(key, prefix, key.length - prefix, hashBytes(key, 0, prefix, 0));
}
