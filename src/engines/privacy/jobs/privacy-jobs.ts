/**
 * PrivacyJobs: evaluates after the block what blocks have ordered.
 *   durable entry ── records of computed handles ──▶ JobTable ── ready, one key ──▶ task ──▶ worker ──▶ results stored
 * Always
 *  - The log is the queue: every entry above the stored cursor is read again at a start, and what is held is not done again,
 *    nor what was let go of. All of the log is read where there is no cursor: in a copy, or on another daemon.
 *  - A result is stored under its handle, durable before anything that takes it begins, and never replaced.
 *  - A worker that dies costs an attempt of the jobs it ran, and of no others; the third is the last. What it had done up to
 *    its last checkpoint is not done again, nor what a daemon that stopped had.
 */
import type { BlockEntry } from "../../../encoding/block-entry.ts";
import { HANDLE_BYTES, type Handle, Origin, originOf } from "../../../encoding/encrypted-handle.ts";
import { toHex } from "../../../encoding/hex.ts";
import { handleKey } from "../../../encoding/state-key.ts";
import { type EngineError, toEngineError } from "../../../errors.ts";
import type { BlobStore } from "../../../execution/ports.ts";
import { decodeHandleRecord, type HandleRecord } from "../handle-record.ts";
import { cancelledName, heldCiphertext } from "../held-blobs.ts";
import type { EvaluationTask, TaskResult } from "./evaluation-task.ts";
import { GateRate } from "./gate-rate.ts";
import { doneJob, type Job, type JobView, jobIdOf, newJob, viewJob } from "./job.ts";
import { JobChanges } from "./job-changes.ts";
import { JobCursor } from "./job-cursor.ts";
import { keepResults, resultNames } from "./job-results.ts";
import { JobSources, type ReadLeaf } from "./job-sources.ts";
import { JobTable } from "./job-table.ts";
import { taskOf } from "./job-task.ts";
import { JobWaiters } from "./job-waiters.ts";
import { orderedResults, wasLetGo } from "./ordered-results.ts";
import { ReadyQueue } from "./ready-queue.ts";

export interface PrivacyJobsOptions {
  readonly workers: number;
  /** Gates of one task: what a stop or a dead worker costs at most. */
  readonly taskGatesMax: number;
  /** Gates after which what a task has come to is kept: what a dead process costs at most, and one level more. */
  readonly checkpointGates: number;
  now(): number;
}

export interface PrivacyJobsModules {
  readonly blobs: BlobStore;
  readonly leaf: ReadLeaf;
  height(): number;
  /** Runs a task on a worker; rejects when the worker dies. */
  run(task: EvaluationTask): Promise<TaskResult>;
  /** Where daemons share a log, one evaluates; the others are given its results. */
  mayRun(): boolean;
  /** Of what workers keep of jobs that are under way. */
  readonly checkpoints: { drop(jobId: string): void; keepOnly(isWanted: (jobId: string) => boolean): void };
  report(level: "info" | "warn" | "error", message: string, facts: Record<string, unknown>): void;
  /** Shared memory: [0] is kept at the number of jobs that wait or run. */
  readonly queued: Int32Array;
}

const ATTEMPTS_MAX = 3;

