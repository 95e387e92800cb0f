/** The state hashed again, row by row, and compared with the root that its block states. */
import { join } from "node:path";
import type { MaintenanceRun } from "../cli/seams.ts";
import { BlockEntry } from "../encoding/block-entry.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { encodeDelta, type StateChange } from "../encoding/delta.ts";
import { toHex } from "../encoding/hex.ts";
import type { StateTree } from "../encoding/state-tree.ts";
import { EngineError } from "../errors.ts";
import type { StateEntry } from "../execution/ports.ts";
import { PortableStateTree } from "../execution/state-tree.ts";
import { isAddon, loadAddon } from "../native/addon.ts";
import { NativeStateTree } from "../native/state-tree.ts";
import { JournalReader } from "../storage/journal-reader.ts";
import { LmdbSnapshot } from "../storage/lmdb-snapshot.ts";

const ROWS_PER_STEP = 65_536;
const TREE_NAME = "maintenance";

type CheckRun = Pick<MaintenanceRun, "signal" | "onProgress">;

/** @throws EngineError ROOT_MISMATCH. */
export async function checkEmbedded(dataDir: string, run: CheckRun): Promise<Record<string, unknown>> {
  const state = LmdbSnapshot.open(join(dataDir, "state"));
  const journal = JournalReader.open(join(dataDir, "journal"));
  try {
    const seq = state.appliedSeq();
    if (seq < 0) return { height: -1 };
    journal.advance(seq);
    const { height, stateRoot } = new BlockEntry(journal.read(seq)!);

    const rows = state.range(new Uint8Array(0), Uint8Array.of(255));
    const root = await rootOf(rows, state.rowCount(), "checking the embedded state", run);
    requireRoot("the embedded state", height, root, stateRoot);
    return { height, stateRoot: toHex(stateRoot) };
  } finally {
    journal.close();
    await state.close();
  }
}

export function requireRoot(what: string, height: number, actual: Uint8Array, expected: Uint8Array): void {
  if (equalBytes(actual, expected)) return;
  throw new EngineError(
    "ROOT_MISMATCH",
    `${what} at height ${height} hashes to ${toHex(actual)}, the block says ${toHex(expected)}`,
    { height, expected: toHex(expected), actual: toHex(actual) },
  );
}

export async function rootOf(
  rows: Iterable<StateEntry> | AsyncIterable<StateEntry>,
  total: number,
  phase: string,
  { onProgress, signal }: CheckRun,
): Promise<Uint8Array> {
  const addon = loadAddon();
  if (isAddon(addon)) NativeStateTree.release(addon, TREE_NAME);
  const tree: StateTree = isAddon(addon) ? NativeStateTree.attach(addon, TREE_NAME) : new PortableStateTree();
  let changes: StateChange[] = [];
  let done = 0;
  const flush = async (): Promise<void> => {
    tree.apply(encodeDelta(changes), "forward");
    done += changes.length;
    changes = [];
    onProgress({ phase, done, total: Math.max(total, done) });
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  };
  try {
    for await (const { key, value } of rows) {
      changes.push({ key, newValue: value, oldValue: undefined });
      if (changes.length === ROWS_PER_STEP) await flush();
    }
    await flush();
    return tree.root();
  } finally {
    if (isAddon(addon)) NativeStateTree.release(addon, TREE_NAME);
  }
}
