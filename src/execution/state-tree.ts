/**
 * PortableStateTree: the state tree without the addon, and the oracle that the addon is checked against.
 * Nodes are never changed: an update makes the nodes on the paths it touches anew and swaps the root last, so whatever
 * fails on the way leaves the tree as it was. Hashes are latin1 strings, one char a byte: node:crypto answers strings
 * twice as fast as buffers, and strings compare in the order of their bytes.
 */
import { hash } from "node:crypto";
import { fromLatin1, toLatin1 } from "../encoding/bytes.ts";
import { type DeltaDirection, readDelta } from "../encoding/delta.ts";
import {
  HASH_BYTES,
  type LoadedTree,
  type StateTree,
  type TreeLoadFailure,
  type TreeProof,
} from "../encoding/state-tree.ts";
import { MalformedBytesError } from "../errors.ts";
import { readTreeFile, writeTreeFile } from "./state-tree-file.ts";

interface Leaf {
  readonly keyHash: string;
  readonly valueHash: string;
  readonly hash: string;
}

interface Inner {
  readonly left: Node;
  readonly right: Node;
  readonly hash: string;
}

/** undefined is the empty subtree. */
type Node = Leaf | Inner | undefined;

/** A key's new value, or its deletion where `valueHash` is undefined. */
interface Change {
  readonly keyHash: string;
  readonly valueHash: string | undefined;
}

const LEAF_TAG = 0x00;
const INNER_TAG = 0x01;
const EMPTY_HASH = "\0".repeat(HASH_BYTES);
/** Measured on V8 of Node 20 at 200,000 leaves: a leaf, 1.44 inner nodes, and their hashes. */
const BYTES_PER_LEAF = 340;

export class PortableStateTree implements StateTree {
  #root: Node;
  #leafCount = 0;

