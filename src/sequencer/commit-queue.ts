/**
 * CommitQueue: executed entries on their way into the log, and what may be told once they are there.
 *   executed entry ── push ──▶ log.append (group commit) ──▶ onDurable, then every release up to that seq, in order
 * Always
 *  - Entries are appended in seq order; a release for seq n runs when entry n is durable, never before.
 *  - When an append fails, every release is failed, and `onFailed` gets the entries that the log does not have.
 *  - Who waits longer than `waitMaxMs` is told that it is overdue; what became of it is still told when it is known.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { type EngineError, StorageError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import { outcomeUnknown } from "./unknown-outcome.ts";

/** About 180 transfers. */
const BLOCKING_BYTES_MAX = 64 * 1024;
/** A sync that took longer says that the disk is slow now: the next ones are left to the thread pool. */
const BLOCKING_MS_MAX = 5;
const NON_BLOCKING_AFTER_SLOW = 50;

export interface CommitQueueOptions {
  log: BlockLog;
  /** Each entry once, in order, when it is durable; before anyone is answered. */
  onDurable(entry: BlockEntry): void;
  /** @param dropped newest first. Nothing may be pushed until `resume`. */
  onFailed(error: StorageError, dropped: readonly BlockEntry[]): void;
  /** Left out: an append takes as long as it takes. */
  waitMaxMs?: number | undefined;
  /** Somebody has waited longer than that. */
  onOverdue?: (() => void) | undefined;
}

/** Someone who waits for an entry to be durable. */
export interface Release {
  readonly seq: number;
  release(): void;
  fail(error: EngineError): void;
  /** It has waited for as long as it may. One of the others follows when the outcome is known. */
  overdue?(error: EngineError): void;
}

interface Waiting {
  readonly release: Release;
  readonly sinceMs: number;
}

export class CommitQueue {
  readonly #options: CommitQueueOptions;
  #durableSeq: number;
  #releases: Waiting[] = [];
  /** Of these, so many from the oldest on were told that they are overdue. */
  #overdue = 0;
  #watch: NodeJS.Timeout | undefined;
  #pending: BlockEntry[] = [];
  #pendingBytes = 0;
  #failure: StorageError | undefined;
  #drained: (() => void)[] = [];
  /** Entries that are still not to be waited for. */
  #nonBlocking = 0;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
    this.#durableSeq = options.log.durableSeq;
  }

  get durableSeq(): number {
    return this.#durableSeq;
  }
  /** Bytes of entries executed but not yet durable. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }
  /** Executed but not yet durable, newest first. */
  get pending(): readonly BlockEntry[] {
    return this.#pending.toReversed();
  }
  /** Somebody has waited longer than anybody may. */
  get isOverdue(): boolean {
    return this.#overdue > 0;
  }
  get failure(): StorageError | undefined {
    return this.#failure;
  }

  push(entry: BlockEntry): void {
    this.#pending.push(entry);
    this.#pendingBytes += entry.bytes.length;
    if (this.#mayBlock(entry)) this.#appendSync(entry);
    else {
      this.#options.log.append([entry.bytes]).then(
        () => this.#durable(),
        (problem: unknown) => this.#fail(problem),
      );
    }
  }

  /**
   * Whether this thread may wait for the disk itself. A small entry with nothing before it is then durable about 0.1 ms
   * sooner, which is how long two changes of thread take; a slow disk, or a large entry, would keep others waiting.
   */
  #mayBlock(entry: BlockEntry): boolean {
    const { log } = this.#options;
    if (this.#pending.length > 1 || entry.bytes.length > BLOCKING_BYTES_MAX || log.appendSync === undefined)
      return false;
    if (log.isIdle !== true) return false;
    if (this.#nonBlocking > 0) this.#nonBlocking--;
    return this.#nonBlocking === 0;
  }

  #appendSync(entry: BlockEntry): void {
    const startedAt = performance.now();
    try {
      this.#options.log.appendSync!([entry.bytes]);
    } catch (problem) {
      this.#fail(problem);
      return;
    }
    if (performance.now() - startedAt > BLOCKING_MS_MAX) this.#nonBlocking = NON_BLOCKING_AFTER_SLOW;
    this.#durable();
  }

  /** Runs `release` when entry `seq` is durable: at once if it is. */
  whenDurable(release: Release): void {
    if (release.seq <= this.#durableSeq) release.release();
    else if (this.#failure !== undefined) release.fail(this.#failure);
    else {
      this.#releases.push({ release, sinceMs: performance.now() });
      this.#watchOldest();
    }
  }

  /** One timer, for whoever waits longest. */
  #watchOldest(): void {
    const { waitMaxMs } = this.#options;
    const oldest = this.#releases[this.#overdue];
    if (waitMaxMs === undefined || oldest === undefined || this.#watch !== undefined) return;
    const inMs = Math.max(1, oldest.sinceMs + waitMaxMs - performance.now());
    this.#watch = setTimeout(() => {
      this.#watch = undefined;
      this.#tellOverdue(performance.now() - waitMaxMs);
      this.#watchOldest();
    }, inMs).unref();
  }

  #tellOverdue(sinceMs: number): void {
    const first = this.#overdue;
    while (this.#overdue < this.#releases.length && this.#releases[this.#overdue]!.sinceMs <= sinceMs) this.#overdue++;
    if (this.#overdue === first) return;
    this.#options.onOverdue?.();
    const error = outcomeUnknown(this.#options.waitMaxMs!, this.#pending[0]!);
    for (const { release } of this.#releases.slice(first, this.#overdue)) release.overdue?.(error);
  }

  /** Resolves when nothing is on its way any more, durable or failed. */
  drained(): Promise<void> {
    if (this.#pending.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** The next entry of the log came from elsewhere. Nothing may be pending. */
  followed(entry: BlockEntry): void {
    this.#durableSeq = entry.seq;
    this.#options.onDurable(entry);
  }

  /** After a failure that left the log as it was. */
  resume(): void {
    this.#failure = undefined;
  }

  #durable(): void {
    const entry = this.#pending.shift()!;
    this.#pendingBytes -= entry.bytes.length;
    this.#durableSeq = entry.seq;
    this.#options.onDurable(entry);
    let ready = 0;
    while (ready < this.#releases.length && this.#releases[ready]!.release.seq <= entry.seq) ready++;
    this.#overdue = Math.max(0, this.#overdue - ready);
    for (const { release } of this.#releases.splice(0, ready)) release.release();
    if (this.#pending.length === 0) this.#tellDrained();
  }

  #fail(problem: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = problem instanceof StorageError ? problem : new StorageError(String(problem), { retryable: false });
    const releases = this.#releases.splice(0);
    this.#overdue = 0;
    const dropped = this.#pending.splice(0).reverse();
    this.#pendingBytes = 0;
    this.#options.onFailed(this.#failure, dropped);
    for (const { release } of releases) release.fail(this.#failure);
    this.#tellDrained();
  }

  #tellDrained(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
