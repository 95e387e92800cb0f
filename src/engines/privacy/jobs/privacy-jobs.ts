/**
 * PrivacyJobs: evaluates after the block what blocks have ordered.
 *   durable entry ── records of computed handles ──▶ JobTable ── ready, one key ──▶ task ──▶ worker ──▶ results stored
 * Always
 *  - The log is the queue: every entry above the stored cursor is read again at a start, and what is held is not done again.
 *  - A result is stored under its handle, durable before anything that takes it begins, and never replaced.
 *  - A worker that dies costs an attempt of the jobs it ran, and of no others; the third is the last.
 */
import type { BlockEntry } from "../../../encoding/block-entry.ts";
import { readDelta } from "../../../encoding/delta.ts";
import { HANDLE_BYTES, type Handle, Origin, resultContext } from "../../../encoding/encrypted-handle.ts";
import { toHex } from "../../../encoding/hex.ts";
import { StateTag } from "../../../encoding/state-key.ts";
import { EngineError, toEngineError } from "../../../errors.ts";
import type { BlobStore } from "../../../execution/ports.ts";
import { decodeHandleRecord, type HandleRecord } from "../handle-record.ts";
import { cancelledName, handleName, heldCiphertext, heldKey } from "../held-blobs.ts";
import type { EvaluationTask, TaskInput, TaskResult } from "./evaluation-task.ts";
import { type Job, type JobView, jobIdOf, newJob, outputBits, typeName, viewJob } from "./job.ts";
import { JobSources, type ReadLeaf } from "./job-sources.ts";
import { JobTable } from "./job-table.ts";
import { ReadyQueue } from "./ready-queue.ts";

export interface PrivacyJobsOptions {
  readonly workers: number;
  /** Gates of one task: what a stop or a dead worker costs at most. */
  readonly taskGatesMax: number;
  now(): number;
}

export interface PrivacyJobsModules {
  readonly blobs: BlobStore;
  readonly leaf: ReadLeaf;
  /** Runs a task on a worker; rejects when the worker dies. */
  run(task: EvaluationTask): Promise<TaskResult>;
  report(level: "info" | "warn" | "error", message: string, facts: Record<string, unknown>): void;
  /** Shared memory: [0] is kept at the number of jobs that wait or run. */
  readonly queued: Int32Array;
}

const CURSOR_NAME = Buffer.from("\0cursor", "latin1");
const ATTEMPTS_MAX = 3;
/** The cursor is written at most this often: reading a minute of entries again is quick. */
const CURSOR_MS = 5_000;
const RATE_HALF_LIFE_MS = 10_000;

export class PrivacyJobs {
  readonly #options: PrivacyJobsOptions;
  readonly #modules: PrivacyJobsModules;
  readonly #table = new JobTable();
  readonly #ready = new ReadyQueue();
  readonly #sources: JobSources;
  #seq = -1;
  /** Entries whose jobs are being taken over. */
  #entries = 0;
  #cursorAtMs = 0;
  #storedCursor = -1;
  #running = 0;
  #following: Promise<void> = Promise.resolve();
  #isClosing = false;
  readonly #tasks = new Set<Int32Array>();
  readonly #settled = new Set<() => void>();
  #rate = { perSecond: 0, atMs: 0 };

  constructor(options: PrivacyJobsOptions, modules: PrivacyJobsModules) {
    this.#options = options;
    this.#modules = modules;
    this.#sources = new JobSources(modules.leaf);
  }

  /** The entry of the log above which jobs have to be looked for. */
  get cursor(): number {
    return (this.#modules.blobs.name(CURSOR_NAME) as { seq: number } | undefined)?.seq ?? -1;
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
    else if (entry.hasHandles) await this.#order(entry);
    this.#pump();
    await this.#saveCursor(false);
  }

  async #order(entry: BlockEntry): Promise<void> {
    for (const { key, newValue, oldValue } of readDelta(entry.delta)) {
      if (key[0] !== StateTag.handle || key.length !== 1 + HANDLE_BYTES) continue;
      if (newValue === undefined || oldValue !== undefined || key[HANDLE_BYTES] !== Origin.computed) continue;
      const handle = key.slice(1);
      await this.#add(handle, decodeHandleRecord(handle, newValue), entry);
    }
  }

