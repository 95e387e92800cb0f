/**
 * CommitQueue: executed entries on their way into the log, and what may be told once they are there.
 *   executed entry ── push ──▶ log.append (group commit) ──▶ onDurable, then every release up to that seq, in order
 * Always
 *  - Entries are appended in seq order; a release for seq n runs when entry n is durable, never before.
 *  - When an append fails, every release is failed, and `onFailed` gets the entries that the log does not have.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { type EngineError, StorageError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";

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
}

/** Someone who waits for an entry to be durable. */
export interface Release {
  readonly seq: number;
  release(): void;
  fail(error: EngineError): void;
}

export class CommitQueue {
  readonly #options: CommitQueueOptions;
  #durableSeq: number;
  #releases: Release[] = [];
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
    else this.#releases.push(release);
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
    while (ready < this.#releases.length && this.#releases[ready]!.seq <= entry.seq) ready++;
    for (const release of this.#releases.splice(0, ready)) release.release();
    if (this.#pending.length === 0) this.#tellDrained();
  }

  #fail(problem: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = problem instanceof StorageError ? problem : new StorageError(String(problem), { retryable: false });
    const releases = this.#releases.splice(0);
    const dropped = this.#pending.splice(0).reverse();
    this.#pendingBytes = 0;
    this.#options.onFailed(this.#failure, dropped);
    for (const release of releases) release.fail(this.#failure);
    this.#tellDrained();
  }

  #tellDrained(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
