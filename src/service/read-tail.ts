/** What the main thread remembers of the log, read from its end at the start: chain index, retained window, ids. */
import { BlockEntry } from "../encoding/block-entry.ts";
import type { BlockLog } from "../execution/ports.ts";
import { IDS_KEPT_MIN, IDS_KEPT_MS, type IdIndex } from "../sequencer/id-index.ts";
import type { RetainedWindow, RetentionOptions } from "../sequencer/retained-window.ts";
import type { ChainIndex } from "../storage/chain-index.ts";

export interface LogTail {
  log: BlockLog;
  /** Goes on from its last seq. */
  chain: ChainIndex;
  retained: RetainedWindow;
  ids: IdIndex;
  retention: RetentionOptions;
}

export function readTail({ log, chain, retained, ids, retention }: LogTail): void {
  for (let seq = chain.lastSeq + 1; seq <= log.durableSeq; seq++) chain.add(header(log, seq)!);
  const { undoBlocks, undoMs, undoMaxBytes } = retention;
  const newest = headerAt(log, chain, chain.headHeight);
  if (newest === undefined) return;
  const recent: BlockEntry[] = [];
  let transactions = 0;
  let bytes = 0;
  for (let { headHeight: height } = chain; height >= 0; height--) {
    const block = headerAt(log, chain, height);
    if (block === undefined) break;
    const age = newest.timestampMs - block.timestampMs;
    const inWindow = (recent.length <= undoBlocks || age <= undoMs) && bytes <= undoMaxBytes;
    if (!inWindow && age > IDS_KEPT_MS && transactions >= IDS_KEPT_MIN) break;
    recent.push(block);
    transactions += block.transactionCount;
    bytes += block.deltaBytes;
  }
  for (const block of recent.reverse()) {
    retained.add(block);
    ids.add(block.hasIds ? new BlockEntry(log.read(block.seq)!) : block);
  }
}

/** An entry of which only the header is there: a start reads a million transactions' worth of them. */
function header(log: BlockLog, seq: number): BlockEntry | undefined {
  const bytes = log.readHeader(seq);
  return bytes === undefined ? undefined : new BlockEntry(bytes);
}

function headerAt(log: BlockLog, chain: ChainIndex, height: number): BlockEntry | undefined {
  const seq = chain.seqOfHeight(height);
  return seq === undefined ? undefined : header(log, seq);
}
