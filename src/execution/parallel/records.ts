/**
 * Records: what became of transactions that a helper ran ahead of the executor, in memory that both threads see.
 *   helper ── Speculator writes ──▶ [ record ][ record ] … ◀── reads, checks, adopts ── Lane ── executor
 *
 *   record  index · words in all · whether it stands · gas (2) · receipt's bytes · rows written · rows in all · microseconds ·
 *           receipt · row*
 *   row     the helper's slot · what follows (RowFlag, forms) · [key: prefix's bytes, suffix's bytes, both] · value before ·
 *           [value after]
 *   value   absent: nothing; word and account: 8 limbs; bytes: their number, and themselves
 * Everything begins on a word. Rows that were written come first, in the order of their first write.
 * Always
 *  - A record is whole before it is published, and is not changed until the next task.
 */

/** What a record's first words say. */
export const RecordWord = {
  index: 0,
  words: 1,
  stands: 2,
  gasLow: 3,
  gasHigh: 4,
  receiptBytes: 5,
  written: 6,
  rows: 7,
  microseconds: 8,
} as const;
export const RECORD_HEADER_WORDS = 9;

/** Beside the form before (bits 0 to 7) and after (8 to 15) in a row's second word. */
export const RowFlag = {
  /** Its key follows: the executor does not know this slot yet. */
  defined: 1 << 16,
  /** The value before are the bytes that were said last time, which are left out. */
  same: 1 << 17,
  /** Only whether there is a value was said: code is named by its hash. */
  presence: 1 << 18,
} as const;

/** Words that the threads tell each other by. */
export const Control = {
  /** The task that the records are of. */
  task: 0,
  /** Words of records that are whole. */
  published: 1,
  /** The last task that has come to its end, or was given up. */
  ended: 2,
  /** The last task that the executor no longer wants. */
  cancelled: 3,
  /** Changes when the helper has something to tell who waits. */
  changes: 4,
  /** Words of records that the executor waits for; 0: it does not. */
  awaited: 5,
  /** How long the helper took for the last task that has come to its end. */
  microseconds: 6,
} as const;
const CONTROL_BYTES = 64;

/** Of records of one task: some 20,000 transactions. Where they are full, the executor runs the rest. */
const RECORD_BYTES = 16 * 1024 * 1024;

export class Records {
  readonly buffer: SharedArrayBuffer;
  readonly control: Int32Array;
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;

  constructor(buffer = new SharedArrayBuffer(CONTROL_BYTES + RECORD_BYTES)) {
    this.buffer = buffer;
    this.control = new Int32Array(buffer, 0, CONTROL_BYTES / 4);
    this.words = new Uint32Array(buffer, CONTROL_BYTES);
    this.bytes = new Uint8Array(buffer, CONTROL_BYTES);
  }

  // ── the helper's side ───────────────────────────────────────────────────────

  beginTask(task: number): void {
    Atomics.store(this.control, Control.published, 0);
    Atomics.store(this.control, Control.task, task);
  }

  publish(words: number): void {
    const { control } = this;
    Atomics.store(control, Control.published, words);
    // Who waits says so before it looks at what is published.
    const awaited = Atomics.load(control, Control.awaited);
    if (awaited > 0 && words >= awaited) this.#wake();
  }

  endTask(task: number, microseconds: number): void {
    Atomics.store(this.control, Control.microseconds, microseconds);
    Atomics.store(this.control, Control.ended, task);
    this.#wake();
  }

  #wake(): void {
    Atomics.add(this.control, Control.changes, 1);
    Atomics.notify(this.control, Control.changes);
  }

  isCancelled(task: number): boolean {
    return Atomics.load(this.control, Control.cancelled) >= task;
  }

  // ── the executor's side ─────────────────────────────────────────────────────

  /** Words of the task's records that are there. */
  publishedOf(task: number): number {
    return Atomics.load(this.control, Control.task) === task ? Atomics.load(this.control, Control.published) : 0;
  }

  hasEnded(task: number): boolean {
    return Atomics.load(this.control, Control.ended) >= task;
  }

  /** How long the helper took for the last task that has ended. */
  get microseconds(): number {
    return Atomics.load(this.control, Control.microseconds);
  }

  cancel(task: number): void {
    Atomics.store(this.control, Control.cancelled, task);
  }

  /**
   * Waits until more than `words` are published: some more where it has to sleep, so that it does not sleep before each record.
   * Answers false where the task ends before, or it takes too long.
   */
  waitFor(task: number, words: number, timeoutMs: number): boolean {
    const { control } = this;
    for (let spin = 0; spin < SPINS; spin++) if (this.publishedOf(task) > words) return true;
    Atomics.store(control, Control.awaited, words + AWAITED_WORDS);
    const seen = Atomics.load(control, Control.changes);
    if (this.publishedOf(task) <= words && !this.hasEnded(task))
      Atomics.wait(control, Control.changes, seen, timeoutMs);
    Atomics.store(control, Control.awaited, 0);
    return this.publishedOf(task) > words;
  }
}

/** Some microseconds: less than it takes to sleep and be woken. */
const SPINS = 300;
/** Some ten records. */
const AWAITED_WORDS = 1024;
