/**
 * Recovery: what a crash left of a journal, decided before anything is changed.
 *   planRecovery ── reads only; refuses ──▶ RecoveryPlan ── applyRecovery ──▶ the open segment, durable to its end
 *
 * A sealed segment must be whole: its successor was only made once it was durable, and states its length. In the last
 * segment, the frames up to the first that is not intact count. What follows is a torn write and is cut, unless an intact
 * frame on either side names a durable offset beyond: then acknowledged entries are damaged, and nothing is changed.
 * The last group before a crash has no frame after it, so damage to it can't be told from a torn write; `requiredToSeq`,
 * what a follower has applied, catches that, and marks keep it rare (SegmentWriter.writeMark).
 */
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import type { Files, OpenFile } from "./files.ts";
import { highestNamedOffset, scanFrames } from "./frame-scan.ts";
import {
  journalDamaged,
  payloadExtraBytes,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from "./journal-format.ts";
import { firstSeqOfOffsets, OffsetTable } from "./offset-table.ts";
import { readOffsetTable, readSegmentHeader } from "./segment-reader.ts";
import { listFirstSeqs } from "./segment-set.ts";
import { TEMPORARY_SUFFIX } from "./segment-writer.ts";

export interface RecoveryOptions {
  /** The log must begin at or before this seq: 0, or the seq after a snapshot. An empty log starts there. */
  requiredFromSeq: number;
  /** The log must reach this seq: what a follower has applied; -1 for none. */
  requiredToSeq: number;
  /**
   * Sealed segments whose entries are all below this seq are checked by header, length and offset table only: their
   * entries' checksums are checked when they are read.
   */
  verifyFromSeq: number;
}

export interface RecoveredSegment {
  header: SegmentHeader;
  table: OffsetTable;
  /** Bytes of the entries that were scanned; 0 for a segment that was not. */
  entryBytes: number;
}

export interface RecoveredOpenSegment extends RecoveredSegment {
  fileBytes: number;
  /** Offset of the byte after the last entry. */
  entriesEnd: number;
  /** Highest durable offset that a frame names. */
  namedOffset: number;
}

export interface RecoveryPlan {
  firstSeqs: number[];
  lastSeq: number;
  /** Undefined when the log is empty. */
  open: RecoveredOpenSegment | undefined;
  /** Sealed segments without an offset table that matches. */
  withoutTable: RecoveredSegment[];
  /** Names of files that a crash left over: they are no part of the log. */
  leftovers: string[];
  scannedBytes: number;
}

/**
 * @throws EngineError JOURNAL_DAMAGED naming file and offset, FORMAT_UNSUPPORTED naming the file; nothing was changed.
 */
export function planRecovery(files: Files, directory: string, options: RecoveryOptions): RecoveryPlan {
  const firstSeqs = listFirstSeqs(files, directory);
  const plan: RecoveryPlan = {
    firstSeqs,
    lastSeq: options.requiredFromSeq - 1,
    open: undefined,
    withoutTable: [],
    leftovers: findLeftovers(files, directory, firstSeqs),
    scannedBytes: 0,
  };
  requireStart(directory, firstSeqs[0], options);
  let previous: { bytes: number; nextSeq: number } | undefined;
  for (const [index, firstSeq] of firstSeqs.entries()) {
    if (previous !== undefined && firstSeq !== previous.nextSeq)
      throw missingSegment(directory, previous.nextSeq, firstSeq);
    const path = join(directory, segmentName(firstSeq));
    const file = files.open(path, "read").now();
    try {
      const header = readSegmentHeader(file, path, firstSeq);
      const isLast = index === firstSeqs.length - 1;
      const checked = isLast
        ? checkLast(path, file, header, plan)
        : checkSealed(files, directory, file, header, firstSeqs[index + 1]!, options, plan);
      if (previous !== undefined && header.previousBytes !== previous.bytes) {
        const problem = `the segment before has ${previous.bytes} bytes, this one was started after ${header.previousBytes}`;
        throw journalDamaged(path, 24, problem);
      }
      previous = { bytes: checked.table.end, nextSeq: firstSeq + checked.table.length };
      plan.lastSeq = previous.nextSeq - 1;
    } finally {
      file.close();
    }
  }
  requireEnd(directory, plan, options);
  return plan;
}

/** The last segment: everything up to its first frame that is not intact, which must be above all that is named durable. */
function checkLast(path: string, file: OpenFile, header: SegmentHeader, plan: RecoveryPlan): RecoveredSegment {
  const fileBytes = file.size();
  const scan = scanSegment(path, file, header, fileBytes);
  plan.scannedBytes += fileBytes;
  const { end } = scan.table;
  const beyond = end < fileBytes ? highestNamedOffset({ file, tag: header.tag, size: fileBytes }, end) : 0;
  const namedOffset = Math.max(scan.namedOffset, beyond);
  if (end < namedOffset) throw journalDamaged(path, end, `not intact, though known durable up to byte ${namedOffset}`);
  plan.open = { ...scan, header, fileBytes, namedOffset };
  return plan.open;
}

function checkSealed(
  files: Files,
  directory: string,
  file: OpenFile,
  header: SegmentHeader,
  nextFirstSeq: number,
  options: RecoveryOptions,
  plan: RecoveryPlan,
): RecoveredSegment {
  const path = join(directory, segmentName(header.firstSeq));
  const fileBytes = file.size();
  const stored = readOffsetTable(files, directory, header);
  const isWhole = stored?.end === fileBytes && header.firstSeq + stored.length === nextFirstSeq;
  if (isWhole && nextFirstSeq <= options.verifyFromSeq) return { header, table: stored, entryBytes: 0 };
  const scan = scanSegment(path, file, header, fileBytes);
  plan.scannedBytes += fileBytes;
  if (scan.table.end < fileBytes) throw journalDamaged(path, scan.table.end, "not intact, in a sealed segment");
  const segment = { header, table: scan.table, entryBytes: scan.entryBytes };
  if (!isWhole || !sameStarts(stored, scan.table)) plan.withoutTable.push(segment);
  return segment;
}

/** Every intact frame from the start on. One of a wrong seq is no torn write, so it is damage wherever it stands. */
function scanSegment(path: string, file: OpenFile, header: SegmentHeader, fileBytes: number) {
  const table = new OffsetTable();
  const extraBytes = payloadExtraBytes(header);
  let entryBytes = 0;
  let entriesEnd = SEGMENT_HEADER_BYTES;
  let namedOffset = SEGMENT_HEADER_BYTES;
  scanFrames({ file, tag: header.tag, size: fileBytes }, SEGMENT_HEADER_BYTES, (frame) => {
    const seq = header.firstSeq + table.length;
    if (frame.seq !== seq)
      throw journalDamaged(path, frame.start, `entry ${seq} is missing, ${frame.seq} is in its place`);
    if (frame.isEntry) {
      table.push(frame.start);
      entryBytes += frame.payloadBytes - extraBytes;
      entriesEnd = frame.end;
    }
    namedOffset = Math.max(namedOffset, frame.durableOffset);
    table.end = frame.end;
    return true;
  });
  return { table, entryBytes, entriesEnd, namedOffset };
}

function sameStarts(a: OffsetTable, b: OffsetTable): boolean {
  for (let i = 0; i < b.length; i++) if (a.start(i) !== b.start(i)) return false;
  return a.length === b.length;
}

/**
 * Temporary files, and tables of segments that were dropped.
 * A table is written once the segment after is durable: beside or behind the last segment it means that one is gone.
 */
function findLeftovers(files: Files, directory: string, firstSeqs: readonly number[]): string[] {
  const names = files.list(directory);
  const lastFirstSeq = firstSeqs.at(-1) ?? -1;
  const leftovers = names.filter((name) => name.endsWith(TEMPORARY_SUFFIX));
  for (const name of names) {
    const firstSeq = firstSeqOfOffsets(name);
    if (firstSeq === undefined) continue;
    if (firstSeq >= lastFirstSeq) {
      throw journalDamaged(join(directory, name), 0, "the segment after the one that this table belongs to is missing");
    }
    if (!firstSeqs.includes(firstSeq)) leftovers.push(name);
  }
  return leftovers;
}

function requireStart(directory: string, firstSeq: number | undefined, { requiredFromSeq }: RecoveryOptions): void {
  if (firstSeq !== undefined && firstSeq > requiredFromSeq) throw missingSegment(directory, requiredFromSeq, firstSeq);
}

function requireEnd(directory: string, { lastSeq, open }: RecoveryPlan, options: RecoveryOptions): void {
  const requiredToSeq = Math.max(options.requiredToSeq, options.requiredFromSeq - 1);
  if (lastSeq >= requiredToSeq) return;
  const file = open === undefined ? directory : join(directory, segmentName(open.header.firstSeq));
  throw journalDamaged(
    file,
    open?.table.end ?? 0,
    `the log ends at entry ${lastSeq}, ${requiredToSeq} was applied from it`,
  );
}

function missingSegment(directory: string, missingSeq: number, nextFirstSeq: number): EngineError {
  const file = join(directory, segmentName(nextFirstSeq));
  const problem = `entry ${missingSeq} is in no segment: the one before ${file} is missing or cut off`;
  return new EngineError("JOURNAL_DAMAGED", problem, { file, offset: 0, missingSeq, retryable: false });
}
