/**
 * StateTree: the hash of the whole state, and proofs against it.
 * A binary trie on SHA-256(key), first bit at the root, 0 to the left. A subtree with one key is that leaf, a subtree with
 * none is empty, so the root follows from the set of keys and values, never from the order in which they came.
 *   leaf  = SHA-256(0x00 ‖ SHA-256(key) ‖ SHA-256(value))
 *   inner = SHA-256(0x01 ‖ left ‖ right)                            empty = 32 zero bytes, and so is the empty tree's root
 * (prefixes as in RFC 6962, section 2.1; leaves as in the Jellyfish Merkle tree). The tree holds hashes only: values are
 * the state store's.
 * Implementations: NativeStateTree, and PortableStateTree where the addon is missing and as its oracle.
 */
import type { DeltaDirection } from "./delta.ts";
import { toHex } from "./hex.ts";

export const HASH_BYTES = 32;
/** Name of a saved tree in its data directory. */
export const SAVED_TREE_NAME = "state.tree";

/** Where the path of a key ends: at a leaf, its own or one that shares the path so far, or at nothing. */
export type TreeTerminal =
  | { readonly kind: "leaf"; readonly keyHash: Uint8Array; readonly valueHash: Uint8Array }
  | { readonly kind: "empty" };

export interface TreeProof {
  readonly terminal: TreeTerminal;
  /** Hash of the other subtree at every step from the terminal up to the root: 32 bytes each, at most 256. */
  readonly siblings: Uint8Array[];
}

/**
 * Bytes   arrays passed in are not kept; arrays returned belong to the caller.
 * Every implementation passes test/unit/state-tree.test.ts and test/property/state-tree.test.ts.
 */
export interface StateTree {
  /**
   * Takes one side of every record; answers the new root. The other side is not compared with the tree.
   * @throws MalformedBytesError when the delta is not one, or has a key twice; the tree is then unchanged.
   */
  apply(delta: Uint8Array, direction: DeltaDirection): Uint8Array;
  /**
   * Takes the new side of one block's delta after the other; answers the root after the last. The roots between are not computed.
   * @throws MalformedBytesError; the tree is then of no use.
   */
  applyAll(deltas: readonly Uint8Array[]): Uint8Array;
  root(): Uint8Array;
  leafCount(): number;
  /** Memory taken, in bytes; an estimate in PortableStateTree. */
  byteLength(): number;
  prove(key: Uint8Array): TreeProof;
  /** Whether the key has this value; with undefined, whether there is no such key. */
  matches(key: Uint8Array, value: Uint8Array | undefined): boolean;
  /**
   * Replaces the file at `path` so that a crash leaves the old one or the new one; `path`.tmp is used on the way.
   * @param meta what the owner wants to find beside the tree, at most 1 MiB.
   * @throws StorageError when the disk refuses.
   */
  save(path: string, meta: Uint8Array): void;
}

/** Why a saved tree was not loaded: there is none, another version wrote it, or its bytes are not what was saved. */
export interface TreeLoadFailure {
  readonly failure: "missing" | "version" | "corrupt";
  readonly reason: string;
}

export interface LoadedTree<Tree extends StateTree> {
  readonly tree: Tree;
  readonly meta: Uint8Array;
}

/** The proof as `state_proof` answers it and `polytorus/verify` reads it: bytes as hex. */
export interface StateProofJson {
  readonly key: string;
  readonly value: string | null;
  readonly terminal:
    | { readonly kind: "leaf"; readonly keyHash: string; readonly valueHash: string }
    | { readonly kind: "empty" };
  readonly siblings: readonly string[];
}

/** @param value what the state store has under `key`, undefined when it has nothing. */
export function stateProofJson(key: Uint8Array, value: Uint8Array | undefined, proof: TreeProof): StateProofJson {
  const { terminal } = proof;
  return {
    key: toHex(key),
    value: value === undefined ? null : toHex(value),
    terminal:
      terminal.kind === "empty"
        ? { kind: "empty" }
        : { kind: "leaf", keyHash: toHex(terminal.keyHash), valueHash: toHex(terminal.valueHash) },
    siblings: proof.siblings.map((sibling) => toHex(sibling)),
  };
}
