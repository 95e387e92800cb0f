/**
 * What every log asks of the entries handed to it, checked before anything of them is written.
 */

import { ENTRY_BYTES_MAX, ENTRY_HEADER_BYTES } from "../encoding/block-entry.ts";
import { readU64 } from "../encoding/bytes.ts";
import { StorageError } from "../errors.ts";

const SEQ_AT = 8;
/** One append is written as a whole into one segment, whose offsets are 32 bits wide. */
export const APPEND_BYTES_MAX = 1024 * 1024 * 1024;

/**
 * Bytes of `entries`, which must carry the seqs from `nextSeq` on.
 * @throws StorageError `retryable: true`: nothing was written.
 */
export function checkEntries(entries: readonly Uint8Array[], nextSeq: number): number {
  let total = 0;
  for (const [index, entry] of entries.entries()) {
    const seq = nextSeq + index;
    if (entry.length < ENTRY_HEADER_BYTES || entry.length > ENTRY_BYTES_MAX) {
      const problem = `entry ${seq} has ${entry.length} bytes, outside ${ENTRY_HEADER_BYTES} to ${ENTRY_BYTES_MAX}`;
      throw new StorageError(problem, { retryable: true, seq, bytes: entry.length });
    }
    const received = readU64(entry, SEQ_AT);
    if (received !== seq) {
      throw new StorageError(`the log's next seq is ${seq}, the entry has ${received}`, {
        retryable: true,
        seq,
        received,
      });
    }
    total += entry.length;
  }
  if (total > APPEND_BYTES_MAX) {
    const problem = `one append has ${total} bytes, more than ${APPEND_BYTES_MAX}`;
    throw new StorageError(problem, { retryable: true, bytes: total });
  }
  return total;
}
