/** What the log has, and what one that begins after a snapshot can't answer: it has no blocks from before it. */
import { EngineError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import type { LogEntries } from "../rpc/services.ts";
import type { ChainIndex } from "../storage/chain-index.ts";

/** @throws EngineError PRUNED when the log begins above `height`. */
export function requireKept(chain: ChainIndex, height: number): void {
  const { lowestHeight } = chain;
  if (height < 0 || height >= lowestHeight) return;
  throw new EngineError("PRUNED", `this log begins with block ${lowestHeight}: it has no block ${height}`, {
    height,
    lowestHeight,
  });
}

/** A fraction of what a frame may be, in base64 too. */
const ENTRIES_BYTES = 4 * 1024 * 1024;

/** At least one entry where there is one, unless `bytesMax` is 0. @throws EngineError PRUNED. */
export function logEntriesFrom(log: BlockLog, fromSeq: number, bytesMax = ENTRIES_BYTES): LogEntries {
  const { firstSeq, durableSeq: lastSeq } = log;
  const entries: Uint8Array[] = [];
  if (bytesMax === 0) return { firstSeq, lastSeq, entries };
  if (fromSeq < firstSeq)
    throw new EngineError("PRUNED", `this log begins with entry ${firstSeq}: it has no entry ${fromSeq}`, { firstSeq });
  let bytes = 0;
  for (let seq = fromSeq; seq <= lastSeq; seq++) {
    const entry = log.read(seq)!;
    bytes += entry.length;
    if (entries.length > 0 && bytes > Math.min(bytesMax, ENTRIES_BYTES)) break;
    entries.push(entry);
  }
  return { firstSeq, lastSeq, entries };
}