export class PrivacyJobs {
  readonly #options: PrivacyJobsOptions;
  readonly #modules: PrivacyJobsModules;
  readonly #table = new JobTable();
  readonly changes = new JobChanges(this.#table, (job) => this.#view(job));
  readonly #ready = new ReadyQueue();
  readonly #sources: JobSources;
  readonly #cursor: JobCursor;
  #seq = -1;
  /** Entries whose jobs are being taken over. */
  #entries = 0;
  #running = 0;
  #following: Promise<void> = Promise.resolve();
  #isClosing = false;
  /** What runs, with the words that stop it. */
  readonly #tasks = new Map<Promise<void>, Int32Array>();
  readonly #waiters = new JobWaiters();
  readonly #rate = new GateRate();

  constructor(options: PrivacyJobsOptions, modules: PrivacyJobsModules) {
    this.#options = options;
    this.#modules = modules;
    this.#sources = new JobSources(modules.leaf);
    this.#cursor = new JobCursor(modules.blobs);
  }

  /** The entry of the log above which jobs have to be looked for. */
  get cursor(): number {
    return this.#cursor.seq;
  }

  /** Seq of the oldest entry that may have a job which is not over: what is being taken over may bring any. */
  get oldestOpenSeq(): number | undefined {
    return this.#entries > 0 ? this.cursor + 1 : this.#table.oldestOpenSeq;
  }

  /** Takes over what a durable entry orders. Entries come in order. */
  follow(entry: BlockEntry): void {
    this.#seq = entry.seq;
    if (!entry.isRollback && !entry.hasHandles) return;
    this.#entries++;
    this.#following = this.#following
      .then(() => this.#follow(entry))
      .catch((problem) => {
        this.#modules.report("error", "jobs of a block could not be queued", { seq: entry.seq, why: String(problem) });
      })
      .finally(() => {
        this.#entries--;
      });
  }

  async #follow(entry: BlockEntry): Promise<void> {
    if (entry.isRollback) this.#rollBack(entry.height);
    else await this.#order(entry);
    this.#pump();
    await this.#saveCursor(false);
  }

  async #order(entry: BlockEntry): Promise<void> {
    const added: Job[] = [];
    for (const { handle, record } of orderedResults(entry)) {
      if (heldCiphertext(this.#modules.blobs, handle) !== undefined) continue;
      if (await wasLetGo(handle, { atHeight: entry.height, height: this.#modules.height() }, this.#modules.leaf))
        continue;
      const job = this.#add(handle, record, entry);
      if (job !== undefined) added.push(job);
    }
    for (const job of added) await this.#prepare(job);
  }

  /** @returns the job that has to be prepared. */
  #add(handle: Handle, record: HandleRecord, { seq, height }: BlockEntry): Job | undefined {
    const { source } = record;
    if (source.origin !== Origin.computed) return undefined;
    const id = jobIdOf(handle, source.output);
    const known = this.#table.get(id);
    if (known !== undefined && known.finishedAtMs === undefined) {
      this.#table.addResult(known, handle, source.output);
      return undefined;
    }
    if (known !== undefined) this.#table.remove(known);
    const job = newJob(id, source, record, { seq, height, queuedAtMs: this.#options.now() });
    this.#table.add(job);
    this.#table.addResult(job, handle, source.output);
    this.#count();
    return job;
  }

  async #prepare(job: Job): Promise<void> {
    const { id, codeHash, circuit, inputs } = job;
    if (this.#modules.blobs.name(cancelledName(id)) !== undefined)
      return this.#end(job, "cancelled", "it was cancelled");
    job.placed = (await this.#sources.program(codeHash)).circuits[circuit];
    job.constants = await this.#sources.constants(inputs);
    // Cancelled, or its block taken back, while its code was read.
    if (job.status !== "waiting") return;
    if (job.placed === undefined) this.#end(job, "failed", `the contract has no circuit ${circuit}`);
    else this.#settle(job);
  }

  /** Ready, or waiting for the first input that is not held. */
  #settle(job: Job): void {
    const { blobs } = this.#modules;
    const missing = job.inputs.find(
      (input) => input[31] !== Origin.constant && heldCiphertext(blobs, input) === undefined,
    );
    if (missing === undefined) {
      job.status = "ready";
      job.because = undefined;
      this.#ready.push(job);
      return;
    }
    const other = this.#table.byHandle(missing);
    if (other?.status === "failed" || other?.status === "cancelled")
      this.#end(job, "failed", `its input ${toHex(missing)} ${other.status}: ${other.because}`);
    else if (other === undefined && originOf(missing) === Origin.computed)
      this.#end(job, "failed", `its input ${toHex(missing)} is not here, and nothing computes it`);
    else {
      job.because = `waits for ${toHex(missing)}`;
      this.#table.wait(job, missing);
    }
  }

  /** A ciphertext came: one that arrived after its block, or a result that was evaluated here or by another daemon. */
  held(handle: Handle): void {
    const made = this.#table.byHandle(handle);
    const isOpen = made?.status === "waiting" || made?.status === "ready";
    if (isOpen && made.outputs.every((output) => heldCiphertext(this.#modules.blobs, output.handle) !== undefined)) {
      this.#ready.remove(made);
      this.#end(made, "done", undefined);
    }
    for (const job of this.#table.takeWaiting(handle)) if (job.status === "waiting") this.#settle(job);
    this.#pump();
  }

  #rollBack(height: number): void {
    for (const job of [...this.#table.all()]) {
      if (job.height <= height) continue;
      if (job.status === "ready") this.#ready.remove(job);
      job.status = "cancelled";
      this.#table.remove(job);
    }
    this.#count();
  }

  // ── running ─────────────────────────────────────────────────────────────────

  /** Takes up what may have become possible: this daemon leads from now on. */
  wake(): void {
    this.#pump();
  }

  #pump(): void {
    while (
      !this.#isClosing &&
      this.#modules.mayRun() &&
      this.#running < this.#options.workers &&
      this.#ready.length > 0
    ) {
      const idle = this.#options.workers - this.#running;
      const jobs = this.#ready.next(idle, this.#options.taskGatesMax);
      this.#running++;
      const control = new Int32Array(new SharedArrayBuffer(12));
      // The last that is ready gets the threads that would have nothing to do.
      const run = this.#run(jobs, control, this.#ready.length === 0 ? idle : 1).finally(() => {
        this.#tasks.delete(run);
        this.#running--;
        this.#pump();
      });
      this.#tasks.set(run, control);
    }
  }

  async #run(jobs: readonly Job[], control: Int32Array, threads: number): Promise<void> {
    const gates = jobs.reduce((sum, { placed }) => sum + placed!.counts.gates, 0);
    const startedAtMs = this.#options.now();
    for (const job of jobs) {
      job.status = "running";
      job.attempts++;
      job.startedAtMs = startedAtMs;
      job.task = { control, gates };
    }
    try {
      const { checkpointGates } = this.#options;
      const task = taskOf(this.#modules.blobs, jobs, { control, threads, checkpointGates });
      const results = await this.#modules.run(task);
      this.#rate.add(Atomics.load(control, 1), startedAtMs, this.#options.now());
      if (results === undefined) this.#again(jobs, undefined);
      else await this.#store(jobs, results, task.parameterSet);
    } catch (problem) {
      this.#again(jobs, toEngineError(problem));
    }
    for (const job of jobs) if (job.status !== "ready") this.#modules.checkpoints.drop(job.id);
    this.#count();
    await this.#saveCursor(false).catch(() => {});
  }

  /** Of jobs that were cancelled or taken back meanwhile nothing is kept. */
  async #store(jobs: readonly Job[], results: readonly Uint8Array[][], parameterSet: string): Promise<void> {
    const heldAtMs = this.#options.now();
    const wanted = jobs.filter(({ status }) => status === "running");
    const changes = wanted.flatMap((job) => resultNames(job, results[jobs.indexOf(job)]!, { parameterSet, heldAtMs }));
    const storing = keepResults(this.#modules.blobs, changes, () => this.#isClosing);
    for (const job of wanted) job.storing = storing.catch(() => {});
    await storing.finally(() => {
      for (const job of wanted) job.storing = undefined;
    });
    for (const job of wanted) {
      if (job.status !== "running") continue;
      this.#end(job, "done", undefined);
      for (const { handle } of job.outputs) this.held(handle);
    }
  }

  /** Stopped, or its worker died: they stand in the queue again, unless it was once too often. */
  #again(jobs: readonly Job[], problem: EngineError | undefined): void {
    for (const job of jobs) {
      if (job.status !== "running") continue;
      job.task = undefined;
      if (problem === undefined) job.attempts--;
      if (problem !== undefined && (job.attempts >= ATTEMPTS_MAX || problem.code === "PRIVACY_SCHEME_MISSING")) {
        this.#end(job, "failed", problem.message);
        this.#modules.report("error", "an evaluation failed", { jobId: job.id, why: problem.message });
      } else {
        job.status = "ready";
        job.because = problem?.message;
        this.#ready.push(job);
      }
    }
  }

  #end(job: Job, status: "done" | "failed" | "cancelled", because: string | undefined): void {
    this.#table.finish(job, status, because, this.#options.now());
    this.#count();
    this.#waiters.tell();
    if (status === "done") return;
    for (const { handle } of job.outputs)
      for (const waiting of this.#table.takeWaiting(handle)) if (waiting.status === "waiting") this.#settle(waiting);
  }

  #count(): void {
    Atomics.store(this.#modules.queued, 0, this.#table.openCount);
  }

  // ── asked from outside ──────────────────────────────────────────────────────

  list({ status, contract }: { status?: string | undefined; contract?: string | undefined }): JobView[] {
    return [...this.#table.all()]
      .filter((job) => status === undefined || job.status === status)
      .filter((job) => contract === undefined || toHex(job.contract) === contract)
      .map((job) => this.#view(job));
  }

  get(reference: Uint8Array): JobView | undefined {
    const job = this.#table.find(reference);
    return job && this.#view(job);
  }

  /** Resolves when the job of a handle, or of an id, is over, or after `timeoutMs`. */
  async wait(reference: Uint8Array, timeoutMs: number): Promise<JobView | undefined> {
    await this.#following;
    const job = this.#table.find(reference) ?? (await this.#heldJob(reference));
    if (job === undefined || job.finishedAtMs !== undefined) return job && this.#view(job);
    await this.#waiters.until(job, timeoutMs);
    return this.#view(job);
  }

  /** The job of a result that is held since before this daemon started, or that another evaluated. */
  async #heldJob(handle: Uint8Array): Promise<Job | undefined> {
    const held = handle.length === HANDLE_BYTES ? heldCiphertext(this.#modules.blobs, handle) : undefined;
    const bytes = held && (await this.#modules.leaf(handleKey(handle)));
    const record = bytes && decodeHandleRecord(handle, bytes);
    if (record?.source.origin !== Origin.computed) return undefined;
    const placed = (await this.#sources.program(record.source.codeHash)).circuits[record.source.circuit];
    return doneJob(handle, record.source, record, { seq: this.#seq, placed, heldAtMs: held!.heldAtMs });
  }

  /**
   * Its result will never be there, nor anything made of it: recorded, so that a start does not take it up again. One whose
   * result is being stored is done.
   */
  async cancel(reference: Uint8Array): Promise<JobView | undefined> {
    const job = this.#table.find(reference) ?? (await this.#heldJob(reference));
    await job?.storing;
    if (job === undefined || job.finishedAtMs !== undefined) return job && this.#view(job);
    this.cancelled(job.id);
    await this.#modules.blobs.commit([{ name: cancelledName(job.id), facts: { cancelledAtMs: this.#options.now() } }]);
    return this.#view(job);
  }

  /** This daemon was told to cancel it, or another was. */
  cancelled(jobId: string): void {
    const job = this.#table.get(jobId);
    if (job === undefined || job.finishedAtMs !== undefined) return;
    if (job.task !== undefined) Atomics.store(job.task.control, 0, 1);
    if (job.status === "ready") this.#ready.remove(job);
    this.#end(job, "cancelled", "it was cancelled");
  }

  /** Whether a job that is not over takes a handle. */
  takes(handle: Handle): boolean {
    return this.#table.takes(handle);
  }

  get openCount(): number {
    return this.#table.openCount;
  }

  #view(job: Job): JobView {
    return viewJob(job, this.#options.now(), this.#rate.perSecond);
  }

  // ── the cursor ──────────────────────────────────────────────────────────────

  /** Every entry up to the cursor has no job that is not over. */
  async #saveCursor(isLast: boolean): Promise<void> {
    const now = this.#options.now();
    if (this.#entries > (isLast ? 0 : 1) || !(isLast || this.#cursor.isDue(now))) return;
    await this.#cursor.write(Math.min(this.#seq, (this.#table.oldestOpenSeq ?? Infinity) - 1), now);
  }

  /** Every entry that there was at a start is taken over: what nobody will go on with may go. */
  async forgetOldCheckpoints(): Promise<void> {
    await this.#following;
    this.#modules.checkpoints.keepOnly((jobId) => {
      const job = this.#table.get(jobId);
      return job !== undefined && job.finishedAtMs === undefined;
    });
  }

  /** Stops what runs, and waits until it has; what is not done is taken up again where it was at the next start. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const control of this.#tasks.values()) Atomics.store(control, 0, 1);
    await this.#following;
    await Promise.all(this.#tasks.keys());
    await this.#saveCursor(true).catch(() => {});
  }
}
