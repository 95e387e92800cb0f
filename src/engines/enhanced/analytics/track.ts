/**
 * Track: what is counted of a contract, of an entrypoint or of a caller: since the beginning, and for the running and the
 * last whole minute, hour and day, by the blocks' own time.
 * Histograms are made when there is enough to put into them; percentiles say how many samples they rest on.
 * An execution is added to one track of an entrypoint, and to one of a caller; what a contract, or all of them, came to is
 * the sum of tracks, made when someone asks.
 */
import { BINS, binOf, percentile } from "./histogram.ts";

/** One execution, as the log and the executor's clock tell it. */
export interface Execution {
  status: "success" | "reverted" | "halted";
  gasUsed: number;
  gasLimit: number;
  /** Undefined when it was not timed: executed before this start of the daemon. */
  timeUs: number | undefined;
}

export const WINDOW_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
export type WindowName = keyof typeof WINDOW_MS;
const WINDOWS = Object.entries(WINDOW_MS) as [WindowName, number][];

/** Columns of a row. */
const Column = { executions: 0, reverted: 1, halted: 2, gasUsed: 3, gasLimit: 4, timed: 5, timeUs: 6 } as const;
const COLUMNS = 7;
/** Rows: since the beginning, then the running and the last whole one of each window. */
const ROWS = 1 + 2 * WINDOWS.length;
/** Executions are added here alone; when the minute is over, it is added to the rows of what is longer. */
const RUNNING_MINUTE = 1;
const FIRST = RUNNING_MINUTE * COLUMNS;
/** Since the beginning, the running hour, the running day. */
const LONGER_ROWS = [0, 3, 5];
/** When the running minute ends stands behind the rows. */
const MINUTE_END = ROWS * COLUMNS;
export const TRACK_NUMBERS = MINUTE_END + 1;
/** By row: gas, then time. */
export const TRACK_BINS = 2 * ROWS * BINS;
/** Executions that come before those in the histogram: it takes 9 KB. */
const HISTOGRAM_AFTER = 16;

/** What a track counts in: its own, or a part of an array of many (callers.ts). Execution counters know the layout. */
export interface TrackMemory {
  /** TRACK_NUMBERS of them. */
  readonly numbers: Float64Array;
  /** TRACK_BINS of them; undefined while there is no histogram. */
  bins: Uint32Array | undefined;
  /** Executions that come before those in the histogram. */
  readonly histogramAfter: number;
}

export interface Summary {
  executions: number;
  successRate: number | null;
  reverted: number;
  halted: number;
  gasUsed: number;
  avgGasUsed: number | null;
  avgGasLimit: number | null;
  gasPercentiles: Percentiles | null;
  /** Executions whose time was measured, and what they took. */
  timed: number;
  avgTimeMs: number | null;
  timePercentilesMs: Percentiles | null;
}

export interface Percentiles {
  p50: number;
  p90: number;
  p99: number;
  samples: number;
}

export interface TrackRecord {
  rows: number[];
  starts: number[];
  /** Bins that are not empty: index, count, index, count … */
  bins?: number[] | undefined;
}

export class Track {
  readonly memory: TrackMemory;
  readonly #rows: Float64Array;
  /** Number of the running minute, hour and day. */
  readonly #starts = new Float64Array(WINDOWS.length);

  /** @param memory all zero. */
  constructor(memory?: TrackMemory) {
    this.memory = memory ?? {
      numbers: new Float64Array(TRACK_NUMBERS),
      bins: undefined,
      histogramAfter: HISTOGRAM_AFTER,
    };
    this.#rows = this.memory.numbers.subarray(0, MINUTE_END);
  }

