/** What the log has, and what one that begins above genesis can't answer: it has no blocks from before. */
import type { BlockLog } from "../execution/ports.ts";
import type { LogEntries } from "../rpc/services.ts";
import type { ChainIndex } from "../storage/chain-index.ts";
import { prunedError } from "../storage/pruned-error.ts";

/** @throws EngineError PRUNED when the log begins above `height`. */
export function requireKept(chain: ChainIndex, height: number): void {
  if (height < 0 || height >= chain.lowestHeight) return;
  throw prunedError(`block ${height} was asked for`, chain, { height });
}

/** A fraction of what a frame may be, in base64 too. */
const ENTRIES_BYTES = 4 * 1024 * 1024;

/** At least one entry where there is one, unless `bytesMax` is 0. @throws EngineError PRUNED. */
export function logEntriesFrom(
  log: BlockLog,
  chain: ChainIndex,
  fromSeq: number,
  bytesMax = ENTRIES_BYTES,
): LogEntries {
  const { durableSeq: lastSeq } = log;
  const firstSeq = Math.max(log.firstSeq, chain.lowestSeq);
  const entries: Uint8Array[] = [];
  if (bytesMax === 0) return { firstSeq, lastSeq, entries };
  if (fromSeq < firstSeq) throw prunedError(`entry ${fromSeq} was asked for`, chain, { firstSeq });
  let bytes = 0;
  for (let seq = fromSeq; seq <= lastSeq; seq++) {
    const entry = log.read(seq)!;
    bytes += entry.length;
    if (entries.length > 0 && bytes > Math.min(bytesMax, ENTRIES_BYTES)) break;
    entries.push(entry);
  }
  return { firstSeq, lastSeq, entries };
}
