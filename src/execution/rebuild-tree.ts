/** Builds the state tree from the state itself: when no saved tree fits. */
import { encodeDelta, type StateChange } from "../encoding/delta.ts";
import type { StateTree } from "../encoding/state-tree.ts";
import type { StateSnapshot } from "./ports.ts";

/** Records a step: large enough that the tree sorts and hashes in bulk. */
const RECORDS_PER_DELTA = 65_536;

/** @param tree must be empty. */
export function rebuildTree(snapshot: StateSnapshot, tree: StateTree): void {
  let changes: StateChange[] = [];
  const flush = () => {
    tree.apply(encodeDelta(changes), "forward");
    changes = [];
  };
  for (const { key, value } of snapshot.range(new Uint8Array(0), Uint8Array.of(255))) {
    changes.push({ key, newValue: value, oldValue: undefined });
    if (changes.length === RECORDS_PER_DELTA) flush();
  }
  flush();
}
