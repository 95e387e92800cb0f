/**
 * Journal: the block log on local disk. Segmented, checksummed, made durable by fdatasync in groups: every append that
 * arrives while a sync runs goes out with the next one.
 *   append ──▶ AppendQueue ──▶ SegmentWriter: one writev, one fdatasync ──▶ resolved, readable
 * Bytes    journal-format.ts. Recovery: journal-recovery.ts. Reading from another thread: JournalReader.
 * Always
 *  - `durableSeq` moves only after an fdatasync that covers the entry has returned. Only a copy (journal-options.ts) can have
 *    entries above it: up to `lastSeq`, for whoever may read what power loss would take.
 *  - After a failed write or sync nothing is appended any more; only a full disk, cut back in time, is retryable.
 *  - A directory has one Journal at a time: the data directory's lock sees to it.
 */
import { join } from "node:path";
import { ENTRY_HEADER_BYTES } from "../encoding/block-entry.ts";
import { EngineError, StorageError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import { checkEntries } from "./append-check.ts";
import { AppendQueue } from "./append-queue.ts";
import type { SegmentInfo } from "./entry-source.ts";
import { segmentCipher, segmentName } from "./journal-format.ts";
import { completeOptions, type JournalOptions, type JournalRecovery } from "./journal-options.ts";
import { planRecovery, type RecoveryPlan } from "./journal-recovery.ts";
import { applyRecovery, writeOffsetTable } from "./journal-repair.ts";
import { offsetsName } from "./offset-table.ts";
import { runLater, runNow, type Steps } from "./operation.ts";
import type { SegmentReader } from "./segment-reader.ts";
import { SegmentSet } from "./segment-set.ts";
import { SegmentWriter } from "./segment-writer.ts";

/** A group takes no further append past this: writing 16 MiB already takes as long as tens of small groups. */
const GROUP_BYTES_MAX = 16 * 1024 * 1024;
/** How long the last group stays unmarked on an idle journal: until then damage to it can't be told from a torn write. */
const MARK_DELAY_MS = 100;
/** How long a copy gathers before it syncs: what follows it gathers as long. */
const COPY_SYNC_MS = 20;
/** What a copy writes on the calling thread: a millisecond's worth. */
const COPY_BLOCKING_BYTES_MAX = 1024 * 1024;

export class Journal implements BlockLog {
  readonly #options: Required<JournalOptions>;
  readonly #segments: SegmentSet;
  readonly #writer: SegmentWriter;
  readonly #queue: AppendQueue;
  #durableSeq: number;
  #lastSeq: number;
  /** Seq of the next entry to be handed in. */
  #nextSeq: number;
  #markTimer: NodeJS.Timeout | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  /** A copy's sync that is under way. */
  #syncing: Promise<void> | undefined;
  #failure: StorageError | undefined;
  #isClosed = false;

  private constructor(options: Required<JournalOptions>, segments: SegmentSet, writer: SegmentWriter, lastSeq: number) {
    this.#options = options;
    this.#segments = segments;
    this.#writer = writer;
    this.#queue = new AppendQueue(Math.min(GROUP_BYTES_MAX, options.segmentBytes), async (entries, appends) => {
      try {
        await (options.copy === undefined
          ? runLater(this.#writeGroup(entries, appends))
          : this.#writeCopy(entries, appends));
      } catch (thrown) {
        throw this.#failed(thrown);
      }
    });
    this.#durableSeq = lastSeq;
    this.#lastSeq = lastSeq;
    this.#nextSeq = lastSeq + 1;
  }

  /**
   * Opens the journal in `directory`, which is made when it is missing, and recovers what a crash left.
   * @throws EngineError JOURNAL_DAMAGED or FORMAT_UNSUPPORTED; the directory is then as it was.
   * @throws StorageError when the directory can't be read or written.
   */
  static open(options: JournalOptions): { journal: Journal; recovery: JournalRecovery } {
    const complete = completeOptions(options);
    const { files, directory, segmentBytes, keys } = complete;
    try {
      files.makeDirectory(directory);
      const plan = planRecovery(files, directory, complete);
      if (plan.open !== undefined)
        segmentCipher(keys, plan.open.header, join(directory, segmentName(plan.open.header.firstSeq)));
      const open = applyRecovery(files, directory, plan, keys !== undefined);
      const firstSeqs = plan.open === undefined ? [open.header.firstSeq] : plan.firstSeqs;
      const segments = new SegmentSet(files, directory, firstSeqs, keys);
      const writer = new SegmentWriter(files, directory, segmentBytes, open, keys);
      const journal = new Journal(complete, segments, writer, plan.lastSeq);
      journal.#mark();
      return { journal, recovery: reportOf(directory, plan) };
    } catch (thrown) {
      if (thrown instanceof EngineError) throw thrown;
      const facts = { retryable: false, directory };
      throw new StorageError(`cannot open the journal in ${directory}: ${String(thrown)}`, facts, { cause: thrown });
    }
  }

  get durableSeq(): number {
    return this.#durableSeq;
  }

  get localSeq(): number {
    return this.#durableSeq;
  }

  /** Of the last entry that can be read. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  get byteLength(): number {
    return this.#writer.entryBytes;
  }

  /** Seq of the oldest entry that can be read. */
  get firstSeq(): number {
    return this.#segments.firstSeq ?? this.#writer.firstSeq;
  }

  /** Whether no append is in flight, so that `appendSync` may be called. */
  get isIdle(): boolean {
    return this.#queue.isIdle;
  }

  async append(entries: readonly Uint8Array[]): Promise<void> {
    const bytes = this.#accept(entries);
    if (entries.length > 0) await this.#queue.push(entries, bytes);
  }

  /**
   * `append`, but blocking: the least latency, where nothing else waits for this thread.
   * @throws StorageError as `append`; also, `retryable: true`, while an append is in flight.
   */
  appendSync(entries: readonly Uint8Array[]): void {
    if (!this.isIdle) throw new StorageError("appendSync while an append is in flight", { retryable: true });
    this.#accept(entries);
    if (entries.length === 0) return;
    try {
      runNow(this.#writeGroup(entries, 1));
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /** @throws EngineError JOURNAL_DAMAGED, naming file and offset, when the entry's bytes are not what was written. */
  read(seq: number): Uint8Array | undefined {
    return this.#readerOf(seq)?.read(seq);
  }

  readHeader(seq: number): Uint8Array | undefined {
    return this.#readerOf(seq)?.readStart(seq, ENTRY_HEADER_BYTES);
  }

  /** Who reads a durable entry; undefined when there is no such entry. */
  #readerOf(seq: number): SegmentReader | undefined {
    if (this.#isClosed || !Number.isSafeInteger(seq) || seq < this.firstSeq || seq > this.#lastSeq) return undefined;
    if (seq >= this.#writer.firstSeq) return this.#writer.reader;
    const firstSeq = this.#segments.firstSeqFor(seq);
    return firstSeq === undefined ? undefined : this.#segments.reader(firstSeq);
  }

  /** The segments, oldest first. */
  segments(): SegmentInfo[] {
    return this.#segments.describe(this.#lastSeq);
  }

  /**
   * Removes the sealed segments whose entries are all below `seq`, oldest first and each durably before the next, so that
   * no crash leaves a gap. Answers each as it is gone. Opening then needs `requiredFromSeq`.
   * @param keep makes what is removed durable elsewhere first.
   * @throws the system's error; what was removed before it stays removed.
   */
  async *dropSegmentsBefore(seq: number, keep?: (path: string) => Promise<void>): AsyncGenerator<SegmentInfo> {
    const { files, directory } = this.#options;
    for (const segment of this.segments()) {
      const { path, firstSeq, lastSeq, sealed } = segment;
      if (this.#isClosed || !sealed || lastSeq >= seq) return;
      await keep?.(path);
      await files.remove(path).later();
      this.#segments.removeFirst();
      await files.syncDirectory(directory).later();
      const table = offsetsName(firstSeq);
      if (files.list(directory).includes(table)) await files.remove(join(directory, table)).later();
      yield segment;
    }
  }

  /** Waits for what is in flight, and marks the end, so that damage to any entry is told from a torn write. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#queue.settled();
    clearTimeout(this.#markTimer);
    clearTimeout(this.#syncTimer);
    await this.#syncing;
    if (this.#durableSeq < this.#lastSeq && this.#failure === undefined) await this.#syncCopy();
    this.#mark();
    try {
      if (this.#failure === undefined) await runLater(this.#writer.sync());
    } catch {
      // Every acknowledged entry is durable already; the mark is advice.
    }
    this.#writer.close();
    this.#segments.close();
  }

  /** Checks `entries` and takes their seqs; answers their bytes. */
  #accept(entries: readonly Uint8Array[]): number {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isClosed) throw new StorageError("the journal is closed", { retryable: true });
    const bytes = checkEntries(entries, this.#nextSeq);
    this.#nextSeq += entries.length;
    return bytes;
  }

  *#writeGroup(entries: readonly Uint8Array[], appends: number): Steps<void> {
    const startedSegment = this.#writer.isFullFor(entries);
    if (startedSegment) yield* this.#startSegment();
    const written = yield* this.#writer.writeGroup(entries);
    this.#lastSeq += entries.length;
    this.#durableSeq = this.#lastSeq;
    this.#markSoon();
    this.#options.onGroup({ appends, entries: entries.length, ...written, startedSegment });
  }

  /** A small write without a sync takes as long as copying its bytes: less than two changes of thread. */
  async #writeCopy(entries: readonly Uint8Array[], appends: number): Promise<void> {
    const startedSegment = this.#writer.isFullFor(entries);
    if (startedSegment) {
      await this.#syncing;
      await runLater(this.#startSegment());
      this.#synced(this.#lastSeq);
    }
    const bytes = entries.reduce((sum, { length }) => sum + length, 0);
    const steps = this.#writer.writeGroup(entries, false);
    const written = bytes > COPY_BLOCKING_BYTES_MAX ? await runLater(steps) : runNow(steps);
    this.#lastSeq += entries.length;
    this.#markSoon();
    this.#syncSoon();
    this.#options.onGroup({ appends, entries: entries.length, ...written, startedSegment });
  }

  #syncSoon(): void {
    if (this.#isClosed) return;
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined;
      if (this.#durableSeq === this.#lastSeq || this.#failure !== undefined) return;
      // A segment is being started, which syncs the one before.
      if (!this.isIdle || this.#syncing !== undefined) this.#syncSoon();
      else
        this.#syncing = this.#syncCopy().finally(() => {
          this.#syncing = undefined;
          if (this.#durableSeq < this.#lastSeq) this.#syncSoon();
        });
    }, COPY_SYNC_MS);
  }

  /** Never rejects. */
  async #syncCopy(): Promise<void> {
    const seq = this.#lastSeq;
    try {
      await runLater(this.#writer.sync());
      this.#synced(seq);
    } catch (thrown) {
      this.#options.copy!.onFailed(this.#failed(thrown));
    }
  }

  #synced(seq: number): void {
    if (seq <= this.#durableSeq) return;
    this.#durableSeq = seq;
    this.#options.copy!.onSynced();
  }

  *#startSegment(): Steps<void> {
    const sealed = yield* this.#writer.startSegment();
    this.#segments.add(this.#writer.firstSeq);
    this.#segments.adopt(sealed);
    try {
      yield* writeOffsetTable(this.#options.files, this.#options.directory, sealed);
    } catch {
      // Derived: the next open rebuilds it.
    }
  }

  /** What appends are told; ends the journal unless nothing was written. */
  #failed(thrown: unknown): StorageError {
    this.#nextSeq = this.#lastSeq + 1;
    if (thrown instanceof StorageError && thrown.retryable) return thrown;
    const facts = { retryable: false, directory: this.#options.directory };
    const problem = `the journal in ${facts.directory} failed and takes no more appends: ${String(thrown)}`;
    this.#failure = new StorageError(problem, facts, { cause: thrown });
    return this.#failure;
  }

  #markSoon(): void {
    this.#markTimer ??= setTimeout(() => {
      this.#markTimer = undefined;
      if (this.isIdle && !this.#isClosed) this.#mark();
    }, MARK_DELAY_MS).unref();
  }

  #mark(): void {
    if (this.#failure !== undefined) return;
    try {
      runNow(this.#writer.writeMark());
    } catch {
      // A mark is advice, and what a failed one left is overwritten by the next group, or cut.
    }
  }
}

function reportOf(directory: string, { firstSeqs, lastSeq, open, scannedBytes }: RecoveryPlan): JournalRecovery {
  const firstSeq = firstSeqs[0] ?? lastSeq + 1;
  const report = { firstSeq, entries: lastSeq + 1 - firstSeq, cutBytes: 0, cutAt: undefined, scannedBytes };
  if (open === undefined || open.fileBytes === open.table.end) return report;
  const file = join(directory, segmentName(open.header.firstSeq));
  return { ...report, cutBytes: open.fileBytes - open.table.end, cutAt: { file, offset: open.table.end } };
}
