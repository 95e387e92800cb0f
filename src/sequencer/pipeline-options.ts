/** What a Pipeline is made with. */
import type { BlockEntry } from "../encoding/block-entry.ts";
import type { EngineError } from "../errors.ts";
import type { Head } from "../execution/executor.ts";
import type { BlockLog } from "../execution/ports.ts";
import type { ExecutorHandle } from "./executor-handle.ts";

export interface RunningExecutor {
  handle: ExecutorHandle;
  /** Index of the transaction or query that it is at: written by the executor, read after its death. */
  progress: Int32Array;
}

export interface Stage {
  block: BlockEntry | undefined;
  /** Resolves when `block` is what is staged. */
  underWay: Promise<void> | undefined;
}

export interface PipelineOptions {
  log: BlockLog;
  /** The head of the log. */
  head: Head;
  /** Starts an executor whose state is that of `head`. */
  startExecutor(head: Head, onLost: (problem: EngineError) => void): Promise<RunningExecutor>;
  now(): number;
  onDurable(entry: BlockEntry): void;
  /** Mode driven: a block that waits to be committed, or is being executed for it. Nobody may see it. */
  stage(): Stage | undefined;
  /** Who submitted is told by then that the outcome is not known; left out: when it is. */
  commitWaitMaxMs?: number | undefined;
  /** Somebody was told so. */
  onOverdue?(): void;
  /** There is room for another batch. */
  onRoom(): void;
  /** The log's state is unknown, or no executor can be started: the process has to stop. */
  onFatal(error: EngineError): void;
}