  /** What all of them came to. */
  static sum(tracks: Iterable<Track>, nowMs: number): Track {
    const sum = new Track();
    sum.advance(nowMs);
    for (const track of tracks) {
      track.advance(nowMs);
      for (let i = 0; i < track.#rows.length; i++) sum.#rows[i]! += track.#rows[i]!;
      const bins = track.#bins;
      if (bins === undefined) continue;
      sum.memory.bins ??= new Uint32Array(TRACK_BINS);
      for (let i = 0; i < bins.length; i++) sum.memory.bins[i]! += bins[i]!;
    }
    return sum;
  }

  /** Adds what another came to. */
  include(other: Track, nowMs: number): void {
    const sum = Track.sum([this, other], nowMs);
    this.memory.numbers.set(sum.memory.numbers);
    this.#starts.set(sum.#starts);
    this.memory.bins = sum.memory.bins;
  }

  static from(record: TrackRecord, memory?: TrackMemory): Track {
    const track = new Track(memory);
    track.#rows.set(record.rows.slice(0, MINUTE_END));
    track.#starts.set(record.starts.slice(0, WINDOWS.length));
    track.memory.numbers[MINUTE_END] = (track.#starts[0]! + 1) * WINDOW_MS.minute;
    if (record.bins !== undefined) {
      track.memory.bins ??= new Uint32Array(TRACK_BINS);
      for (let i = 0; i + 1 < record.bins.length; i += 2) track.memory.bins[record.bins[i]!] = record.bins[i + 1]!;
    }
    return track;
  }

  record(): TrackRecord {
    const record: TrackRecord = { rows: Array.from(this.#rows), starts: Array.from(this.#starts) };
    const counts = this.#bins;
    if (counts === undefined) return record;
    const bins: number[] = [];
    for (let bin = 0; bin < counts.length; bin++) if (counts[bin]! > 0) bins.push(bin, counts[bin]!);
    return { ...record, bins };
  }

  get executions(): number {
    return this.#rows[Column.executions]! + this.#rows[RUNNING_MINUTE * COLUMNS + Column.executions]!;
  }

  /** The histogram, once something is in it. */
  get #bins(): Uint32Array | undefined {
    return this.executions > this.memory.histogramAfter ? this.memory.bins : undefined;
  }

  add(execution: Execution, atMs: number): void {
    this.advance(atMs);
    const { status, gasUsed, gasLimit, timeUs } = execution;
    const { memory } = this;
    const rows = this.#rows;
    const before = this.executions;
    rows[FIRST + Column.executions]!++;
    if (status === "reverted") rows[FIRST + Column.reverted]!++;
    else if (status === "halted") rows[FIRST + Column.halted]!++;
    rows[FIRST + Column.gasUsed]! += gasUsed;
    rows[FIRST + Column.gasLimit]! += gasLimit;
    if (timeUs !== undefined) {
      rows[FIRST + Column.timed]!++;
      rows[FIRST + Column.timeUs]! += timeUs;
    }
    if (before < memory.histogramAfter) return;
    memory.bins ??= new Uint32Array(TRACK_BINS);
    memory.bins[2 * RUNNING_MINUTE * BINS + binOf(gasUsed)]!++;
    if (timeUs !== undefined) memory.bins[(2 * RUNNING_MINUTE + 1) * BINS + binOf(timeUs)]!++;
  }

  /** The running window becomes the last whole one when its time is over. Time that goes back stays in the running one. */
  advance(atMs: number): void {
    const { numbers } = this.memory;
    if (atMs < numbers[MINUTE_END]!) return;
    numbers[MINUTE_END] = (Math.floor(atMs / WINDOW_MS.minute) + 1) * WINDOW_MS.minute;
    for (const row of LONGER_ROWS) this.#addRow(RUNNING_MINUTE, row);
    for (let i = 0; i < WINDOWS.length; i++) {
      const number = Math.floor(atMs / WINDOWS[i]![1]);
      const passed = number - this.#starts[i]!;
      if (passed <= 0) continue;
      this.#starts[i] = number;
      const running = 1 + 2 * i;
      if (passed === 1) this.#copyRow(running, running + 1);
      else this.#clearRow(running + 1);
      this.#clearRow(running);
    }
  }

  #addRow(from: number, to: number): void {
    const rows = this.#rows;
    for (let column = 0; column < COLUMNS; column++) rows[to * COLUMNS + column]! += rows[from * COLUMNS + column]!;
    const bins = this.#bins;
    if (bins === undefined) return;
    for (let bin = 0; bin < 2 * BINS; bin++) bins[2 * to * BINS + bin]! += bins[2 * from * BINS + bin]!;
  }

  #copyRow(from: number, to: number): void {
    this.#rows.copyWithin(to * COLUMNS, from * COLUMNS, (from + 1) * COLUMNS);
    this.#bins?.copyWithin(2 * to * BINS, 2 * from * BINS, 2 * (from + 1) * BINS);
  }

  #clearRow(row: number): void {
    this.#rows.fill(0, row * COLUMNS, (row + 1) * COLUMNS);
    this.#bins?.fill(0, 2 * row * BINS, 2 * (row + 1) * BINS);
  }

  total(): Summary {
    return this.#summary([0, RUNNING_MINUTE]);
  }

  /** The running window and the last whole one together: between one and two windows' worth. */
  window(name: WindowName, nowMs: number): Summary {
    this.advance(nowMs);
    const running = 1 + 2 * WINDOWS.findIndex(([window]) => window === name);
    return this.#summary(running === RUNNING_MINUTE ? [1, 2] : [running, running + 1, RUNNING_MINUTE]);
  }

  #summary(rows: readonly number[]): Summary {
    const sum = (column: number) => rows.reduce((total, row) => total + this.#rows[row * COLUMNS + column]!, 0);
    const executions = sum(Column.executions);
    const reverted = sum(Column.reverted);
    const halted = sum(Column.halted);
    const timed = sum(Column.timed);
    const mean = (column: number, count: number) => (count === 0 ? null : sum(column) / count);
    const avgTimeUs = mean(Column.timeUs, timed);
    return {
      executions,
      successRate: executions === 0 ? null : (executions - reverted - halted) / executions,
      reverted,
      halted,
      gasUsed: sum(Column.gasUsed),
      avgGasUsed: mean(Column.gasUsed, executions),
      avgGasLimit: mean(Column.gasLimit, executions),
      gasPercentiles: this.#percentiles(rows, 0, 1),
      timed,
      avgTimeMs: avgTimeUs === null ? null : avgTimeUs / 1000,
      timePercentilesMs: this.#percentiles(rows, 1, 1000),
    };
  }

  #percentiles(rows: readonly number[], kind: 0 | 1, divisor: number): Percentiles | null {
    const bins = this.#bins;
    if (bins === undefined) return null;
    const counts = new Uint32Array(BINS);
    let samples = 0;
    for (const row of rows)
      for (let bin = 0; bin < BINS; bin++) {
        const count = bins[(2 * row + kind) * BINS + bin]!;
        counts[bin]! += count;
        samples += count;
      }
    if (samples === 0) return null;
    const at = (share: number) => percentile(counts, 0, share)! / divisor;
    return { p50: at(0.5), p90: at(0.9), p99: at(0.99), samples };
  }
}
