/**
 * The follower's thread: reads the journal behind the daemon and keeps the state store and the segments' indexes up to it.
 *   main ── { durableSeq }, { stop } ──▶ this thread ── { appliedSeq, backlog…, flushMs }, { error } ──▶ main
 * Analytics follow here too, and answer questions about what they count.
 * Always
 *  - It tells where the store is when it starts, and after every write.
 *  - On { stop } it applies all that it was told of, closes the store and ends with code 0.
 *  - A full disk is waited for, and said so: the log has everything, and the daemon goes on until its backlog is full.
 *  - After any other error it says so and ends with code 1: nothing follows the log any more, so the daemon must not go on.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { BlockEntry } from "../encoding/block-entry.ts";
import { forEachLaps } from "../encoding/laps.ts";
import { StorageError, toEngineError } from "../errors.ts";
import { isAddon, loadAddon } from "../native/addon.ts";
import { nativeCoalescer } from "../native/change-table.ts";
import { nativeExecutionCounter } from "../native/execution-counter.ts";
import type { AnalyticsFollower, AnalyticsQuestion } from "../service/analytics-follower.ts";
import { isFull } from "../storage/files.ts";
import { Follower } from "../storage/follower.ts";
import type {
  FollowerFailure,
  FollowerReport,
  FollowerRequest,
  FollowerWorkerData,
} from "../storage/follower-protocol.ts";
import { JournalReader } from "../storage/journal-reader.ts";
import { LmdbState } from "../storage/lmdb-state.ts";
import { SegmentIndexer } from "../storage/segment-indexer.ts";

const nowMs = () => performance.now();
const loaded = loadAddon();
const addon = isAddon(loaded) ? loaded : undefined;

/**
 * How long entries that became durable may wait to be read: rows reach the store once a second, and each turn costs a
 * directory listing, a read and a message whether it brings one block or fifty.
 */
const GATHER_MS = 20;
/** How often a full disk is tried again. */
const FULL_RETRY_MS = 1_000;

/** Turns of reading, writing and indexing, so that messages are seen between them. */
class FollowerThread {
  readonly #post: (report: FollowerReport) => void;
  readonly #source: JournalReader;
  readonly #state: LmdbState;
  readonly #indexer: SegmentIndexer;
  readonly #follower: Follower;
  #durableSeq: number;
  #isStopping = false;
  /** With what the log is to begin. */
  #beginSeq = 0;
  #analytics: AnalyticsFollower | undefined;
  #questions: { durableSeq: number; id: number; question: unknown }[] = [];
  /** Whether a segment may want an index: at the start, and after each write. */
  #mayIndex = true;
  #cancel: () => void = () => {};
  /** Why nothing can be written just now: the disk is full. Nothing more is read meanwhile, so that memory stays bounded. */
  #problem: string | undefined;
  /** When the next turn is, on the clock of `nowMs`. */
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(data: FollowerWorkerData, post: (report: FollowerReport) => void) {
    this.#post = post;
    this.#source = JournalReader.open(data.journalDirectory);
    this.#state = LmdbState.open(data.stateDirectory);
    this.#indexer = new SegmentIndexer(data.indexDirectory, this.#source);
    const coalescer = addon === undefined ? undefined : nativeCoalescer(addon);
    const modules = { source: this.#source, target: this.#state, nowMs, coalescer };
    this.#follower = new Follower(data, { ...modules, onEntry: (entry) => this.#onEntry(entry) });
    this.#durableSeq = this.#follower.appliedSeq;
    this.#source.advance(this.#durableSeq);
    this.#report(0);
  }

  #onEntry(entry: BlockEntry): void {
    this.#indexer.add(entry);
    this.#analytics?.offer(entry);
  }

  /** Analytics come when the store is open: no start waits for them. */
  async openAnalytics(path: string): Promise<void> {
    const { AnalyticsFollower } = await import("../service/analytics-follower.ts");
    const counter = addon === undefined ? undefined : nativeExecutionCounter(addon);
    this.#analytics = new AnalyticsFollower(path, this.#source, nowMs, counter);
    const firstSeq = this.#source.segments()[0]?.firstSeq ?? 0;
    this.#analytics.checkAgainst({ firstSeq, lastSeq: this.#follower.bufferedSeq });
    this.#report(0);
  }

