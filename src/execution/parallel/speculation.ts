/**
 * What the executor asks of a helper: to run a share of a block's transactions ahead of it, on the state of the block before.
 * Everything a helper says is checked against the executor's own state before it counts: a helper that is behind, wrong or
 * gone costs time and changes nothing.
 */
import type { BlockContext } from "../host.ts";
import type { Records } from "./records.ts";

export interface SpeculationTask {
  readonly block: BlockContext;
  /** Canonical encodings. The helper has a copy, or memory that nobody changes. */
  readonly transactions: Uint8Array;
  /** Of each transaction of the share, in order: its index, and where its encoding stands. */
  readonly share: Uint32Array;
  /** Entry of the log that the state must be of. */
  readonly parentSeq: number;
  /** Every slot is to be defined anew. */
  readonly forgetSlots: boolean;
}

export interface TaskTimes {
  /** Milliseconds of the executor, from the task's begin to its end, without waiting for the helper. */
  readonly ownMs: number;
  readonly helperMs: number;
}

export interface Speculation {
  /** Of the task that was begun last. */
  readonly records: Records;
  /** Whether a task that follows entry `parentSeq` would be taken. Where it would not, it is seen to that a later one is. */
  isReady(parentSeq: number): boolean;
  /** Answers the task's number. */
  begin(task: SpeculationTask): number;
  /**
   * Waits until more than `words` words of records are there. @returns how many there are; no more: not in time, and the
   * executor runs the rest itself.
   */
  awaitRecords(task: number, words: number): number;
  /** Nobody wants more of the task. @returns undefined where the helper has not ended it, or nobody measures. */
  end(task: number): TaskTimes | undefined;
  /** A block stands: its delta, which is copied, is entry `seq`. */
  followed(delta: Uint8Array, seq: number): void;
  /** The state was changed in another way. */
  reset(): void;
}
