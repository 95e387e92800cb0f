/**
 * The blocks that a rollback takes back, found in the log itself by reading back from it:
 *   seq     4 5 6 7 8 9        entry 7 rolled back to height 4, entry 9 rolls back to height 3
 *   height  3 4 5 ↩4 5 ↩3      so entry 9 takes back 8 (height 5) and 5 (height 4); 6 was taken back before
 */
import { BlockEntry } from "../encoding/block-entry.ts";
import { StorageError } from "../errors.ts";
import type { EntrySource } from "./entry-source.ts";

/** Newest first. @throws StorageError when the log no longer has one of them. */
export function undoneBlocks(source: Pick<EntrySource, "read">, rollback: BlockEntry): BlockEntry[] {
  const undone: BlockEntry[] = [];
  // What is above it was taken back already by a rollback that was passed on the way.
  let canonicalHeight = Number.POSITIVE_INFINITY;
  for (let seq = rollback.seq - 1; seq >= 0; seq--) {
    const bytes = source.read(seq);
    if (bytes === undefined)
      throw new StorageError(
        `entry ${seq}, which the rollback at ${rollback.seq} takes back, is no longer in the log`,
        {
          retryable: false,
          seq,
        },
      );
    const entry = BlockEntry.parse(bytes);
    if (entry.isRollback) {
      canonicalHeight = Math.min(canonicalHeight, entry.height);
      continue;
    }
    if (entry.height > canonicalHeight) continue;
    if (entry.height <= rollback.height) break;
    undone.push(entry);
    canonicalHeight = entry.height - 1;
  }
  return undone;
}
