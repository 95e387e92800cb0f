/**
 * Prunes the journal of a data directory that no daemon uses:
 *   state brought up to the journal's end ─▶ hashed, equal to the newest block's root ─▶ LMDB notes, durably, with what the log
 *   begins ─▶ segments go, oldest first
 * Always
 *  - Nothing goes before the state store has, checked and durably, what it says. What a kill leaves opens, and the next run goes on.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { MaintenanceRun, PruneRun } from "../cli/seams.ts";
import type { Config } from "../config/config.ts";
import { BlockEntry } from "../encoding/block-entry.ts";
import { JobCursor } from "../engines/privacy/jobs/job-cursor.ts";
import { IdIndex } from "../sequencer/id-index.ts";
import { RetainedWindow } from "../sequencer/retained-window.ts";
import { readTail } from "../service/read-tail.ts";
import { BlobFiles } from "../storage/blobs/blob-files.ts";
import type { ChainIndex } from "../storage/chain-index.ts";
import { catchUp } from "../storage/copies/directory-source.ts";
import { openDataPaths } from "../storage/data-paths.ts";
import { Follower } from "../storage/follower.ts";
import { Journal } from "../storage/journal.ts";
import { JournalReader } from "../storage/journal-reader.ts";
import { LmdbState } from "../storage/lmdb-state.ts";
import { tablesPosition } from "../storage/postgres-inspection.ts";
import { followerNeed, historyNeed, type LogNeed, type PrunePlan, planPrune } from "../storage/prune-plan.ts";
import { archiveSegment } from "../storage/segment-archive.ts";
import { checkEmbedded } from "./state-check.ts";

/** Answers what went, or would, and with what the log begins. @throws EngineError ROOT_MISMATCH, StorageError. */
export async function pruneEmbedded(
  config: Config,
  { kept, dryRun }: Pick<PruneRun, "kept" | "dryRun">,
  run: MaintenanceRun,
): Promise<Record<string, unknown>> {
  const { dataDir } = config;
  await catchUp(dataDir);
  const paths = openDataPaths(dataDir);
  const state = LmdbState.open(paths.state);
  const chain = state.chain();
  const { journal } = Journal.open({ directory: paths.journal, requiredFromSeq: Math.max(0, chain.lowestSeq) });
  const source = JournalReader.open(paths.journal);
  try {
    if (chain.headHeight < 0) return { segments: 0, bytes: 0 };
    const needs = await needsOf(config, journal, chain);
    needs.push(historyNeed(chain, kept, (height) => headerAt(journal, chain, height).timestampMs));
    const plan = planPrune(chain, journal.segments(), needs);
    const sizes = plan.segments.map(({ path }) => statSync(path).size);
    const report = factsOf(chain, plan, sizes, config.journal.archive);
    if (dryRun || plan.segments.length === 0) return dryRun ? { dryRun, ...report } : report;
    Object.assign(report, await checkEmbedded(dataDir, run));
    source.advance(journal.durableSeq);
    const follower = new Follower({}, { source, target: state, nowMs: () => performance.now() });
    follower.beginAt(plan.lowestSeq);
    await drop(journal, plan, config.journal.archive, run);
    return report;
  } finally {
    source.close();
    await journal.close();
    await state.close();
  }
}

async function drop(
  journal: Journal,
  { segments }: PrunePlan,
  archive: string | undefined,
  { onProgress, signal }: MaintenanceRun,
): Promise<void> {
  const keep = archive === undefined ? undefined : (path: string) => archiveSegment(path, archive);
  let done = 0;
  for await (const _ of journal.dropSegmentsBefore(segments.at(-1)!.lastSeq + 1, keep)) {
    onProgress({ phase: "pruning", done: ++done, total: segments.length });
    signal.throwIfAborted();
  }
}

function factsOf(chain: ChainIndex, plan: PrunePlan, sizes: readonly number[], archive: string | undefined) {
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return {
    segments: sizes.length,
    bytes,
    ...(archive === undefined ? {} : { archive }),
    lowestHeightBefore: chain.lowestHeight,
    lowestHeight: plan.lowestHeight,
    keptFor: plan.keptFor,
  };
}

/** What the next daemon on this directory, and whoever follows it, reads of the log. */
async function needsOf(
  { dataDir, retention, storage }: Config,
  journal: Journal,
  chain: ChainIndex,
): Promise<LogNeed[]> {
  const ids = new IdIndex();
  const retained = new RetainedWindow(retention);
  readTail({ log: journal, chain, retained, ids, retention });
  const needs: LogNeed[] = [
    { seq: chain.seqOfHeight(retained.lowestHeight!)!, of: "the rollback window (retention.undo_*)" },
  ];
  if (ids.oldestKeptSeq !== undefined) needs.push({ seq: ids.oldestKeptSeq, of: "ids of transactions" });
  const orderedSeq = await firstOrderedSeq(dataDir, journal);
  if (orderedSeq !== undefined) needs.push({ seq: orderedSeq, of: "privacy jobs that may not be over" });
  if (storage.kind === "postgres" && storage.postgres.tables)
    needs.push(followerNeed(chain, await tablesPosition(storage.postgres), "the tables in PostgreSQL"));
  return needs;
}

/** The first entry behind the cursor of privacy jobs that may have ordered some. */
async function firstOrderedSeq(dataDir: string, journal: Journal): Promise<number | undefined> {
  const directory = join(dataDir, "blobs");
  if (!existsSync(join(directory, "blobs.mdb"))) return undefined;
  const blobs = BlobFiles.open(directory, { bytesMax: 0 });
  try {
    for (let seq = Math.max(journal.firstSeq, new JobCursor(blobs).seq + 1); seq <= journal.durableSeq; seq++)
      if (new BlockEntry(journal.readHeader(seq)!).hasHandles) return seq;
    return undefined;
  } finally {
    await blobs.close();
  }
}

function headerAt(journal: Journal, chain: ChainIndex, height: number): BlockEntry {
  return new BlockEntry(journal.readHeader(chain.seqOfHeight(height)!)!);
}
