/**
 * The thread that hashes the state store, row by row, and compares with the root of the block that it is as of.
 *   workerData ──▶ this thread ──▶ { seq } or { error }, once
 * One commit of LMDB is held meanwhile, and 150 bytes a row; both go with the thread.
 */
import { parentPort, workerData } from "node:worker_threads";
import { BlockEntry } from "../encoding/block-entry.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { toHex } from "../encoding/hex.ts";
import { EngineError, toEngineError } from "../errors.ts";
import { errorRecord } from "../execution/error-record.ts";
import { PortableStateTree } from "../execution/state-tree.ts";
import { isAddon, loadAddon } from "../native/addon.ts";
import { NativeStateTree } from "../native/state-tree.ts";
import { stateRootOf } from "../storage/copies/state-root.ts";
import { JournalReader } from "../storage/journal-reader.ts";
import { LmdbSnapshot } from "../storage/lmdb-snapshot.ts";

export interface CheckWorkerData {
  readonly journalDirectory: string;
  readonly stateDirectory: string;
}

const TREE_NAME = "check";
const NEVER = new AbortController().signal;

async function check({ journalDirectory, stateDirectory }: CheckWorkerData): Promise<number> {
  const state = LmdbSnapshot.open(stateDirectory);
  const journal = JournalReader.open(journalDirectory);
  const addon = loadAddon();
  // A thread that was ended may have left one.
  if (isAddon(addon)) NativeStateTree.release(addon, TREE_NAME);
  try {
    const seq = state.appliedSeq();
    journal.advance(seq);
    const { height, stateRoot } = new BlockEntry(journal.read(seq)!);
    const tree = isAddon(addon) ? NativeStateTree.attach(addon, TREE_NAME) : new PortableStateTree();
    const root = await stateRootOf(state, tree, { signal: NEVER, onProgress: () => undefined });
    if (equalBytes(root, stateRoot)) return seq;
    throw new EngineError(
      "ROOT_MISMATCH",
      `the state store at height ${height} hashes to ${toHex(root)}, the block says ${toHex(stateRoot)}`,
      { height, expected: toHex(stateRoot), actual: toHex(root) },
    );
  } finally {
    if (isAddon(addon)) NativeStateTree.release(addon, TREE_NAME);
    journal.close();
    await state.close();
  }
}

check(workerData as CheckWorkerData).then(
  (seq) => parentPort!.postMessage({ seq }),
  (problem) => parentPort!.postMessage({ error: errorRecord(toEngineError(problem)) }),
);