  /** @throws StorageError when the file is there but cannot be read. */
  static load(path: string): LoadedTree<PortableStateTree> | TreeLoadFailure {
    const file = readTreeFile(path);
    if ("failure" in file) return file;
    const tree = new PortableStateTree();
    const leaves: Leaf[] = [];
    for (let at = 0; at < file.leaves.length; at += 2 * HASH_BYTES) {
      const keyHash = toLatin1(file.leaves, at, at + HASH_BYTES);
      const before = leaves.at(-1);
      if (before !== undefined && before.keyHash >= keyHash) {
        return { failure: "corrupt", reason: "its leaves are out of order" };
      }
      leaves.push(leafOf(keyHash, toLatin1(file.leaves, at + HASH_BYTES, at + 2 * HASH_BYTES)));
    }
    tree.#root = build(leaves, 0, leaves.length, 0);
    tree.#leafCount = leaves.length;
    if (hashOf(tree.#root) !== toLatin1(file.root)) {
      return { failure: "corrupt", reason: "its leaves do not hash to its root" };
    }
    return { tree, meta: file.meta };
  }

  apply(delta: Uint8Array, direction: DeltaDirection): Uint8Array {
    const changes = readChanges(delta, direction);
    const counter = { added: 0 };
    this.#root = update(this.#root, changes, 0, changes.length, 0, counter);
    this.#leafCount += counter.added;
    return this.root();
  }

  applyAll(deltas: readonly Uint8Array[]): Uint8Array {
    for (const delta of deltas) this.apply(delta, "forward");
    return this.root();
  }

  root(): Uint8Array {
    return hashBytes(hashOf(this.#root));
  }

  leafCount(): number {
    return this.#leafCount;
  }

  byteLength(): number {
    return this.#leafCount * BYTES_PER_LEAF;
  }

  prove(key: Uint8Array): TreeProof {
    const keyHash = sha256(key);
    const siblings: Uint8Array[] = [];
    let node = this.#root;
    for (let depth = 0; isInner(node); depth++) {
      const isRight = bitAt(keyHash, depth);
      siblings.push(hashBytes(hashOf(isRight ? node.left : node.right)));
      node = isRight ? node.right : node.left;
    }
    return {
      terminal:
        node === undefined
          ? { kind: "empty" }
          : { kind: "leaf", keyHash: hashBytes(node.keyHash), valueHash: hashBytes(node.valueHash) },
      siblings: siblings.reverse(),
    };
  }

  matches(key: Uint8Array, value: Uint8Array | undefined): boolean {
    const keyHash = sha256(key);
    let node = this.#root;
    for (let depth = 0; isInner(node); depth++) node = bitAt(keyHash, depth) ? node.right : node.left;
    const valueHash = node?.keyHash === keyHash ? node.valueHash : undefined;
    return valueHash === (value === undefined ? undefined : sha256(value));
  }

  save(path: string, meta: Uint8Array): void {
    writeTreeFile(path, { meta, root: this.root(), leafCount: this.#leafCount, leaves: leavesOf(this.#root) });
  }
}

function readChanges(delta: Uint8Array, direction: DeltaDirection): Change[] {
  const changes: Change[] = [];
  for (const { key, newValue, oldValue } of readDelta(delta)) {
    const value = direction === "forward" ? newValue : oldValue;
    changes.push({ keyHash: sha256(key), valueHash: value === undefined ? undefined : sha256(value) });
  }
  changes.sort((a, b) => (a.keyHash < b.keyHash ? -1 : a.keyHash > b.keyHash ? 1 : 0));
  for (let i = 1; i < changes.length; i++) {
    if (changes[i]!.keyHash === changes[i - 1]!.keyHash) throw duplicateKey(delta, changes[i]!.keyHash);
  }
  return changes;
}

function duplicateKey(delta: Uint8Array, keyHash: string): MalformedBytesError {
  const offsets = [...readDelta(delta)].filter(({ key }) => sha256(key) === keyHash).map(({ offset }) => offset);
  return new MalformedBytesError("delta", offsets[1]!, "this record's key occurs before");
}

/** The subtree `node` with changes [first, last) made; they lie under it, in order of key hash. */
function update(
  node: Node,
  changes: readonly Change[],
  first: number,
  last: number,
  depth: number,
  counter: { added: number },
): Node {
  if (first === last) return node;
  if (isInner(node)) {
    const middle = split(changes, first, last, depth);
    const left = update(node.left, changes, first, middle, depth + 1, counter);
    return join(left, update(node.right, changes, middle, last, depth + 1, counter));
  }
  const leaves: Leaf[] = [];
  let kept = node;
  for (let i = first; i < last; i++) {
    const { keyHash, valueHash } = changes[i]!;
    if (kept !== undefined && kept.keyHash <= keyHash) {
      if (kept.keyHash < keyHash) leaves.push(kept);
      kept = undefined;
    }
    if (valueHash !== undefined) leaves.push(leafOf(keyHash, valueHash));
  }
  if (kept !== undefined) leaves.push(kept);
  counter.added += leaves.length - (node === undefined ? 0 : 1);
  return build(leaves, 0, leaves.length, depth);
}

function build(leaves: readonly Leaf[], first: number, last: number, depth: number): Node {
  if (last - first <= 1) return first < last ? leaves[first] : undefined;
  const middle = split(leaves, first, last, depth);
  return join(build(leaves, first, middle, depth + 1), build(leaves, middle, last, depth + 1));
}

/** A node with one leaf and nothing else is that leaf: so the shape follows from the keys alone. */
function join(left: Node, right: Node): Node {
  if (left === undefined && !isInner(right)) return right;
  if (right === undefined && !isInner(left)) return left;
  return { left, right, hash: tagged(INNER_TAG, hashOf(left), hashOf(right)) };
}

/** The first of [first, last) that goes right at this depth. */
function split(sorted: readonly { readonly keyHash: string }[], first: number, last: number, depth: number): number {
  let low = first;
  let high = last;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bitAt(sorted[middle]!.keyHash, depth)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function* leavesOf(node: Node): Generator<Uint8Array, void, undefined> {
  if (node === undefined) return;
  if (isInner(node)) {
    yield* leavesOf(node.left);
    yield* leavesOf(node.right);
  } else {
    yield fromLatin1(node.keyHash + node.valueHash);
  }
}

function isInner(node: Node): node is Inner {
  return node !== undefined && "left" in node;
}

function hashOf(node: Node): string {
  return node === undefined ? EMPTY_HASH : node.hash;
}

function leafOf(keyHash: string, valueHash: string): Leaf {
  return { keyHash, valueHash, hash: tagged(LEAF_TAG, keyHash, valueHash) };
}

function bitAt(keyHash: string, depth: number): boolean {
  return ((keyHash.charCodeAt(depth >> 3) >> (7 - (depth & 7))) & 1) === 1;
}

function sha256(bytes: Uint8Array): string {
  return hash("sha256", bytes, "binary");
}

const message = Buffer.alloc(1 + 2 * HASH_BYTES);

function tagged(tag: number, first: string, second: string): string {
  message[0] = tag;
  message.write(first, 1, "latin1");
  message.write(second, 1 + HASH_BYTES, "latin1");
  return hash("sha256", message, "binary");
}

function hashBytes(hashText: string): Uint8Array {
  return new Uint8Array(fromLatin1(hashText));
}
