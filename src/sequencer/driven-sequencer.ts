/**
 * DrivenSequencer: mode driven. The node brings the blocks: execute, look at the root, commit or discard.
 *   execute ──▶ staged (one at most, in memory only) ── commit ──▶ log
 *                                                   └─ discard ──▶ taken back
 * Always
 *  - What is staged is not durable and nobody sees it: a restart, or `discard`, leaves no trace.
 *  - Committing the same height with an equal root again gives the same answer.
 *  - While it is not known whether the log has a block, nothing that comes after it begins.
 */
import { BlockEntry } from "../encoding/block-entry.ts";
import { ByteWriter, compareBytes, equalBytes } from "../encoding/bytes.ts";
import { toHex } from "../encoding/hex.ts";
import { EngineError, RejectedError } from "../errors.ts";
import { Submission } from "./batch.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Stage } from "./pipeline-options.ts";
import { blockUnderWay } from "./unknown-outcome.ts";

export interface DrivenBlock {
  height: number;
  parentHash: Uint8Array;
  timestampMs: number;
  encode(out: ByteWriter): number;
}

export class DrivenSequencer {
  readonly #pipeline: Pipeline;
  readonly #blockAt: (height: number) => BlockEntry | undefined;
  #staged: BlockEntry | undefined;
  /** Set while a block is being executed: what is staged is known when it resolves. */
  #underWay: Promise<void> | undefined;
  /** One operation at a time, in the order asked. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(pipeline: Pipeline, blockAt: (height: number) => BlockEntry | undefined) {
    this.#pipeline = pipeline;
    this.#blockAt = blockAt;
  }

  get stage(): Stage {
    return { block: this.#staged, underWay: this.#underWay };
  }

  execute(block: DrivenBlock): Promise<{ block: BlockEntry; outcome: Submission }> {
    return this.inTurn(async () => {
      this.#requireSettled();
      if (this.#staged !== undefined) {
        throw new EngineError("ALREADY_STAGED", `the block at height ${this.#staged.height} is staged`, {
          height: this.#staged.height,
          stateRoot: toHex(this.#staged.stateRoot),
        });
      }
      this.#checkFollowsHead(block);
      const out = new ByteWriter();
      const count = block.encode(out);
      const { entry, rejected } = await this.#executeStaged(out.take(), count, block.timestampMs);
      const outcome = new Submission({ settle: () => {}, fail: () => {} }, "executed", count);
      outcome.place(entry, 0, rejected);
      return { block: entry, outcome };
    });
  }

  async #executeStaged(transactions: Uint8Array, count: number, timestampMs: number) {
    let finish = () => {};
    this.#underWay = new Promise((resolve) => {
      finish = resolve;
    });
    try {
      const executed = await this.#pipeline.askNow("executeOne", [transactions, count, timestampMs]);
      this.#staged = new BlockEntry(executed.entry!);
      this.#staged.laps = executed.laps;
      this.#staged.parallel = executed.parallel;
      this.#staged.executedAtMs = performance.now();
      return { entry: this.#staged, rejected: executed.rejected };
    } finally {
      this.#underWay = undefined;
      finish();
    }
  }

  #requireSettled(): void {
    if (this.#pipeline.hasWrites) throw blockUnderWay(this.#pipeline.head.height + 1);
  }

  #checkFollowsHead({ height, parentHash, timestampMs }: DrivenBlock): void {
    const { head } = this.#pipeline;
    if (height !== head.height + 1 || compareBytes(parentHash, head.blockHash) !== 0) {
      throw new RejectedError(
        "BLOCK_OUT_OF_ORDER",
        `the next block is height ${head.height + 1} on ${toHex(head.blockHash)}, received height ${height} on ${toHex(parentHash)}`,
        {
          expected: { height: head.height + 1, parentHash: toHex(head.blockHash) },
          received: { height, parentHash: toHex(parentHash) },
        },
      );
    }
    if (timestampMs < head.timestampMs) {
      throw new RejectedError(
        "BLOCK_OUT_OF_ORDER",
        `the block's timestamp ${timestampMs} is below its parent's ${head.timestampMs}`,
        { expected: `at least ${head.timestampMs}`, received: timestampMs },
      );
    }
  }

  commit(height: number, stateRoot: Uint8Array): Promise<BlockEntry> {
    return this.inTurn(async () => {
      this.#requireSettled();
      const staged = this.#staged;
      if (staged === undefined || staged.height !== height) {
        const committed = this.#blockAt(height);
        if (committed !== undefined && equalBytes(committed.stateRoot, stateRoot)) return committed;
        if (staged === undefined)
          throw new EngineError("NOT_STAGED", `no block is staged; the head is height ${this.#pipeline.head.height}`, {
            height,
            headHeight: this.#pipeline.head.height,
          });
        throw new RejectedError("BLOCK_OUT_OF_ORDER", `height ${staged.height} is staged, not ${height}`, {
          expected: staged.height,
          received: height,
        });
      }
      if (!equalBytes(staged.stateRoot, stateRoot)) {
        throw new RejectedError(
          "ROOT_MISMATCH",
          `the block at height ${height} has state root ${toHex(staged.stateRoot)}, not ${toHex(stateRoot)}`,
          { height, expected: toHex(staged.stateRoot), received: toHex(stateRoot) },
        );
      }
      this.#staged = undefined;
      this.#pipeline.commit(staged);
      await this.#pipeline.executedIsDurable();
      return staged;
    });
  }

  discard(): Promise<void> {
    return this.inTurn(() => this.#discard());
  }

  async #discard(): Promise<void> {
    const staged = this.#staged;
    if (staged === undefined) throw new EngineError("NOT_STAGED", "no block is staged", {});
    this.#staged = undefined;
    await this.#pipeline.askNow("undo", [[staged.bytes], this.#pipeline.head]);
  }

  /** The executor is a new one: what was staged on the old is gone. */
  executorLost(): void {
    this.#staged = undefined;
  }

  /** Runs `body` with nothing staged and nothing else under way. */
  alone<T>(body: () => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      this.#requireSettled();
      if (this.#staged !== undefined) await this.#discard();
      return await body();
    });
  }

  /** Runs `body` while no block is being executed, committed or discarded. */
  inTurn<T>(body: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(body, body);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}
