/**
 * DirectorySource: what a data directory holds, whether a daemon runs on it or not.
 *   in use     ─▶ nothing is touched: journal and LMDB are read beside the daemon, up to what the journal itself names durable
 *   not in use ─▶ locked, and brought up to the journal's end, as a start would
 * Always
 *  - Everything that was acknowledged before `open` is in it: an idle journal names its end durable within a tenth of a
 *    second (Journal), a busy one with its next write.
 *  - The rows are those of one commit of LMDB, kept open until they were read: LMDB can't reuse pages that long, so its file may
 *    grow by what a busy daemon writes meanwhile.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { BlockEntry } from "../../encoding/block-entry.ts";
import { EngineError, StorageError } from "../../errors.ts";
import { BlobFiles } from "../blobs/blob-files.ts";
import type { ChainIndex } from "../chain-index.ts";
import { DataDir } from "../data-dir.ts";
import { openDataPaths } from "../data-paths.ts";
import { readEnvelope } from "../encryption/envelope.ts";
import { keysOf } from "../encryption/unlocked.ts";
import { systemFiles } from "../files.ts";
import { Follower } from "../follower.ts";
import { Journal } from "../journal.ts";
import { JournalReader } from "../journal-reader.ts";
import { planRecovery, type RecoveryPlan } from "../journal-recovery.ts";
import { LmdbSnapshot } from "../lmdb-snapshot.ts";
import { LmdbState } from "../lmdb-state.ts";
import {
  type CopyRun,
  inParts,
  PART_BYTES,
  type SealedStore,
  type StoreHead,
  type StorePart,
  type StoreSource,
} from "./store-source.ts";

/** A busy follower flushes once a second, or takes as long as its store does. */
const WAIT_MAX_MS = 30_000;
const POLL_MS = 120;
const LOWEST_KEY = new Uint8Array(0);
const ABOVE_KEYS = Uint8Array.of(255);

export class DirectorySource implements StoreSource {
  readonly name: string;
  readonly head: StoreHead;
  readonly firstSeq: number;
  readonly chain: ChainIndex;
  readonly rowCount: number;
  readonly sealed: SealedStore | undefined;
  /** Whether a daemon was running on it. */
  readonly isLive: boolean;
  readonly #directory: string;
  readonly #reader: JournalReader;
  readonly #snapshot: LmdbSnapshot;
  readonly #lock: DataDir | undefined;

  /**
   * @param isStateCurrent the rows are to be those of the newest block, not of one some seconds before it: an export has no log.
   * @throws EngineError BLOCK_NOT_FOUND when there is no chain, JOURNAL_DAMAGED.
   * @throws StorageError when a running daemon's journal, or where it is wanted its state store, does not come up in half a minute.
   */
  static async open(dataDir: string, isStateCurrent = false): Promise<DirectorySource> {
    const directory = resolve(dataDir);
    if (!existsSync(join(directory, "FORMAT")) || !existsSync(join(directory, "journal")))
      throw new EngineError("BLOCK_NOT_FOUND", `${directory} is no data directory with a chain in it`, { directory });
    const lock = lockOf(directory);
    try {
      if (lock !== undefined) await catchUp(directory);
      return await DirectorySource.#opened(directory, lock, isStateCurrent);
    } catch (problem) {
      lock?.close();
      throw problem;
    }
  }

