/**
 * What of a log may go: whole sealed segments, below everything that somebody still needs.
 *   retention.history, rollback window, ids, followers ─▶ needs ─▶ the lowest of them ─▶ segments that end below it
 * The log then begins with the first block behind them that stands: no rollback behind it takes back a block before it.
 */
import type { ChainIndex } from "./chain-index.ts";
import type { SegmentInfo } from "./entry-source.ts";

/** What of blocks, receipts and logs is kept: so many blocks, or those so much younger than the newest. */
export type HistoryKept = { readonly blocks: number } | { readonly ms: number };

/** Entries from `seq` on must stay. */
export interface LogNeed {
  readonly seq: number;
  /** Who needs them, for people. */
  readonly of: string;
}

export interface PrunePlan {
  /** What may go, oldest first. */
  readonly segments: readonly SegmentInfo[];
  /** What the log then begins with. */
  readonly lowestSeq: number;
  readonly lowestHeight: number;
  /** Who needs what comes next. */
  readonly keptFor: string;
}

/** @param needs at least one. @param segmentsMax of those that go. */
export function planPrune(
  chain: ChainIndex,
  segments: readonly SegmentInfo[],
  needs: readonly LogNeed[],
  segmentsMax = Number.POSITIVE_INFINITY,
): PrunePlan {
  const need = needs.reduce((lowest, other) => (other.seq < lowest.seq ? other : lowest));
  const needed = segments.findIndex(({ sealed, lastSeq }) => !sealed || lastSeq >= need.seq);
  const kept = Math.min(needed, segmentsMax);
  const after = chain.clone();
  after.beginAt(segments[kept]?.firstSeq ?? 0);
  return {
    segments: segments.slice(0, Math.max(0, kept)),
    lowestSeq: after.lowestSeq,
    lowestHeight: after.lowestHeight,
    keptFor: need.of,
  };
}

/** @param timestampMs of the block at a height that the log has. */
export function historyNeed(chain: ChainIndex, kept: HistoryKept, timestampMs: (height: number) => number): LogNeed {
  const { lowestHeight, headHeight } = chain;
  let low = lowestHeight;
  if ("blocks" in kept) low = Math.max(low, headHeight - kept.blocks + 1);
  else {
    // No block is older than the one before it.
    const oldestMs = timestampMs(headHeight) - kept.ms;
    for (let high = headHeight; low < high; ) {
      const middle = Math.floor((low + high) / 2);
      if (timestampMs(middle) < oldestMs) low = middle + 1;
      else high = middle;
    }
  }
  return { seq: chain.seqOfHeight(low)!, of: "retention.history" };
}

/** What somebody who has applied the log up to `seq` needs: what comes next, and what a rollback there takes back. */
export function followerNeed(chain: ChainIndex, seq: number, of: string): LogNeed {
  return { seq: chain.standingAt(seq) ?? 0, of };
}