  receive(request: FollowerRequest): void {
    if ("stop" in request) this.#isStopping = true;
    else if ("beginSeq" in request) this.#beginSeq = request.beginSeq;
    else if ("question" in request) this.#questions.push(request);
    else {
      this.#durableSeq = Math.max(this.#durableSeq, request.durableSeq);
      forEachLaps(request.times, (seq, laps) => this.#analytics?.timed(seq, laps));
    }
    const isUrgent = this.#isStopping || (this.#questions.length > 0 && this.#problem === undefined);
    const delayMs = isUrgent ? 0 : this.#problem === undefined ? GATHER_MS : FULL_RETRY_MS;
    if (nowMs() + delayMs < this.#dueMs) this.schedule(delayMs);
  }

  /** Runs turn after turn, the next in `delayMs`, until it must end. */
  schedule(delayMs: number): void {
    this.#cancel();
    this.#dueMs = nowMs() + delayMs;
    if (delayMs === Number.POSITIVE_INFINITY) return;
    const run = () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      try {
        const next = this.#turnOrWait();
        if (next === undefined) this.#end().catch(fail);
        else this.schedule(next);
      } catch (problem) {
        fail(problem);
      }
    };
    if (delayMs === 0) {
      const immediate = setImmediate(run);
      this.#cancel = () => clearImmediate(immediate);
    } else {
      const timer = setTimeout(run, delayMs);
      this.#cancel = () => clearTimeout(timer);
    }
  }

  /** A full disk is waited for: the log has it all. A daemon that stops meanwhile follows again when it starts. */
  #turnOrWait(): number | undefined {
    try {
      const next = this.#turn();
      if (this.#problem !== undefined) {
        this.#problem = undefined;
        this.#report(0);
      }
      return next;
    } catch (problem) {
      if (!isFull(problem) && !(problem instanceof StorageError && problem.retryable)) throw problem;
      this.#problem = toEngineError(problem).message;
      this.#report(0);
      if (this.#isStopping) return undefined;
      this.#answer();
      return FULL_RETRY_MS;
    }
  }

  /** One turn. Answers how long the next may wait, in ms; undefined when it was the last. */
  #turn(): number | undefined {
    const follower = this.#follower;
    if (this.#beginSeq > 0) {
      follower.beginAt(this.#beginSeq);
      this.#beginSeq = 0;
      this.#report(0);
      this.#mayIndex = true;
    }
    if (this.#problem === undefined) follower.read(this.#durableSeq);
    const isCaughtUp = follower.bufferedSeq >= this.#durableSeq;
    const isLast = this.#isStopping && isCaughtUp;
    if (follower.dueMs <= nowMs() || (isLast && follower.bufferedSeq > follower.appliedSeq)) {
      this.#report(follower.flush().flushMs);
      this.#mayIndex = true;
    }
    if (isLast) return undefined;
    const isCounted = this.#analytics?.read(this.#source, follower.bufferedSeq) ?? true;
    if (!isCaughtUp || !isCounted) return 0;
    this.#answer();
    if (this.#analytics?.save() === true) this.#report(0);
    const saveDueMs = this.#analytics?.saveDueMs ?? Number.POSITIVE_INFINITY;
    if (!this.#mayIndex) return Math.max(0, Math.min(follower.dueMs, saveDueMs) - nowMs());
    this.#mayIndex = this.#indexer.advance();
    return 0;
  }

  #answer(): void {
    const analytics = this.#analytics;
    if (analytics === undefined) return;
    // A question may be about entries that this thread has yet to be told of.
    const isLater = ({ durableSeq }: { durableSeq: number }) => durableSeq > this.#follower.bufferedSeq;
    const questions = this.#questions;
    this.#questions = questions.filter(isLater);
    for (const asked of questions)
      if (!isLater(asked)) this.#post({ id: asked.id, answer: analytics.answer(asked.question as AnalyticsQuestion) });
  }

  async #end(): Promise<void> {
    try {
      this.#analytics?.save(true);
    } catch (problem) {
      // Counted again from the log.
      if (!isFull(problem)) throw problem;
    }
    this.#source.close();
    await this.#state.close();
    parentPort?.close();
  }

  #report(flushMs: number): void {
    const { entries, bytes } = this.#follower.backlog(this.#durableSeq);
    const { appliedSeq, lowestSeq } = this.#follower;
    const countedSeq = this.#analytics?.savedSeq;
    this.#post({
      appliedSeq,
      lowestSeq,
      countedSeq,
      backlogEntries: entries,
      backlogBytes: bytes,
      flushMs,
      problem: this.#problem,
    });
  }
}

/** Says what went wrong and ends the thread. */
function fail(problem: unknown): never {
  const { code, message, facts } = toEngineError(problem);
  const failure: FollowerFailure = { error: { code, message, facts } };
  parentPort?.postMessage(failure);
  process.exit(1);
}

try {
  const thread = new FollowerThread(workerData as FollowerWorkerData, (report) => parentPort?.postMessage(report));
  const { analyticsPath } = workerData as FollowerWorkerData;
  if (analyticsPath !== undefined) await thread.openAnalytics(analyticsPath);
  // Not before: the times of the first entries come with them, once, and are for analytics.
  parentPort?.on("message", (request: FollowerRequest) => thread.receive(request));
  thread.schedule(0);
} catch (problem) {
  fail(problem);
}
