/**
 * The second half of recovery: brings the directory into the state that a RecoveryPlan found, durably.
 * Any prefix of its work leaves a directory from which the same plan follows again.
 */
import { join } from "node:path";
import type { Files } from "./files.ts";
import { segmentName } from "./journal-format.ts";
import type { RecoveredOpenSegment, RecoveredSegment, RecoveryPlan } from "./journal-recovery.ts";
import { offsetsName } from "./offset-table.ts";
import { runNow, type Steps, step } from "./operation.ts";
import { createSegment, type OpenSegment, TEMPORARY_SUFFIX } from "./segment-writer.ts";

/** @param isEncrypted how a first segment is made. */
export function applyRecovery(files: Files, directory: string, plan: RecoveryPlan, isEncrypted: boolean): OpenSegment {
  return runNow(repair(files, directory, plan, isEncrypted));
}

function* repair(files: Files, directory: string, plan: RecoveryPlan, isEncrypted: boolean): Steps<OpenSegment> {
  // The process that made the last segment may have ended before its name was durable; a table must not outlive that name.
  yield files.syncDirectory(directory);
  for (const name of plan.leftovers) yield files.remove(join(directory, name));
  for (const segment of plan.withoutTable) yield* writeOffsetTable(files, directory, segment);
  if (plan.open === undefined) {
    return yield* createSegment(files, directory, {
      firstSeq: plan.lastSeq + 1,
      previousBytes: 0,
      entryBytesBefore: 0,
      isEncrypted,
    });
  }
  return yield* repairOpen(files, directory, plan.open);
}

/** Cuts the torn tail, and makes durable what no frame names as durable, marks included: a successor states the length. */
function* repairOpen(files: Files, directory: string, segment: RecoveredOpenSegment): Steps<OpenSegment> {
  const file = yield* step(files.open(join(directory, segmentName(segment.header.firstSeq)), "write"));
  const { end } = segment.table;
  const isUnproven = segment.namedOffset < end;
  try {
    if (segment.fileBytes > end) yield file.truncate(end);
    if (isUnproven) {
      // After a failed fdatasync the kernel may hold these pages as clean though the disk never got them: a sync alone
      // would then succeed and mean nothing. Writing them again makes it mean something.
      const tail = Buffer.allocUnsafeSlow(end - segment.namedOffset);
      file.read(tail, segment.namedOffset);
      yield file.write([tail], segment.namedOffset);
    }
    if (isUnproven || segment.fileBytes > end) yield file.sync();
  } catch (thrown) {
    file.close();
    throw thrown;
  }
  return { ...segment, file };
}

/** Writes the table beside a sealed segment. It is checked when it is read and can be rebuilt, so it needs no sync. */
export function* writeOffsetTable(
  files: Files,
  directory: string,
  segment: Pick<RecoveredSegment, "header" | "table">,
): Steps<void> {
  const path = join(directory, offsetsName(segment.header.firstSeq));
  const file = yield* step(files.open(path + TEMPORARY_SUFFIX, "create"));
  try {
    yield file.write([segment.table.encode(segment.header)], 0);
  } finally {
    file.close();
  }
  yield files.rename(path + TEMPORARY_SUFFIX, path);
}
