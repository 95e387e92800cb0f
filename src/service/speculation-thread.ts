/**
 * SpeculationThread: a helper of the executor on a thread of its own, as the executor's thread sees it.
 *   BlockExecutor ── task, deltas ──▶ speculation-worker.ts ── records, in shared memory ──▶ Lane
 * The thread starts with the first block that is worth sharing out. From then on it is sent every block's delta, until there
 * was no such block for a while.
 * Always
 *  - Deltas that it may lack are bounded: past the bound it is left behind, and begins again where the state store stands.
 *  - A task that overruns the time limit after nobody wants it ends the thread: its contract may spin.
 */
import type { Worker } from "node:worker_threads";
import { Records } from "../execution/parallel/records.ts";
import type { Speculation, SpeculationTask, TaskTimes } from "../execution/parallel/speculation.ts";
import { GatedWorker } from "../thread-gate.ts";
import type { SentDelta } from "./speculated-state.ts";

export interface SpeculationThreadOptions {
  script: URL;
  /** Beside `records`, which this adds. */
  workerData: object;
  /** A task that nobody wants any more may run on for so long. */
  executionTimeoutMs: number;
  /** The newest entry of the log that the state store has, as the executor's thread sees it. */
  appliedSeq(): number;
  /** Waiting for a helper may take half as long as the block has taken up to then, and this much; left out: PATIENCE_MS. */
  patienceMs?: number | undefined;
  /** For operators. */
  report(message: string, facts: Record<string, unknown>): void;
}

/** What the thread is sent, in order. */
export interface HelperMessage {
  /** It has to begin where the state store stands. */
  begins?: boolean;
  deltas: readonly SentDelta[];
  task?: Omit<SpeculationTask, "parentSeq"> & { number: number };
  /** Nothing is wanted for now. */
  rests?: boolean;
}

/** Without a block worth sharing out for so long, it is sent no more deltas. */
const IDLE_MS = 5_000;
/** Of deltas that the state store did not have when they were sent. */
const DELTAS_BYTES_MAX = 64 * 1024 * 1024;
/** Deltas that wait for the next task are sent earlier where there are so many. */
const UNSENT_BYTES_MAX = 1024 * 1024;
const PATIENCE_MS = 1;
/** As the executor's: nested calls share the thread's stack. */
const STACK_MB = 16;

