/**
 * Pipeline: batches and queries through the executor and into the log, whatever happens to either.
 *
 *   batch ──▶ executor ──▶ CommitQueue ──▶ log ──▶ settled          (block N+1 executes while N is being written)
 *   query ──▶ executor ──▶ held until the state that answered is durable ──▶ answered
 *
 * Always
 *  - Nobody is told of a block that is not durable, unless they asked to wait for less.
 *  - An append that fails drops its block and all after it: each waiter fails, the executor takes them back.
 *  - While the log does not answer, who submitted is told so, and reads are answered from the last durable block.
 *  - An executor that is lost is started again from the head of the log; what it was doing runs again, without the
 *    transaction or query that it was at.
 */
import { BlockEntry } from "../encoding/block-entry.ts";
import { EngineError, type StorageError, toEngineError } from "../errors.ts";
import type { ExecutedBlock } from "../execution/block-executor.ts";
import { type Head, headOf, type StateMemory } from "../execution/executor.ts";
import type { Calls } from "../execution/query-runner.ts";
import type { Batch, Submission } from "./batch.ts";
import { CommitQueue, type Release } from "./commit-queue.ts";
import type { ExecutorFace, ExecutorHandle, ExecutorMethod, Past, QueryResults } from "./executor-handle.ts";
import type { PipelineOptions, RunningExecutor } from "./pipeline-options.ts";
import { readOverdue, releaseOf } from "./unknown-outcome.ts";
import { BatchWork, QueryWork, type Work } from "./work.ts";

type Job = { readonly work: Work; run(): Promise<void> };