  static async #opened(
    directory: string,
    lock: DataDir | undefined,
    isStateCurrent: boolean,
  ): Promise<DirectorySource> {
    const paths = openDataPaths(directory);
    const snapshot = LmdbSnapshot.open(paths.state);
    const reader = JournalReader.open(paths.journal);
    try {
      const wanted = planOf(paths.journal, snapshot).lastSeq;
      const giveUpAtMs = performance.now() + WAIT_MAX_MS;
      for (;;) {
        if (wanted < 0) throw new EngineError("BLOCK_NOT_FOUND", `${directory} has no block yet`, { directory });
        // In this order: what LMDB has applied is durable, and named so by the time the journal has been looked at.
        const applied = snapshot.refresh();
        const lastSeq = durableSeqOf(planOf(paths.journal, snapshot), lock !== undefined);
        if (lastSeq >= Math.max(wanted, applied) && (applied >= wanted || !isStateCurrent))
          return new DirectorySource(directory, lock, { reader, snapshot, lastSeq });
        if (performance.now() > giveUpAtMs)
          throw new StorageError(
            `the state store in ${directory} has applied entry ${applied} and the journal names ${lastSeq} durable, where entry ${wanted} was acknowledged: is its daemon stuck?`,
            { retryable: true, applied, lastSeq, wanted },
          );
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    } catch (problem) {
      reader.close();
      await snapshot.close();
      throw problem;
    }
  }

  private constructor(
    directory: string,
    lock: DataDir | undefined,
    { reader, snapshot, lastSeq }: { reader: JournalReader; snapshot: LmdbSnapshot; lastSeq: number },
  ) {
    this.name = directory;
    const keys = keysOf(directory);
    this.sealed = keys === undefined ? undefined : { keys, envelope: readEnvelope(directory)! };
    this.isLive = lock === undefined;
    this.#directory = directory;
    this.#lock = lock;
    this.#reader = reader;
    this.#snapshot = snapshot;
    this.chain = snapshot.chain();
    this.rowCount = snapshot.rowCount();
    reader.advance(lastSeq);
    this.firstSeq = Math.max(reader.segments()[0]!.firstSeq, this.chain.lowestSeq);
    const { chainId, seq, height, blockHash, stateRoot } = this.#entry(lastSeq);
    this.head = { chainId, seq, height, blockHash, stateRoot };
  }

  /** The block that the rows are the state of. */
  stateBlock(): BlockEntry {
    return this.#entry(this.chain.headSeq);
  }

  *rows(): Generator<StorePart & { kind: "rows" }> {
    for (const rows of inParts(this.#snapshot.range(LOWEST_KEY, ABOVE_KEYS))) yield { kind: "rows", rows };
    this.#snapshot.release();
  }

  async *parts(): AsyncGenerator<StorePart> {
    yield* this.rows();
    for (let seq = this.firstSeq; seq <= this.head.seq; ) {
      if (this.isLive && this.#reader.segments()[0]!.firstSeq > seq)
        throw new StorageError(`entry ${seq} was pruned by the daemon while it was to be copied: start again`, {
          retryable: true,
          seq,
        });
      const entries = this.#reader.entries(seq, PART_BYTES);
      if (entries.length === 0) throw new StorageError(`entry ${seq} of the log is gone`, { retryable: true, seq });
      yield { kind: "entries", entries };
      seq += entries.length;
    }
    yield* this.#blobs();
  }

  /** Read last: whatever a block names was durable before the block was. */
  async *#blobs(): AsyncGenerator<StorePart> {
    const directory = join(this.#directory, "blobs");
    if (!existsSync(join(directory, "blobs.mdb"))) return;
    const blobs = BlobFiles.open(directory, { bytesMax: 0 });
    try {
      for (const rows of inParts(blobs.rows())) yield { kind: "blobs", rows };
    } finally {
      await blobs.close();
    }
  }

  async close(): Promise<void> {
    this.#reader.close();
    await this.#snapshot.close();
    this.#lock?.close();
  }

  #entry(seq: number): BlockEntry {
    const bytes = this.#reader.read(seq);
    if (bytes === undefined)
      throw new StorageError(`entry ${seq} of the log in ${this.#directory} is gone`, { retryable: true, seq });
    return BlockEntry.parse(bytes);
  }
}

/** Undefined: a daemon has it. */
function lockOf(directory: string): DataDir | undefined {
  try {
    return DataDir.open(directory);
  } catch (problem) {
    if (problem instanceof EngineError && problem.code === "DATA_DIR_LOCKED") return undefined;
    throw problem;
  }
}

/** What the next start would do: cuts an unfinished write, and applies what the state store lacks. */
export async function catchUp(directory: string): Promise<void> {
  const paths = openDataPaths(directory);
  const state = LmdbState.open(paths.state);
  try {
    const requiredFromSeq = Math.max(0, state.chain().lowestSeq);
    const requiredToSeq = state.appliedSeq();
    const { journal } = Journal.open({ directory: paths.journal, requiredFromSeq, requiredToSeq });
    const { durableSeq } = journal;
    await journal.close();
    await followTo(durableSeq, JournalReader.open(paths.journal), state);
  } finally {
    await state.close();
  }
}

/** Applies to a state store what it lacks of the log. Closes the reader. */
export async function followTo(
  durableSeq: number,
  source: JournalReader,
  state: LmdbState,
  run?: CopyRun,
): Promise<void> {
  try {
    const follower = new Follower({}, { source, target: state, nowMs: () => performance.now() });
    const total = durableSeq - follower.appliedSeq;
    source.advance(durableSeq);
    while (follower.bufferedSeq < durableSeq) {
      follower.read(durableSeq);
      if (follower.dueMs <= performance.now()) follower.flush();
      run?.onProgress({ phase: "applying", done: total - (durableSeq - follower.bufferedSeq), total });
      await new Promise((resolve) => setImmediate(resolve));
      run?.signal.throwIfAborted();
    }
    follower.flush();
  } finally {
    source.close();
  }
}

function planOf(journal: string, snapshot: LmdbSnapshot): RecoveryPlan {
  const requiredFromSeq = Math.max(0, snapshot.chain().lowestSeq);
  return planRecovery(systemFiles, journal, { requiredFromSeq, requiredToSeq: -1, verifyFromSeq: Infinity });
}

/** What is durable for sure beside a daemon that writes; all that is intact where none does. */
function durableSeqOf({ open, lastSeq }: RecoveryPlan, isAlone: boolean): number {
  if (isAlone || open === undefined) return lastSeq;
  const { table, header, namedOffset } = open;
  // The named offset is where a frame ends: what starts below it ends there at the latest.
  let count = table.length;
  while (count > 0 && table.start(count - 1) >= namedOffset) count--;
  return header.firstSeq + count - 1;
}
