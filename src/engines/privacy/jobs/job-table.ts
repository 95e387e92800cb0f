/**
 * JobTable: the jobs that are known, found by id and by the handles of their results; and which wait for which.
 * Always
 *  - A job is ready when every result that it takes is held; a job whose input failed fails with it.
 */
import { toLatin1 } from "../../../encoding/bytes.ts";
import { HANDLE_BYTES, type Handle } from "../../../encoding/encrypted-handle.ts";
import { toHex } from "../../../encoding/hex.ts";
import type { Job } from "./job.ts";

/** Finished jobs that are still shown. */
const FINISHED_KEPT = 1_000;

export class JobTable {
  readonly #byId = new Map<string, Job>();
  readonly #byHandle = new Map<string, Job>();
  readonly #waiting = new Map<string, Set<Job>>();
  readonly #finished: Job[] = [];
  #open = 0;

  /** Jobs that are not over. */
  get openCount(): number {
    return this.#open;
  }

  get(id: string): Job | undefined {
    return this.#byId.get(id);
  }

  byHandle(handle: Handle): Job | undefined {
    return this.#byHandle.get(toLatin1(handle));
  }

  /** @param reference an id, or a handle that the job makes. */
  find(reference: Uint8Array): Job | undefined {
    const job = this.get(toHex(reference));
    return job === undefined && reference.length === HANDLE_BYTES ? this.byHandle(reference) : job;
  }

  *all(): Generator<Job> {
    yield* this.#byId.values();
  }

  /** Seq of the oldest entry with a job that is not over; undefined when there is none. */
  get oldestOpenSeq(): number | undefined {
    let oldest: number | undefined;
    for (const { seq, finishedAtMs } of this.all())
      if (finishedAtMs === undefined && seq < (oldest ?? Infinity)) oldest = seq;
    return oldest;
  }

  add(job: Job): void {
    this.#byId.set(job.id, job);
    this.#open++;
  }

  addResult(job: Job, handle: Handle, output: number): void {
    job.outputs.push({ handle, output });
    this.#byHandle.set(toLatin1(handle), job);
  }

  /** Whether a job that is not over takes a handle. */
  takes(handle: Handle): boolean {
    const name = toLatin1(handle);
    for (const job of this.#byId.values())
      if (job.finishedAtMs === undefined && job.inputs.some((input) => toLatin1(input) === name)) return true;
    return false;
  }

  /** `job` waits until `handle` is held. */
  wait(job: Job, handle: Handle): void {
    const name = toLatin1(handle);
    const waiting = this.#waiting.get(name) ?? new Set();
    waiting.add(job);
    this.#waiting.set(name, waiting);
  }

  /** Whoever waited for a handle. */
  takeWaiting(handle: Handle): Job[] {
    const name = toLatin1(handle);
    const waiting = [...(this.#waiting.get(name) ?? [])];
    this.#waiting.delete(name);
    return waiting;
  }

  finish(job: Job, status: "done" | "failed" | "cancelled", because: string | undefined, nowMs: number): void {
    job.status = status;
    job.because = because;
    job.finishedAtMs = nowMs;
    job.task = undefined;
    this.#open--;
    this.#finished.push(job);
    if (this.#finished.length > FINISHED_KEPT) this.#forget(this.#finished.shift()!);
  }

  /** As if it had never been: its block was taken back. */
  remove(job: Job): void {
    if (job.finishedAtMs === undefined) this.#open--;
    else this.#finished.splice(this.#finished.indexOf(job), 1);
    this.#forget(job);
  }

  #forget(job: Job): void {
    if (this.#byId.get(job.id) === job) this.#byId.delete(job.id);
    for (const { handle } of job.outputs) this.#byHandle.delete(toLatin1(handle));
    for (const input of job.inputs) this.#waiting.get(toLatin1(input))?.delete(job);
  }
}
