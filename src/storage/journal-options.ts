/**
 * What a journal is opened with, and what it tells about its groups and its recovery.
 */
import { EngineError, type StorageError } from "../errors.ts";
import type { DataKeys } from "./encryption/data-keys.ts";
import { keysOf } from "./encryption/unlocked.ts";
import { type Files, systemFiles } from "./files.ts";
import { FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES } from "./journal-format.ts";
import type { RecoveryOptions } from "./journal-recovery.ts";

/** 3 s of log at the highest rate measured, and few enough files for months of it. Nothing measured depends on it. */
const SEGMENT_BYTES_DEFAULT = 256 * 1024 * 1024;
/** Offsets in a segment are 32 bits, and one append of APPEND_BYTES_MAX may stand in a segment of its own. */
const SEGMENT_BYTES_MAX = 1024 * 1024 * 1024;
const SEGMENT_BYTES_MIN = SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES;

export interface JournalOptions extends Partial<RecoveryOptions> {
  directory: string;
  files?: Files;
  /** A segment is closed when the next group would make it longer than this. */
  segmentBytes?: number;
  /** Hears of each group once its appends resolve. Must not throw. */
  onGroup?: (stats: GroupStats) => void;
  /**
   * Set for a copy of a log that is durable elsewhere. An append then resolves when its entries are written and can be read;
   * `durableSeq` follows within COPY_SYNC_MS. What power loss takes, the log still has.
   */
  copy?: CopyEvents | undefined;
  /** Left out: those of the data directory that `directory` stands in. */
  keys?: DataKeys | undefined;
}

export interface CopyEvents {
  /** `durableSeq` has moved. Must not throw. */
  onSynced(): void;
  /** The copy failed at making durable what it had taken: it takes no more. */
  onFailed(problem: StorageError): void;
}

export interface GroupStats {
  appends: number;
  entries: number;
  /** Bytes written, with frames. */
  bytes: number;
  writeMs: number;
  /** 0 in a copy. */
  syncMs: number;
  startedSegment: boolean;
}

export interface JournalRecovery {
  /** Seq of the oldest entry that can be read. */
  firstSeq: number;
  /** Entries that can be read. */
  entries: number;
  /** Bytes of a torn tail that were cut; 0 when there was none. */
  cutBytes: number;
  /** Where it was cut, when it was. */
  cutAt: { file: string; offset: number } | undefined;
  scannedBytes: number;
}

/** @throws EngineError CONFIGURATION_ERROR. */
export function completeOptions(options: JournalOptions): Required<JournalOptions> {
  const complete = {
    files: systemFiles,
    segmentBytes: SEGMENT_BYTES_DEFAULT,
    onGroup: () => {},
    requiredFromSeq: 0,
    requiredToSeq: -1,
    verifyFromSeq: 0,
    copy: undefined,
    ...options,
    keys: options.keys ?? keysOf(options.directory),
  };
  const { segmentBytes } = complete;
  if (!Number.isSafeInteger(segmentBytes) || segmentBytes < SEGMENT_BYTES_MIN || segmentBytes > SEGMENT_BYTES_MAX) {
    const problem = `segmentBytes is ${segmentBytes}, must be from ${SEGMENT_BYTES_MIN} to ${SEGMENT_BYTES_MAX}`;
    throw new EngineError("CONFIGURATION_ERROR", problem, { segmentBytes });
  }
  return complete;
}
