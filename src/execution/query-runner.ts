/**
 * QueryRunner: encoded read-only calls, one after the other, on the state of a table. The executor has one, and so has each
 * thread that answers queries beside it (query-pool-worker.ts).
 * Always
 *  - Nothing that a query does outlives it.
 */
import { alignUp, type ByteWriter } from "../encoding/bytes.ts";
import { writeAnswer, writeLeft, writeRejection } from "../encoding/query-answer.ts";
import { TX_TO_AT, transactionLength } from "../encoding/transaction.ts";
import { toEngineError } from "../errors.ts";
import { errorRecord } from "./error-record.ts";
import type { BlockContext, ContractKind } from "./host.ts";
import { ReadRecorder } from "./read-recorder.ts";
import type { StateTable } from "./state-table.ts";
import type { UnifiedContractEngine } from "./unified-engine.ts";

export interface Calls {
  /** Encoded as call transactions, each from a multiple of 4. */
  readonly calls: Uint8Array;
  readonly count: number;
  /** Contracts of this kind are not run: whoever asks runs them elsewhere. */
  readonly leaves?: ContractKind | undefined;
}

export interface QueryRunnerOptions {
  engine: UnifiedContractEngine;
  table: StateTable;
  /** [0]: index of the query that runs, for whoever finds this thread dead. */
  progress?: Int32Array | undefined;
  /** Answers tell what was read. */
  recordReads?: boolean | undefined;
}

export class QueryRunner {
  readonly #engine: UnifiedContractEngine;
  readonly #table: StateTable;
  readonly #progress: Int32Array;
  /** What queries read, where someone keeps their answers. */
  readonly #reads: ReadRecorder | undefined;

  constructor({ engine, table, progress, recordReads }: QueryRunnerOptions) {
    this.#engine = engine;
    this.#table = table;
    this.#progress = progress ?? new Int32Array(1);
    this.#reads = recordReads === true ? new ReadRecorder() : undefined;
  }

  /**
   * Appends what each call came to (encoding/query-answer.ts).
   * @param block the last one. @param progress in place of the runner's own.
   */
  run({ calls, count, leaves }: Calls, block: BlockContext, out: ByteWriter, progress = this.#progress): void {
    this.#engine.beginBlock(this.#reads?.watched(block) ?? block);
    for (let i = 0, at = 0; i < count; i++) {
      Atomics.store(progress, 0, i);
      this.#query(calls, at, leaves, out);
      at += alignUp(transactionLength(calls, at));
    }
  }

  #query(calls: Uint8Array, at: number, leaves: ContractKind | undefined, out: ByteWriter): void {
    const engine = this.#engine;
    const table = this.#table;
    const reads = this.#reads;
    const checkpoint = table.checkpoint();
    try {
      if (leaves !== undefined && engine.contracts.resolve(calls, at + TX_TO_AT)?.info.kind === leaves) {
        writeLeft(out);
        return;
      }
      reads?.begin();
      table.reads = reads;
      engine.admitQuery(calls, at);
      const result = engine.query();
      table.reads = undefined;
      writeAnswer(out, result, reads?.reads(table, result.isGasSensitive));
    } catch (problem) {
      table.reads = undefined;
      writeRejection(out, errorRecord(toEngineError(problem)));
    }
    table.revert(checkpoint);
  }
}
