/**
 * RetainedWindow: which blocks can be taken back, proved and asked about with `at`: the last `undoBlocks`, and older ones
 * up to `undoMs`, as long as their deltas fit `undoMaxBytes`. The deltas themselves lie in the log.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";

export interface RetentionOptions {
  undoBlocks: number;
  undoMs: number;
  undoMaxBytes: number;
}

interface Retained {
  height: number;
  timestampMs: number;
  bytes: number;
}

export class RetainedWindow {
  readonly #options: RetentionOptions;
  /** Ascending heights from `#first` on; the block at the lowest height can be gone back to, its own delta is not needed. */
  #blocks: Retained[] = [];
  /** Those before have left. Ten minutes under load are 180,000 blocks: too many to move for each that leaves. */
  #first = 0;
  #bytes = 0;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  add(entry: BlockEntry): void {
    if (entry.isRollback) {
      while (this.#count > 0 && this.#blocks.at(-1)!.height > entry.height) this.#bytes -= this.#blocks.pop()!.bytes;
      return;
    }
    const bytes = entry.deltaBytes;
    this.#blocks.push({ height: entry.height, timestampMs: entry.timestampMs, bytes });
    this.#bytes += bytes;
    while (this.#count > 1 && this.#mayLeave(this.#blocks[this.#first]!, entry.timestampMs))
      this.#bytes -= this.#blocks[this.#first++]!.bytes;
    if (this.#first < this.#count) return;
    this.#blocks = this.#blocks.slice(this.#first);
    this.#first = 0;
  }

  get #count(): number {
    return this.#blocks.length - this.#first;
  }

  #mayLeave(oldest: Retained, nowMs: number): boolean {
    if (this.#bytes > this.#options.undoMaxBytes) return true;
    return this.#count > this.#options.undoBlocks + 1 && oldest.timestampMs < nowMs - this.#options.undoMs;
  }

  /** The lowest height whose state can be had; undefined before the first block. */
  get lowestHeight(): number | undefined {
    return this.#blocks[this.#first]?.height;
  }
}