export class SpeculationThread implements Speculation {
  /** Of the thread that runs: one that is being ended may still write its own. */
  records = new Records();
  readonly #options: SpeculationThreadOptions;
  #worker: Worker | undefined;
  #isOnline = false;
  /** The entry after which every delta was kept for the thread; undefined: none is. */
  #keptSince: number | undefined;
  /** The thread has begun, and follows. */
  #hasBegun = false;
  #unsent: SentDelta[] = [];
  #unsentBytes = 0;
  /** Kept since the state store was looked at: entry and bytes, oldest first. */
  #lacking: { seq: number; bytes: number }[] = [];
  #lackingBytes = 0;
  #task = 0;
  #taskBegunMs = 0;
  /** In vain. */
  #waitedMs = 0;
  /** All the time that the executor has waited in the task. */
  #idleMs = 0;
  #wantedMs = 0;
  /** The last block was shared out: the next may be, too. */
  #isBusy = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SpeculationThreadOptions) {
    this.#options = options;
  }

  // ── tasks ───────────────────────────────────────────────────────────────────

  isReady(parentSeq: number): boolean {
    this.#wantedMs = performance.now();
    this.#worker ??= this.#start();
    this.#watchIdle();
    this.#keptSince ??= parentSeq;
    if (!this.#isOnline || !this.records.hasEnded(this.#task)) return false;
    return this.#hasBegun || this.#options.appliedSeq() >= this.#keptSince;
  }

  begin({ block, transactions, share, forgetSlots }: SpeculationTask): number {
    this.#task++;
    this.#taskBegunMs = performance.now();
    this.#waitedMs = 0;
    this.#idleMs = 0;
    this.#isBusy = true;
    // A view is sent with all that lies around it.
    const task = { block, transactions: transactions.slice(), share, forgetSlots, number: this.#task };
    this.#post({ deltas: this.#takeUnsent(), task }, [task.transactions.buffer as ArrayBuffer]);
    return this.#task;
  }

  awaitRecords(task: number, words: number): number {
    const { records } = this;
    const published = records.publishedOf(task);
    if (published > words) return published;
    for (let nowMs = performance.now(); ; nowMs = performance.now()) {
      const patienceMs =
        (this.#options.patienceMs ?? PATIENCE_MS) + (nowMs - this.#taskBegunMs) / 2 - 1.5 * this.#waitedMs;
      if (patienceMs <= 0) return words;
      const isThere = records.waitFor(task, words, patienceMs) || records.hasEnded(task);
      const waitedMs = performance.now() - nowMs;
      this.#idleMs += waitedMs;
      if (isThere) return records.publishedOf(task);
      this.#waitedMs += waitedMs;
    }
  }

  end(task: number): TaskTimes | undefined {
    this.records.cancel(task);
    const ownMs = performance.now() - this.#taskBegunMs - this.#idleMs;
    if (this.records.hasEnded(task)) return { ownMs, helperMs: this.records.microseconds / 1_000 };
    const worker = this.#worker;
    setTimeout(() => {
      if (this.#worker !== worker || this.records.hasEnded(task)) return;
      const { executionTimeoutMs: limitMs } = this.#options;
      this.#options.report("a helper of the executor did not finish in time and was ended", { limitMs });
      this.#lose();
    }, this.#options.executionTimeoutMs).unref();
    return undefined;
  }

  // ── the state that it follows ───────────────────────────────────────────────

  followed(delta: Uint8Array, seq: number): void {
    if (this.#keptSince === undefined) return;
    const applied = this.#options.appliedSeq();
    while (this.#lacking.length > 0 && this.#lacking[0]!.seq <= applied)
      this.#lackingBytes -= this.#lacking.shift()!.bytes;
    this.#lacking.push({ seq, bytes: delta.length });
    this.#lackingBytes += delta.length;
    if (this.#lackingBytes > DELTAS_BYTES_MAX) {
      this.reset();
      return;
    }
    this.#unsent.push({ seq, delta: delta.slice() });
    this.#unsentBytes += delta.length;
    // While the executor seals a block, its helper makes ready for the next.
    if (this.#hasBegun && (this.#isBusy || this.#unsentBytes > UNSENT_BYTES_MAX))
      this.#post({ deltas: this.#takeUnsent() });
    this.#isBusy = false;
  }

  reset(): void {
    this.#keptSince = undefined;
    this.#hasBegun = false;
    this.#takeUnsent();
    this.#lacking = [];
    this.#lackingBytes = 0;
    if (this.#isOnline) this.#post({ deltas: [], rests: true });
  }

  #takeUnsent(): SentDelta[] {
    const unsent = this.#unsent;
    this.#unsent = [];
    this.#unsentBytes = 0;
    return unsent;
  }

  #post(message: HelperMessage, transfer: ArrayBuffer[] = []): void {
    const begins = message.task !== undefined && !this.#hasBegun;
    if (begins) this.#hasBegun = true;
    for (const { delta } of message.deltas) transfer.push(delta.buffer as ArrayBuffer);
    this.#worker!.postMessage(begins ? { ...message, begins } : message, transfer);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#worker?.terminate();
  }

  // ── the thread ──────────────────────────────────────────────────────────────

  #start(): Worker {
    const { script, workerData } = this.#options;
    const worker = new GatedWorker(script, {
      workerData: { ...workerData, records: this.records.buffer },
      resourceLimits: { stackSizeMb: STACK_MB },
    });
    worker.unref();
    worker.once("message", () => {
      if (this.#worker === worker) this.#isOnline = true;
    });
    worker.on("error", (problem: Error) => {
      this.#options.report("a helper of the executor failed", { why: problem.message });
      if (this.#worker === worker) this.#lose();
    });
    return worker;
  }

  /** The next block that is worth it starts another. */
  #lose(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
    this.#isOnline = false;
    this.reset();
    this.records = new Records();
    this.records.endTask(this.#task, 0);
  }

  #watchIdle(): void {
    this.#timer ??= setInterval(() => {
      if (performance.now() - this.#wantedMs < IDLE_MS) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.reset();
    }, IDLE_MS).unref();
  }
}
