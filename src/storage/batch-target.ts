/**
 * BatchTarget: a state store as its follower writes it: the coalesced changes of many entries, and where the chain then
 * ends, in one atomic step.
 */
import { StorageError } from "../errors.ts";
import type { AppliedEntry } from "../execution/ports.ts";
import type { ChainIndex } from "./chain-index.ts";
import { ChangeTable } from "./change-table.ts";

export interface BatchTarget {
  appliedSeq(): number;
  /** The chain as of the applied seq. The caller may change what it gets. */
  chain(): ChainIndex;
  /**
   * Writes every change together with `chain`, whose last seq becomes the applied seq. `changes` and `chain` are not kept.
   * @throws StorageError; nothing of it is then visible.
   */
  write(changes: ChangeTable, chain: ChainIndex): void;
}

/** StateStore.apply for any target: entries that are already applied are passed over, so that a batch may come twice. */
export function applyEntries(target: BatchTarget, batch: readonly AppliedEntry[]): void {
  const chain = target.chain();
  const changes = new ChangeTable();
  for (const { entry, undone } of batch) {
    if (entry.seq <= chain.lastSeq) continue;
    if (entry.isRollback) requireUndone(chain, entry.height, undone);
    chain.add(entry);
    for (const block of undone) changes.applyDelta(block.delta, "backward");
    if (!entry.isRollback) changes.applyDelta(entry.delta, "forward");
  }
  if (chain.lastSeq > target.appliedSeq()) target.write(changes, chain);
}

/** A rollback must bring exactly the canonical blocks above its height, newest first: anything else is another state. */
function requireUndone(chain: ChainIndex, height: number, undone: AppliedEntry["undone"]): void {
  const expected = Math.max(0, chain.headHeight - height);
  const matches = undone.every((block, i) => block.seq === chain.seqOfHeight(chain.headHeight - i));
  if (undone.length === expected && matches) return;
  throw new StorageError(`a rollback to height ${height} came without the ${expected} blocks that it takes back`, {
    retryable: false,
    height,
    expected,
    received: undone.length,
  });
}
