/** What an entry of the log orders: the results of circuits that its block's state, or a receipt, speaks of from there on. */
import type { BlockEntry } from "../../../encoding/block-entry.ts";
import { readDelta } from "../../../encoding/delta.ts";
import { HANDLE_BYTES, type Handle, Origin } from "../../../encoding/encrypted-handle.ts";
import { handleKey, StateTag } from "../../../encoding/state-key.ts";
import { decodeHandleRecord, type HandleRecord, isExpired, UNHELD_BLOCKS_MAX } from "../handle-record.ts";
import type { ReadLeaf } from "./job-sources.ts";

/** In the order of their handles: a result may come before what it is computed from. */
export function* orderedResults(entry: BlockEntry): Generator<{ handle: Handle; record: HandleRecord }> {
  for (const { key, newValue, oldValue } of readDelta(entry.delta)) {
    if (key[0] !== StateTag.handle || key.length !== 1 + HANDLE_BYTES) continue;
    if (newValue === undefined || oldValue !== undefined || key[HANDLE_BYTES] !== Origin.computed) continue;
    const handle = key.slice(1);
    yield { handle, record: decodeHandleRecord(handle, newValue) };
  }
}

/** Whether the result of a block at `atHeight` may be gone, since no state has held it for too long at `height`, the newest. */
export async function wasLetGo(
  handle: Handle,
  { atHeight, height }: { atHeight: number; height: number },
  leaf: ReadLeaf,
): Promise<boolean> {
  if (height <= atHeight + UNHELD_BLOCKS_MAX) return false;
  const bytes = await leaf(handleKey(handle));
  return bytes === undefined || isExpired(decodeHandleRecord(handle, bytes), height);
}
