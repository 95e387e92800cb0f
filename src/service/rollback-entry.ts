import { BlockEntry, ENTRY_HEADER_BYTES, ENTRY_VERSION, EntryKind } from "../encoding/block-entry.ts";
import { writeU64 } from "../encoding/bytes.ts";

/** An entry that says: the chain goes back to `target`. */
export function rollbackEntry(target: BlockEntry, seq: number): BlockEntry {
  const bytes = new Uint8Array(ENTRY_HEADER_BYTES);
  bytes.set(target.bytes.subarray(0, ENTRY_HEADER_BYTES));
  bytes[0] = EntryKind.rollback;
  bytes[1] = ENTRY_VERSION;
  bytes.fill(0, 4, 8);
  writeU64(bytes, 8, seq);
  bytes.fill(0, 40, 56);
  return new BlockEntry(bytes);
}
