/**
 * Where a stream stands, as text: entry, part, events of the part that were delivered, and the entry's hash.
 *   "1234.0.17.9f86d081884c7d65"   17 events of the block at seq 1234 were delivered
 *   "1234.end.9f86d081884c7d65"    all of them
 * The hash makes it a place in one history: a log that has another entry there refuses it.
 */
import type { BlockEntry } from "../../encoding/block-entry.ts";
import { toHex } from "../../encoding/hex.ts";
import { EngineError } from "../../errors.ts";
import type { EventLog } from "../services.ts";
import { invalid } from "../validate.ts";

/** The next event to deliver: `event` of `part` of entry `seq`. */
export interface StreamPosition {
  readonly seq: number;
  /** 0 for a block; of a rollback, which of the blocks that it took back. */
  readonly part: number;
  readonly event: number;
}

const HASH_BYTES = 8;
const CURSOR = /^(\d{1,15})\.(?:(end)|(\d{1,9})\.(\d{1,9}))\.([0-9a-f]{16})$/;
const EXPECTED = "a cursor of this daemon's streams";

/** What ends every cursor of an entry. */
export function cursorHash(entry: BlockEntry): string {
  return toHex(entry.blockHash.subarray(0, HASH_BYTES)).slice(2);
}

/** All events of an entry were delivered. */
export function endCursor(entry: BlockEntry): string {
  return `${entry.seq}.end.${cursorHash(entry)}`;
}

/** @throws EngineError VALIDATION_ERROR, CURSOR_AHEAD, CURSOR_FOREIGN or PRUNED. */
export function positionAfter(cursor: string, log: EventLog): StreamPosition {
  const [, seqText, end, part, event, hash] = CURSOR.exec(cursor) ?? [];
  if (seqText === undefined) throw invalid("since", EXPECTED, cursor);
  const seq = Number(seqText);
  if (seq > log.durableSeq)
    throw new EngineError(
      "CURSOR_AHEAD",
      `since: the cursor is at entry ${seq} of the log, which ends at ${log.durableSeq}`,
      { cursor, seq, durableSeq: log.durableSeq },
    );
  const entry = log.header(seq) ?? refusePruned(seq, log);
  if (cursorHash(entry) !== hash)
    throw new EngineError("CURSOR_FOREIGN", `since: entry ${seq} of this log is not the one that the cursor is from`, {
      cursor,
      seq,
    });
  return end === undefined ? { seq, part: Number(part), event: Number(event) } : { seq: seq + 1, part: 0, event: 0 };
}

/** Before the block that stands at a height, or that comes next. @throws EngineError BLOCK_NOT_FOUND or PRUNED. */
export function positionBefore(height: number, log: EventLog): StreamPosition {
  if (height < log.lowestHeight)
    throw new EngineError("PRUNED", `fromBlock: the log has no block ${height}: it begins with ${log.lowestHeight}`, {
      height,
      lowestHeight: log.lowestHeight,
    });
  if (height === log.headHeight + 1) return { seq: log.durableSeq + 1, part: 0, event: 0 };
  const seq = log.seqOfHeight(height);
  if (seq === undefined)
    throw new EngineError("BLOCK_NOT_FOUND", `fromBlock: there is no block at height ${height}`, { height });
  if (log.header(seq) === undefined) refusePruned(seq, log);
  return { seq, part: 0, event: 0 };
}

/** The log no longer has entry `seq`. */
export function refusePruned(seq: number, { lowestSeq, lowestHeight }: EventLog): never {
  throw new EngineError(
    "PRUNED",
    `entry ${seq} is no longer in the log, which begins with block ${lowestHeight} (entry ${lowestSeq})`,
    { seq, lowestSeq, lowestHeight },
  );
}
