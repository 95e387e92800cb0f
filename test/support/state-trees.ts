/** Both implementations of the state tree, under one face for the suites that every one of them passes. */
import { createHash } from "node:crypto";
import { encodeDelta, type StateChange } from "../../src/encoding/delta.ts";
import type { LoadedTree, StateTree, TreeLoadFailure } from "../../src/encoding/state-tree.ts";
import { PortableStateTree } from "../../src/execution/state-tree.ts";
import { type Addon, isAddon, loadAddon } from "../../src/native/addon.ts";
import { NativeStateTree } from "../../src/native/state-tree.ts";
import { NATIVE } from "./need.ts";

export interface TreeImplementation {
  readonly name: string;
  create(): StateTree;
  load(path: string): LoadedTree<StateTree> | TreeLoadFailure;
  /** Gives back the memory of every tree made so far. */
  dispose(): void;
}

/** For tests that are skipped where there is none. */
export function requireAddon(): Addon {
  const addon = loadAddon();
  if (!isAddon(addon)) throw new Error(addon.missing);
  return addon;
}

const portable: TreeImplementation = {
  name: "portable",
  create: () => new PortableStateTree(),
  load: (path) => PortableStateTree.load(path),
  dispose: () => {},
};

function createNative(name: string, beforeLoad: (addon: Addon, path: string) => void = () => {}): TreeImplementation {
  const names: string[] = [];
  const nextName = () => {
    names.push(`test-${process.pid}-${Math.random()}`);
    return names.at(-1)!;
  };
  return {
    name,
    create: () => NativeStateTree.attach(requireAddon(), nextName()),
    load: (path) => {
      beforeLoad(requireAddon(), path);
      return NativeStateTree.load(requireAddon(), nextName(), path);
    },
    dispose: () => {
      for (const name of names.splice(0)) NativeStateTree.release(requireAddon(), name);
    },
  };
}

/** The native one, where it can be, and its twin. */
export const treeImplementations: readonly TreeImplementation[] = [
  ...(NATIVE.isMet ? [createNative("native")] : []),
  portable,
];

/** The native tree; what it loads was begun to be read before on another thread. */
export const nativeReadAhead = createNative("native, read ahead", NativeStateTree.readAhead);

/** Gives back the memory of every tree that a test made. */
export function disposeTrees(): void {
  for (const implementation of [...treeImplementations, nativeReadAhead]) implementation.dispose();
}

/** A key and value as text; a value left out is absent. */
export function change(key: string, newValue?: string, oldValue?: string): StateChange {
  return { key: Buffer.from(key), newValue: textBytes(newValue), oldValue: textBytes(oldValue) };
}

export function delta(...changes: StateChange[]): Uint8Array {
  return encodeDelta(changes);
}

function textBytes(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : Buffer.from(text);
}

function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The root by the definition, from nothing: no tree is kept, no node is reused. */
export function naiveRoot(state: ReadonlyMap<string, string>): Uint8Array {
  const leaves = [...state].map(([key, value]) => ({
    keyHash: sha256(Buffer.from(key)),
    valueHash: sha256(Buffer.from(value)),
  }));
  const subtree = (under: typeof leaves, depth: number): Buffer => {
    const [only] = under;
    if (only === undefined) return Buffer.alloc(32);
    if (under.length === 1) return sha256(Buffer.of(0x00), only.keyHash, only.valueHash);
    const isRight = (leaf: typeof only) => ((leaf.keyHash[depth >> 3]! >> (7 - (depth & 7))) & 1) === 1;
    const left = under.filter((leaf) => !isRight(leaf));
    return sha256(Buffer.of(0x01), subtree(left, depth + 1), subtree(under.filter(isRight), depth + 1));
  };
  return new Uint8Array(subtree(leaves, 0));
}
