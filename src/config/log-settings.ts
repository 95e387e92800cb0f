/** Settings of the log: its files, and how much of it is kept for what. */
import { GIB, history, MIB, named, number, SAFE_MAX } from "./setting.ts";

export const LOG_SETTINGS = {
  "journal.segment_bytes": number(
    "bytes",
    256 * MIB,
    { minimum: MIB, maximum: 4 * GIB },
    "A journal file is closed and the next begun at this size.",
  ),
  "journal.backlog_max_bytes": number(
    "bytes",
    GIB,
    { minimum: MIB, maximum: SAFE_MAX },
    "Journal that the state store may lag behind before writers get BUSY.",
  ),
  "journal.archive": named(
    "path",
    "off",
    'Directory for the segments that retention.history lets go; "off": they are deleted.',
  ),

  "retention.undo_blocks": number(
    "wholeNumber",
    128,
    { minimum: 128, maximum: SAFE_MAX },
    "Blocks that can be rolled back, proved and asked about with `at`.",
  ),
  "retention.undo_ms": number(
    "wholeNumber",
    600_000,
    { minimum: 600_000, maximum: SAFE_MAX },
    "Age up to which blocks stay in that window.",
  ),
  "retention.undo_max_bytes": number(
    "bytes",
    GIB,
    { minimum: MIB, maximum: SAFE_MAX },
    "Bound on what the window keeps; the oldest blocks leave it first.",
  ),
  "retention.history": history(
    "everything",
    'What is kept of blocks, receipts and logs: "everything", "100000 blocks", or "30 days" before the newest block.',
  ),
} as const;
