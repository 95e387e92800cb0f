/**
 * EntrySource: the log as everything that follows it sees it, in whole segments of consecutive entries. JournalReader is
 * one; tests have one in memory.
 * Always
 *  - Nothing above the seq last given to `advance` is answered: a follower never sees what is not durable.
 *  - A sealed segment never changes. Segments are consecutive, oldest first; older ones may have been dropped.
 */
export interface EntrySource {
  /** Makes entries up to `durableSeq` readable. */
  advance(durableSeq: number): void;
  /** The encoded entry, or undefined when it is not readable: not yet, or no longer. */
  read(seq: number): Uint8Array | undefined;
  /**
   * Consecutive encoded entries from `fromSeq` on: at least one if there is one, then as many as fit in `bytesMax`.
   * @param room of the caller's: entries that fit in it may stand there, and are good until it is used again.
   */
  entries(fromSeq: number, bytesMax: number, room?: Uint8Array): Uint8Array[];
  segments(): readonly SegmentInfo[];
}

export interface SegmentInfo {
  readonly path: string;
  readonly firstSeq: number;
  /** The last readable entry of the segment; below `firstSeq` while it has none. */
  readonly lastSeq: number;
  readonly sealed: boolean;
}

/**
 * The segments that are readable to their end and will never change. A sealed segment may be readable only in part, when
 * its last entries are not yet known durable: then no later segment is readable either.
 */
export function completeSegments(source: EntrySource): SegmentInfo[] {
  const segments = source.segments();
  return segments.filter((segment, i) => segment.sealed && segments[i + 1] !== undefined);
}
