/** A job: one application of a circuit that a block ordered. Its results are known by their handles before it runs. */

import { type Handle, type Origin, typeOfHandle } from "../../../encoding/encrypted-handle.ts";
import { toHex } from "../../../encoding/hex.ts";
import type { HandleRecord, Source } from "../handle-record.ts";
import type { PlacedCircuit } from "../privacy-program.ts";

export type JobStatus = "waiting" | "ready" | "running" | "done" | "failed" | "cancelled";

export interface Job {
  readonly id: string;
  readonly seq: number;
  readonly height: number;
  readonly contract: Uint8Array;
  readonly codeHash: Uint8Array;
  readonly circuit: number;
  readonly keyId: Uint8Array;
  readonly inputs: readonly Handle[];
  /** Results that a state or receipt speaks of, with their place among the circuit's outputs. */
  readonly outputs: { readonly handle: Handle; readonly output: number }[];
  status: JobStatus;
  /** Once its code was read. */
  placed: PlacedCircuit | undefined;
  /** Bits of those inputs that are constants, by handle. */
  constants: ReadonlyMap<string, readonly boolean[]>;
  attempts: number;
  /** Why it failed, or waits. */
  because: string | undefined;
  readonly queuedAtMs: number;
  startedAtMs: number | undefined;
  finishedAtMs: number | undefined;
  /** While its results are being made durable. */
  storing: Promise<void> | undefined;
  /** Its share of the task that runs it. */
  task: { readonly control: Int32Array; readonly gates: number } | undefined;
}

type Computed = Extract<Source, { origin: typeof Origin.computed }>;

export function newJob(
  id: string,
  { codeHash, circuit, inputs }: Computed,
  { contract, keyId }: HandleRecord,
  ordered: { seq: number; height: number; queuedAtMs: number },
): Job {
  return {
    id,
    ...ordered,
    contract,
    codeHash,
    circuit,
    keyId,
    inputs,
    outputs: [],
    status: "waiting",
    placed: undefined,
    constants: new Map(),
    attempts: 0,
    because: undefined,
    startedAtMs: undefined,
    finishedAtMs: undefined,
    storing: undefined,
    task: undefined,
  };
}

/** The job whose result `handle` is, as it would stand in the table had it been done while the daemon ran. */
export function doneJob(
  handle: Handle,
  source: Computed,
  record: HandleRecord,
  done: { seq: number; placed: PlacedCircuit | undefined; heldAtMs: number },
): Job {
  const ordered = { seq: done.seq, height: record.height, queuedAtMs: done.heldAtMs };
  const job = newJob(jobIdOf(handle, source.output), source, record, ordered);
  job.outputs.push({ handle, output: source.output });
  return Object.assign(job, { placed: done.placed, status: "done", finishedAtMs: done.heldAtMs });
}

/** What a job looks like from outside. */
export interface JobView {
  jobId: string;
  status: JobStatus;
  phase: string;
  percent: number;
  gatesDone: number;
  gatesTotal: number;
  depth: number;
  ratePerSecond: number;
  /** Null when it is not known. */
  etaMs: number | null;
  contract: string;
  keyId: string;
  handles: string[];
  height: number;
  attempts: number;
  because: string | null;
}

/** The same for every result of one application. */
export function jobIdOf(handle: Handle, output: number): string {
  const id = new Uint8Array(handle.subarray(0, 30));
  id[28]! ^= output;
  return toHex(id);
}

/** @param latePerSecond gates a second of late, all jobs together: for those that do not run, or have just begun. */
export function viewJob(job: Job, now: number, latePerSecond: number): JobView {
  const gatesTotal = job.placed?.counts.gates ?? 0;
  const { task } = job;
  const done = task === undefined ? 0 : Atomics.load(task.control, 1) + Atomics.load(task.control, 2);
  const share = task === undefined || task.gates === 0 ? 0 : Math.min(1, done / task.gates);
  const gatesDone = job.status === "done" ? gatesTotal : Math.floor(share * gatesTotal);
  const elapsedMs = job.startedAtMs === undefined ? 0 : now - job.startedAtMs;
  const evaluated = task === undefined ? 0 : Atomics.load(task.control, 1);
  const ratePerSecond = evaluated > 0 && elapsedMs > 0 ? (1000 * evaluated) / elapsedMs : latePerSecond;
  const left = task === undefined ? gatesTotal : task.gates * (1 - share);
  const isOver = job.status === "done" || job.status === "failed" || job.status === "cancelled";
  return {
    jobId: job.id,
    status: job.status,
    phase: job.status === "running" ? (elapsedMs > 0 && share === 0 ? "loading key" : "evaluating") : job.status,
    percent: job.status === "done" ? 100 : Math.floor(100 * share),
    gatesDone,
    gatesTotal,
    depth: job.placed?.counts.depth ?? 0,
    ratePerSecond: Math.round(ratePerSecond),
    etaMs: isOver ? 0 : ratePerSecond === 0 ? null : Math.round((1000 * left) / ratePerSecond),
    contract: toHex(job.contract),
    keyId: toHex(job.keyId),
    handles: job.outputs.map(({ handle }) => toHex(handle)),
    height: job.height,
    attempts: job.attempts,
    because: job.because ?? null,
  };
}

export function outputBits(placed: PlacedCircuit, output: number): { at: number; bits: number } {
  const at = placed.outputs.slice(0, output).reduce((sum, { bits }) => sum + bits, 0);
  return { at, bits: placed.outputs[output]!.bits };
}

export function typeName(handle: Handle): string {
  return typeOfHandle(handle)?.name ?? "unknown";
}