/** Batches with the executor at a time: one runs, the others wait, so that it is never idle. */
const BATCHES_MAX = 3;
/** Executed but not durable; beyond it no batch is sent. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;
/** An executor lost this often in a row before work that waits, and at none of it, will not be started again. */
const RESTARTS_MAX = 8;

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #commits: CommitQueue;
  #executor: RunningExecutor | undefined;
  #jobs: Job[] = [];
  #head: Head;
  #recovery: Promise<void> | undefined;
  #dropped: BlockEntry[] = [];
  #exclusive: Promise<void> | undefined;
  #restarts = 0;
  #closed = false;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#head = options.head;
    this.#commits = new CommitQueue({
      log: options.log,
      onDurable: (entry) => {
        this.#head = headOf(entry);
        options.onDurable(entry);
      },
      onFailed: (error, dropped) => this.#logFailed(error, dropped),
      waitMaxMs: options.commitWaitMaxMs,
      onOverdue: options.onOverdue,
    });
  }

  async start(): Promise<void> {
    this.#executor = await this.#options.startExecutor(this.#head, (problem) => this.#lost(problem));
    this.#executedSeq = this.#head.seq;
  }

  get isRunning(): boolean {
    return this.#executor !== undefined;
  }

  /** The last durable block. */
  get head(): Head {
    return this.#head;
  }
  get hasRoom(): boolean {
    return (
      this.#executor !== undefined &&
      this.#recovery === undefined &&
      this.#exclusive === undefined &&
      this.#batches() < BATCHES_MAX &&
      this.#commits.pendingBytes < PENDING_BYTES_MAX &&
      !this.#closed
    );
  }
  /** Transactions are with the executor, or on their way into the log. */
  get hasWrites(): boolean {
    return this.#batches() > 0 || this.#commits.pendingBytes > 0;
  }
  /** Someone has the receipt of a block that is not durable yet. */
  get hasEarlyReceipts(): boolean {
    return this.#answeredSeq > this.#head.seq;
  }
  /** Nothing is with the executor. */
  get isIdle(): boolean {
    return this.#jobs.length === 0;
  }

  // ── batches ─────────────────────────────────────────────────────────────────

  execute(batch: Batch): void {
    const work = new BatchWork(batch);
    this.#send(work, async () => {
      const blocks = await this.#handle().ask("execute", [work.bytes, batch.submissionEnds(), this.#options.now()]);
      this.#done(work);
      this.#executed(batch, blocks);
      this.#options.onRoom();
    });
  }

  /** How many are with the executor. */
  #batches(): number {
    let count = 0;
    for (const { work } of this.#jobs) if (work instanceof BatchWork) count++;
    return count;
  }

  #executed(batch: Batch, blocks: readonly ExecutedBlock[]): void {
    let first = 0;
    let next = 0;
    for (const { entry: bytes, rejected, taken, laps, parallel } of blocks) {
      const block = bytes === undefined ? undefined : new BlockEntry(bytes);
      if (block !== undefined) {
        block.laps = laps;
        block.parallel = parallel;
        block.executedAtMs = performance.now();
        this.commit(block);
      }
      const from = next;
      for (; next < batch.submissions.length && batch.submissions[next]!.first < first + taken; next++)
        batch.submissions[next]!.place(block, first, rejected);
      this.#answer(batch.submissions.slice(from, next));
      first += taken;
    }
    // Of these nothing was left to run.
    this.#answer(batch.submissions.slice(next));
  }

  #answer(submissions: readonly Submission[]): void {
    for (const submission of submissions) {
      if (!submission.isToldEarly) continue;
      this.#answeredSeq = this.#executedSeq;
      submission.tellExecuted();
    }
    const waiting = submissions.filter((submission) => submission.wait === "durable");
    if (waiting.length > 0) this.whenDurable(releaseOf(waiting, this.#executedSeq));
  }

  #executedSeq = -1;
  /** The newest entry that someone was told of before it was durable. */
  #answeredSeq = -1;

  /** Hands an executed entry to the log. */
  commit(entry: BlockEntry): void {
    this.#executedSeq = entry.seq;
    if (this.#recovery !== undefined && this.#commits.failure !== undefined) this.#dropped.unshift(entry);
    else this.#commits.push(entry);
  }

  whenDurable(release: Release): void {
    this.#commits.whenDurable(release);
  }

  // ── queries ─────────────────────────────────────────────────────────────────

  /** @param settle gets the answers one after the other, but of those that failed; QueryRunner has their layout. */
  queries(
    { calls, count, leaves }: Calls & { calls: Uint8Array<SharedArrayBuffer> },
    settle: (results: QueryResults) => void,
    failOne: (index: number, problem: EngineError) => void,
  ): void {
    const work = new QueryWork(calls, count, failOne);
    this.#send(work, async () => {
      const { answer: results } = await this.#shown(undefined, (past) =>
        this.#handle().queries({ calls: work.bytes, count: work.count, leaves }, past),
      );
      const fail = (problem: EngineError) => work.fail(problem);
      const overdue = (problem: EngineError) => fail(readOverdue(problem));
      this.whenDurable({ seq: results.seq, release: () => settle(results), fail, overdue });
    });
  }

  /** Asks the executor; the answer comes when the state that gave it is durable. */
  async ask<M extends ExecutorMethod>(
    method: M,
    args: Parameters<ExecutorFace[M]>,
    past?: Past,
  ): Promise<ReturnType<ExecutorFace[M]>> {
    return await this.#durable(past, (shown) => this.#handle().ask(method, args, shown));
  }

  /** One batch of queries about the past. */
  async askQueries(calls: Uint8Array, count: number, past: Past): Promise<QueryResults> {
    return await this.#durable(past, (shown) => this.#handle().queries({ calls, count }, shown));
  }

  async #durable<T>(past: Past | undefined, run: (past: Past | undefined) => Promise<T>): Promise<T> {
    const { answer, isDurable } = await this.#shown(past, run);
    if (!isDurable) await this.executedIsDurable(readOverdue);
    return answer;
  }

  /** Runs `run` on what may be shown. @returns `isDurable`: the answer need not wait for what is executed. */
  async #shown<T>(past: Past | undefined, run: (past: Past | undefined) => Promise<T>) {
    for (;;) {
      for (let stage = this.#options.stage(); stage?.underWay !== undefined; stage = this.#options.stage())
        await stage.underWay;
      // After that: a block that is being executed can be what the executor is lost in.
      if (this.#recovery !== undefined) await this.#recovered();
      const head = this.#head;
      const hidden = this.#hidden();
      if (hidden.length === 0) return { answer: await run(past), isDurable: false };
      const entries = [...hidden.map(({ bytes }) => bytes), ...(past?.entries ?? [])];
      const answer = await run({ entries, head: past?.head ?? head });
      // Somebody may have the receipt of a later block by then.
      if (head === this.#head) return { answer, isDurable: true };
    }
  }

  /** Executed, newest first, and for nobody to see: what is staged; what the log keeps everyone waiting for. */
  #hidden(): readonly BlockEntry[] {
    const staged = this.#options.stage()?.block;
    if (staged !== undefined) return [staged];
    const { isOverdue, pending } = this.#commits;
    if (!isOverdue || this.#batches() > 0 || this.hasEarlyReceipts) return [];
    return pending.some(({ isRollback }) => isRollback) ? [] : pending;
  }

  /** Runs `body` when everything under way is durable, and lets nothing new begin meanwhile. */
  async exclusive<T>(body: () => Promise<T>): Promise<T> {
    while (this.#exclusive !== undefined) await this.#exclusive;
    let finish = () => {};
    this.#exclusive = new Promise((resolve) => {
      finish = resolve;
    });
    try {
      while (this.#batches() > 0 || this.#recovery !== undefined) {
        if (this.#closed) throw closed();
        await new Promise((resolve) => setImmediate(resolve));
      }
      // What failed is taken back: whoever waits for it hears of that.
      await this.executedIsDurable(readOverdue).catch((problem: unknown) => {
        if (this.#commits.isOverdue) throw problem;
      });
      return await body();
    } finally {
      this.#exclusive = undefined;
      finish();
      this.#options.onRoom();
    }
  }

  /** An entry that another daemon wrote is in the log, and the executor has followed it. */
  followed(entry: BlockEntry): void {
    this.#executedSeq = entry.seq;
    this.#commits.followed(entry);
  }

  /** Asks the executor about what need not be durable: a staged block. */
  async askNow<M extends ExecutorMethod>(
    method: M,
    args: Parameters<ExecutorFace[M]>,
  ): Promise<ReturnType<ExecutorFace[M]>> {
    if (this.#recovery !== undefined) await this.#recovered();
    return await this.#handle().ask(method, args);
  }

  /** Resolves when everything executed so far is durable. @param overdue what is said when that takes too long. */
  executedIsDurable(overdue = (problem: EngineError) => problem): Promise<void> {
    const seq = this.#executedSeq;
    return new Promise((release, fail) =>
      this.whenDurable({ seq, release, fail, overdue: (problem) => fail(overdue(problem)) }),
    );
  }

  /** Tells the executor what the store has. Lost with an executor that dies: the next one reads it itself. */
  async applied(seq: number): Promise<StateMemory | undefined> {
    return await this.#executor?.handle.ask("applied", [seq]).catch(() => undefined);
  }

  // ── what goes wrong ─────────────────────────────────────────────────────────

  #handle(): ExecutorHandle {
    if (this.#executor === undefined) throw new EngineError("INTERNAL_ERROR", "the executor is not running", {});
    return this.#executor.handle;
  }

  #send(work: Work, run: () => Promise<void>): void {
    const job = { work, run };
    if (this.#closed) {
      work.fail(closed());
      return;
    }
    this.#jobs.push(job);
    if (this.#recovery === undefined) this.#run(job);
  }

  #run(job: Job): void {
    job.run().then(
      () => {
        this.#restarts = 0;
        this.#done(job.work);
      },
      (thrown: unknown) => {
        // A lost executor leaves its jobs in place: they run again on the next one.
        if (this.#executor === undefined) return;
        this.#done(job.work);
        job.work.fail(toEngineError(thrown));
        this.#options.onRoom();
      },
    );
  }

  #done(work: Work): void {
    const at = this.#jobs.findIndex((job) => job.work === work);
    if (at >= 0) this.#jobs.splice(at, 1);
  }

  /** Resolves when nothing is being put right any more, or nothing can be. */
  async #recovered(): Promise<void> {
    for (let awaited: Promise<void> | undefined; awaited !== this.#recovery; await awaited) awaited = this.#recovery;
  }

  #lost(problem: EngineError): void {
    const lost = this.#executor;
    if (lost === undefined || this.#closed) return;
    this.#executor = undefined;
    this.#recovery = this.#restart(problem, lost.progress).catch((fault: unknown) =>
      this.#options.onFatal(toEngineError(fault)),
    );
  }

  async #restart(problem: EngineError, progress: Int32Array): Promise<void> {
    const at = Atomics.load(progress, 0);
    const [culprit] = this.#jobs;
    if (culprit !== undefined && at < culprit.work.count) culprit.work.evict(at, problem);
    else if (culprit !== undefined && ++this.#restarts > RESTARTS_MAX) throw problem;
    await this.#commits.drained();
    // What the log refused meanwhile is on the executor that is gone: there is nothing to take back.
    this.#dropped = [];
    const refused = this.#commits.failure;
    if (refused?.retryable === false) throw refused;
    this.#commits.resume();
    this.#executor = await this.#options.startExecutor(this.#head, (again) => this.#lost(again));
    this.#recovery = undefined;
    this.#executedSeq = this.#head.seq;
    for (const job of [...this.#jobs]) this.#run(job);
    this.#options.onRoom();
  }

  #logFailed(error: StorageError, dropped: readonly BlockEntry[]): void {
    // The executor that ran them is gone: who starts the next one sees the failure.
    if (this.#closed || this.#executor === undefined) return;
    this.#dropped = [...dropped];
    this.#recovery = this.#takeBack(error, this.#executor).catch((fault: unknown) =>
      this.#options.onFatal(toEngineError(fault)),
    );
  }

  async #takeBack(error: StorageError, executor: RunningExecutor): Promise<void> {
    // What is with the executor runs on top of what was dropped: its blocks join them. What is sent meanwhile waits.
    const running = new Set(this.#jobs);
    const isLost = () => this.#executor !== executor;
    while (!isLost() && this.#jobs.some((job) => running.has(job)))
      await new Promise((resolve) => setImmediate(resolve));
    if (isLost()) return;
    try {
      await executor.handle.ask("undo", [this.#dropped.map((entry) => entry.bytes), this.#head]);
    } catch (problem) {
      if (isLost()) return;
      throw problem;
    }
    this.#dropped = [];
    this.#executedSeq = this.#head.seq;
    if (!error.retryable) {
      this.#options.onFatal(error);
      return;
    }
    this.#commits.resume();
    this.#recovery = undefined;
    for (const job of [...this.#jobs]) this.#run(job);
    this.#options.onRoom();
  }

  /** The engine cannot go on: whatever is with the executor is told so. */
  abort(error: EngineError): void {
    this.#closed = true;
    for (const { work } of this.#jobs.splice(0)) work.fail(error);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.executedIsDurable().catch(() => undefined);
    await this.#executor?.handle.close();
  }
}

function closed(): EngineError {
  return new EngineError("SHUTTING_DOWN", "the engine is closed", {});
}
