/**
 * Trials: transactions run to see what they would do. Nothing of them is kept.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { alignUp, ByteWriter, equalBytes } from "../encoding/bytes.ts";
import { toHex } from "../encoding/hex.ts";
import { transactionLength } from "../encoding/transaction.ts";
import { EngineError } from "../errors.ts";
import type { BlockExecutor } from "./block-executor.ts";
import { CallTracer, type Trace } from "./call-tracer.ts";
import { type ErrorRecord, errorRecord } from "./error-record.ts";
import { GasBreakdown } from "./gas-breakdown.ts";
import type { BlockContext } from "./host.ts";
import type { ExecutionObserver } from "./observer.ts";

export type SimulatedTransaction =
  | { receipt: Uint8Array; transaction: Uint8Array; transactionHash: Uint8Array }
  | { rejection: ErrorRecord };

export interface Simulated {
  results: SimulatedTransaction[];
  stateDiff: { key: Uint8Array; before: Uint8Array | undefined; after: Uint8Array | undefined }[];
}

export class Trials {
  readonly #blocks: BlockExecutor;

  constructor(blocks: BlockExecutor) {
    this.#blocks = blocks;
  }

  /** Runs transactions one after the other on top of the head, keeps nothing, and shows what they would have changed. */
  simulate(transactions: Uint8Array, count: number, block: BlockContext): Simulated {
    const { engine, table } = this.#blocks;
    const checkpoint = table.checkpoint();
    engine.beginBlock(block);
    const results: SimulatedTransaction[] = [];
    try {
      let at = 0;
      for (let i = 0; i < count; i++) {
        const length = transactionLength(transactions, at);
        results.push(this.#simulateOne(transactions, at, length));
        at += alignUp(length);
      }
      return { results, stateDiff: table.changesSince(checkpoint) };
    } finally {
      table.revert(checkpoint);
      engine.reverted();
    }
  }

  #simulateOne(bytes: Uint8Array, at: number, length: number): SimulatedTransaction {
    const { engine } = this.#blocks;
    try {
      this.#blocks.fillNonce(bytes, at);
      engine.admit(bytes, at);
    } catch (problem) {
      return { rejection: errorRecord(expected(problem)) };
    }
    const transactionHash = this.#blocks.transactionHash(bytes, at);
    const receipt = new ByteWriter(256);
    engine.run(() => transactionHash, receipt);
    return { receipt: receipt.take(), transaction: bytes.slice(at, at + length), transactionHash };
  }

  /**
   * The least gas limit found to succeed, and what it goes to. A call may need more than it uses (what it hands to a
   * callee comes back), so that the answer is confirmed by running it, and searched for where that fails.
   * @throws EngineError the rejection, or REVERTED / HALTED when no limit up to the chain's makes it succeed.
   */
  estimate(transaction: Uint8Array, block: BlockContext): { gasLimit: number; breakdown: Record<string, number> } {
    const breakdown = new GasBreakdown();
    const max = this.#blocks.parameters.transactionGasMax;
    const full = this.#tryWithGas(transaction, max, block, breakdown);
    if (full.status !== "success") {
      throw full.status === "reverted"
        ? new EngineError("REVERTED", "the transaction reverts", {
            data: toHex(full.returnData),
            gasUsed: String(full.gasUsed),
          })
        : new EngineError("HALTED", `the transaction halts: ${full.haltReason}`, { haltReason: full.haltReason });
    }
    let high = full.gasUsed;
    if (this.#tryWithGas(transaction, high, block).status !== "success") {
      let low = high;
      high = Math.min(max, high * 64);
      while (high - low > Math.max(1, low / 64)) {
        const middle = Math.floor((low + high) / 2);
        if (this.#tryWithGas(transaction, middle, block).status === "success") high = middle;
        else low = middle;
      }
    }
    return { gasLimit: high, breakdown: breakdown.items() };
  }

  /**
   * Runs the transactions of a block once more, on the state before it, up to `index`, and watches that one.
   * @throws EngineError INTERNAL_ERROR when what comes of it is not the receipt in the block.
   */
  trace(block: BlockEntry, index: number): Trace {
    const { engine, table } = this.#blocks;
    const { height, timestampMs, chainId, protocolVersion } = block;
    const checkpoint = table.checkpoint();
    const tracer = new CallTracer();
    const receipt = new ByteWriter(1024);
    engine.beginBlock({ height, timestampMs, chainId, protocolVersion });
    try {
      for (let i = 0; i <= index; i++) {
        receipt.length = 0;
        engine.observe(i === index ? tracer : undefined);
        engine.admit(block.bytes, block.transactionAt(i));
        engine.run(() => block.transactionHash(i), receipt);
      }
    } finally {
      engine.observe(undefined);
      table.revert(checkpoint);
      engine.reverted();
    }
    const at = block.receiptAt(index);
    if (!equalBytes(receipt.written(), block.bytes.subarray(at, at + receipt.length)))
      throw new EngineError("INTERNAL_ERROR", `transaction ${index} of block ${height} ran otherwise than before`, {
        height,
        transactionIndex: index,
      });
    return tracer.trace();
  }

  #tryWithGas(transaction: Uint8Array, gasLimit: number, block: BlockContext, observer?: ExecutionObserver) {
    const { engine, table } = this.#blocks;
    const checkpoint = table.checkpoint();
    engine.beginBlock(block);
    const bytes = transaction.slice();
    new DataView(bytes.buffer).setBigUint64(16, BigInt(gasLimit), true);
    try {
      this.#blocks.fillNonce(bytes, 0);
      engine.observe(observer);
      engine.admit(bytes, 0);
      const result = engine.run(() => this.#blocks.transactionHash(bytes, 0), new ByteWriter(256));
      return {
        status: result.status,
        haltReason: result.haltReason,
        gasUsed: result.gasUsed,
        returnData: result.returnData,
      };
    } finally {
      engine.observe(undefined);
      table.revert(checkpoint);
      engine.reverted();
    }
  }
}

/** An error that the request caused; anything else is thrown on. */
function expected(problem: unknown): EngineError {
  if (problem instanceof EngineError && problem.code !== "INTERNAL_ERROR") return problem;
  throw problem;
}
