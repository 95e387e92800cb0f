/** The root of a whole state, from its rows alone, a step at a time. */
import { encodeDelta, type StateChange } from "../../encoding/delta.ts";
import type { StateTree } from "../../encoding/state-tree.ts";
import type { LmdbSnapshot } from "../lmdb-snapshot.ts";
import type { CopyRun } from "./store-source.ts";

/** Rows a step: large enough that the tree sorts and hashes in bulk, a fifth of a second. */
const ROWS_PER_STEP = 65_536;

/** @param tree empty; it holds the state's hashes afterwards. */
export async function stateRootOf(
  state: Pick<LmdbSnapshot, "range" | "rowCount">,
  tree: StateTree,
  { signal, onProgress }: CopyRun,
): Promise<Uint8Array> {
  const total = state.rowCount();
  let done = 0;
  let changes: StateChange[] = [];
  const step = async (): Promise<void> => {
    tree.apply(encodeDelta(changes), "forward");
    done += changes.length;
    changes = [];
    onProgress({ phase: "checking", done, total: Math.max(total, done) });
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  };
  for (const { key, value } of state.range(new Uint8Array(0), Uint8Array.of(255))) {
    changes.push({ key, newValue: value, oldValue: undefined });
    if (changes.length === ROWS_PER_STEP) await step();
  }
  await step();
  return tree.root();
}