  async #add(handle: Handle, record: HandleRecord, { seq, height }: BlockEntry): Promise<void> {
    const { source } = record;
    if (source.origin !== Origin.computed || heldCiphertext(this.#modules.blobs, handle) !== undefined) return;
    const id = jobIdOf(handle, source.output);
    const known = this.#table.get(id);
    if (known !== undefined && known.finishedAtMs === undefined) {
      this.#table.addResult(known, handle, source.output);
      return;
    }
    if (known !== undefined) this.#table.remove(known);
    const { codeHash, circuit, inputs } = source;
    const job = newJob(id, source, record, { seq, height, queuedAtMs: this.#options.now() });
    this.#table.add(job);
    this.#table.addResult(job, handle, source.output);
    this.#count();
    if (this.#modules.blobs.name(cancelledName(id)) !== undefined)
      return this.#end(job, "cancelled", "it was cancelled");
    job.placed = (await this.#sources.program(codeHash)).circuits[circuit];
    job.constants = await this.#sources.constants(inputs);
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
    if (other !== undefined && (other.status === "failed" || other.status === "cancelled")) {
      this.#end(job, "failed", `its input ${toHex(missing)} ${other.status}: ${other.because}`);
      return;
    }
    job.because = `waits for ${toHex(missing)}`;
    this.#table.wait(job, missing);
  }

  /** A ciphertext came that may be waited for: a replica's, or one that arrived after its block. */
  held(handle: Handle): void {
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

  #pump(): void {
    while (!this.#isClosing && this.#running < this.#options.workers && this.#ready.length > 0) {
      const idle = this.#options.workers - this.#running;
      const jobs = this.#ready.next(idle, this.#options.taskGatesMax);
      this.#running++;
      // The last that is ready gets the threads that would have nothing to do.
      void this.#run(jobs, this.#ready.length === 0 ? idle : 1).finally(() => {
        this.#running--;
        this.#pump();
      });
    }
  }

  async #run(jobs: readonly Job[], threads: number): Promise<void> {
    const control = new Int32Array(new SharedArrayBuffer(8));
    const gates = jobs.reduce((sum, { placed }) => sum + placed!.counts.gates, 0);
    const startedAtMs = this.#options.now();
    for (const job of jobs) {
      job.status = "running";
      job.attempts++;
      job.startedAtMs = startedAtMs;
      job.task = { control, gates };
    }
    this.#tasks.add(control);
    try {
      const task = this.#task(jobs, control, threads);
      const results = await this.#modules.run(task);
      if (results === undefined) this.#again(jobs, undefined);
      else await this.#store(jobs, results, task.parameterSet);
      this.#measure(gates, startedAtMs);
    } catch (problem) {
      this.#again(jobs, toEngineError(problem));
    } finally {
      this.#tasks.delete(control);
    }
    this.#count();
    await this.#saveCursor(false).catch(() => {});
  }

  #task(jobs: readonly Job[], control: Int32Array, threads: number): EvaluationTask {
    const { blobs } = this.#modules;
    const { keyId } = jobs[0]!;
    const key = heldKey(blobs, keyId);
    if (key === undefined)
      throw new EngineError("PRIVACY_KEY_UNKNOWN", `the evaluation key ${toHex(keyId)} is not here`, {});
    return {
      parameterSet: key.parameterSet,
      keyId,
      keyBlob: key.blob,
      control,
      threads,
      applications: jobs.map((job) => ({
        circuit: job.placed!.circuit,
        inputs: job.inputs.map((input) => this.#input(job, input)),
        outputs: job.outputs.map(({ handle, output }) => ({ handle, ...outputBits(job.placed!, output) })),
      })),
    };
  }

  #input(job: Job, handle: Handle): TaskInput {
    const held = heldCiphertext(this.#modules.blobs, handle);
    if (held !== undefined) return { blob: held.blob, context: held.context };
    const value = job.constants.get(toHex(handle));
    if (value === undefined) throw new EngineError("INTERNAL_ERROR", `${toHex(handle)} is not held`, {});
    return { constant: value };
  }

  async #store(jobs: readonly Job[], results: readonly Uint8Array[][], parameterSet: string): Promise<void> {
    const heldAtMs = this.#options.now();
    await this.#modules.blobs.commit(
      jobs.flatMap((job, index) =>
        job.outputs.map(({ handle }, output) => {
          const bytes = results[index]![output]!;
          const facts = {
            source: "result",
            keyId: toHex(job.keyId),
            parameterSet,
            type: typeName(handle),
            contract: toHex(job.contract),
            context: toHex(resultContext(handle)),
            bytes: bytes.length,
            heldAtMs,
          };
          return { name: handleName(handle), facts, bytes };
        }),
      ),
    );
    for (const job of jobs) {
      if (job.status === "running") this.#end(job, "done", undefined);
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
    for (const settled of [...this.#settled]) settled();
    if (status === "done") return;
    for (const { handle } of job.outputs)
      for (const waiting of this.#table.takeWaiting(handle)) if (waiting.status === "waiting") this.#settle(waiting);
  }

  #count(): void {
    Atomics.store(this.#modules.queued, 0, this.#table.openCount);
  }

  #measure(gates: number, startedAtMs: number): void {
    const now = this.#options.now();
    const rate = (1000 * gates) / Math.max(1, now - startedAtMs);
    const weight = 0.5 ** ((now - this.#rate.atMs) / RATE_HALF_LIFE_MS);
    this.#rate = { perSecond: weight * this.#rate.perSecond + (1 - weight) * rate, atMs: now };
  }

  // ── asked from outside ──────────────────────────────────────────────────────

  list(filter: { status?: string | undefined; contract?: string | undefined }): JobView[] {
    const views: JobView[] = [];
    for (const job of this.#table.all()) {
      if (filter.status !== undefined && job.status !== filter.status) continue;
      if (filter.contract !== undefined && toHex(job.contract) !== filter.contract) continue;
      views.push(this.#view(job));
    }
    return views;
  }

  get(reference: Uint8Array): JobView | undefined {
    const job = this.#find(reference);
    return job && this.#view(job);
  }

  /** Resolves when the job of a handle, or of an id, is over, or after `timeoutMs`. */
  async wait(reference: Uint8Array, timeoutMs: number): Promise<JobView | undefined> {
    await this.#following;
    const job = this.#find(reference);
    if (job === undefined || job.finishedAtMs !== undefined) return job && this.#view(job);
    await new Promise<void>((resolve) => {
      const done = () => {
        if (job.finishedAtMs === undefined) return;
        clearTimeout(timer);
        this.#settled.delete(done);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#settled.delete(done);
        resolve();
      }, timeoutMs);
      this.#settled.add(done);
    });
    return this.#view(job);
  }

  /** Its result will never be there, nor anything made of it: recorded, so that a start does not take it up again. */
  async cancel(reference: Uint8Array): Promise<JobView | undefined> {
    const job = this.#find(reference);
    if (job === undefined || job.finishedAtMs !== undefined) return job && this.#view(job);
    await this.#modules.blobs.commit([{ name: cancelledName(job.id), facts: { cancelledAtMs: this.#options.now() } }]);
    if (job.task !== undefined) Atomics.store(job.task.control, 0, 1);
    if (job.status === "ready") this.#ready.remove(job);
    if (job.finishedAtMs === undefined) this.#end(job, "cancelled", "it was cancelled");
    return this.#view(job);
  }

  /** Whether a job that is not over takes a handle. */
  takes(handle: Handle): boolean {
    return this.#table.takes(handle);
  }

  get openCount(): number {
    return this.#table.openCount;
  }

  #find(reference: Uint8Array): Job | undefined {
    return (
      this.#table.get(toHex(reference)) ??
      (reference.length === HANDLE_BYTES ? this.#table.byHandle(reference) : undefined)
    );
  }

  #view(job: Job): JobView {
    return viewJob(job, this.#options.now(), this.#rate.perSecond);
  }

  // ── the cursor ──────────────────────────────────────────────────────────────

  /** Every entry up to the cursor has no job that is not over. */
  async #saveCursor(isLast: boolean): Promise<void> {
    const now = this.#options.now();
    if (this.#entries > (isLast ? 0 : 1) || (!isLast && now - this.#cursorAtMs < CURSOR_MS)) return;
    let seq = this.#seq;
    for (const job of this.#table.all()) if (job.finishedAtMs === undefined) seq = Math.min(seq, job.seq - 1);
    if (seq <= this.#storedCursor) return;
    this.#cursorAtMs = now;
    this.#storedCursor = seq;
    await this.#modules.blobs.commit([{ name: CURSOR_NAME, facts: { seq } }]);
  }

  /** Stops what runs; what is not done is taken up again at the next start. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const control of this.#tasks) Atomics.store(control, 0, 1);
    await this.#following;
    await this.#saveCursor(true).catch(() => {});
  }
}
