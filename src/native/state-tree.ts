/**
 * NativeStateTree: the state tree in C++ (native/src/state_tree.h), one per name and process.
 * The tree belongs to the process, not to the thread that attached to it: an executor worker may be killed in the middle
 * of a contract, and its successor attaches to the same tree. terminate() does not interrupt a native call, so the tree
 * is as some apply() left it, and the owner compares the root to know which.
 */
import type { DeltaDirection } from "../encoding/delta.ts";
import {
  HASH_BYTES,
  type LoadedTree,
  type StateTree,
  type TreeLoadFailure,
  type TreeProof,
} from "../encoding/state-tree.ts";
import { MalformedBytesError, StorageError } from "../errors.ts";
import { type Addon, isMalformedDelta } from "./addon.ts";

const NO_BYTES = new Uint8Array(0);

export class NativeStateTree implements StateTree {
  readonly #addon: Addon;
  readonly #handle: number;

  private constructor(addon: Addon, handle: number) {
    this.#addon = addon;
    this.#handle = handle;
  }

  /** The process's tree of this name, empty if it is new. Any thread; calls from several threads wait for one another. */
  static attach(addon: Addon, name: string): NativeStateTree {
    return new NativeStateTree(addon, addon.treeAttach(name));
  }

  /** Frees the tree's memory. Whoever is still attached gets an Error from every call. False when there is none. */
  static release(addon: Addon, name: string): boolean {
    return addon.treeRelease(name);
  }

  /** Begins to read the tree saved at `path` on a thread of its own, if there is one; `load` then waits for its end. */
  static readAhead(addon: Addon, path: string): void {
    onDisk(path, () => addon.treeReadAhead(path));
  }

  /**
   * Replaces the tree called `name`, for everyone attached to it, by the one saved at `path`. After a failure it is
   * as it was. @throws StorageError when the file is there but cannot be read.
   */
  static load(addon: Addon, name: string, path: string): LoadedTree<NativeStateTree> | TreeLoadFailure {
    const result = onDisk(path, () => addon.treeLoad(name, path));
    if (result.failure !== undefined) return result;
    return { tree: new NativeStateTree(addon, result.handle), meta: result.meta };
  }

  apply(delta: Uint8Array, direction: DeltaDirection): Uint8Array {
    return this.#apply([delta], direction);
  }

  applyAll(deltas: readonly Uint8Array[]): Uint8Array {
    return this.#apply(deltas, "forward");
  }

  #apply(deltas: readonly Uint8Array[], direction: DeltaDirection): Uint8Array {
    const root = new Uint8Array(HASH_BYTES);
    try {
      this.#addon.treeApply(this.#handle, deltas, direction === "backward", root);
    } catch (error) {
      throw isMalformedDelta(error) ? new MalformedBytesError("delta", error.offset, error.message) : error;
    }
    return root;
  }

  root(): Uint8Array {
    const root = new Uint8Array(HASH_BYTES);
    this.#addon.treeRoot(this.#handle, root);
    return root;
  }

  leafCount(): number {
    return this.#addon.treeLeafCount(this.#handle);
  }

  byteLength(): number {
    return this.#addon.treeByteLength(this.#handle);
  }

  prove(key: Uint8Array): TreeProof {
    const { leaf, siblings } = this.#addon.treeProve(this.#handle, key);
    return {
      terminal:
        leaf === undefined
          ? { kind: "empty" }
          : { kind: "leaf", keyHash: leaf.slice(0, HASH_BYTES), valueHash: leaf.slice(HASH_BYTES) },
      siblings: Array.from({ length: siblings.length / HASH_BYTES }, (_, i) => {
        return siblings.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES);
      }),
    };
  }

  matches(key: Uint8Array, value: Uint8Array | undefined): boolean {
    return this.#addon.treeMatches(this.#handle, key, value === undefined, value ?? NO_BYTES);
  }

  save(path: string, meta: Uint8Array): void {
    onDisk(path, () => this.#addon.treeSave(this.#handle, path, meta));
  }
}

function onDisk<Result>(path: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Error && "errno" in error)) throw error;
    throw new StorageError(`state tree: ${error.message}`, { retryable: true, path }, { cause: error });
  }
}
