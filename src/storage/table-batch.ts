/**
 * BatchBuilder: consecutive entries of the log as one write to the tables. Blocks until a rollback are one batch; a rollback
 * is one alone. Each key of the state that they touched is written once.
 */
import type { BlockEntry } from "../encoding/block-entry.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { StorageError } from "../errors.ts";
import { ChangeTable } from "./change-table.ts";
import { HistoryRows } from "./history-rows.ts";
import type { TablePosition } from "./postgres-tables.ts";
import { StateChanges } from "./state-changes.ts";
import type { TableStatement } from "./table-statement.ts";

/** Memory of an emptied change table that is kept for the next batch. */
const KEPT_BYTES = 32 * 1024 * 1024;

export class BatchBuilder {
  readonly #history: HistoryRows;
  readonly #state: StateChanges;
  readonly #changes = new ChangeTable();
  from: TablePosition;
  to: TablePosition;
  dropAbove: number | undefined;
  transactions = 0;

  /** @param schema quoted. */
  constructor(schema: string, from: TablePosition) {
    this.#history = new HistoryRows(schema);
    this.#state = new StateChanges(schema);
    this.from = from;
    this.to = from;
  }

  /** Empties it, to begin after `from`. */
  begin(from: TablePosition): void {
    this.from = from;
    this.to = from;
    this.dropAbove = undefined;
    this.transactions = 0;
    this.#history.clear();
    this.#state.clear();
    this.#changes.clear(KEPT_BYTES);
  }

  /** @throws StorageError when the block does not follow. */
  addBlock(block: BlockEntry): void {
    const { seq, height, parentHash, blockHash, stateRoot } = block;
    const follows = height === this.to.height + 1 && (height === 0 || equalBytes(parentHash, this.to.blockHash));
    if (seq !== this.to.seq + 1 || !follows)
      throw new StorageError(`log entry ${seq} (height ${height}) does not follow what the tables hold`, {
        retryable: false,
        seq,
        height,
        tableSeq: this.to.seq,
        tableHeight: this.to.height,
      });
    this.#history.add(block);
    this.#changes.applyDelta(block.delta, "forward");
    this.transactions += block.transactionCount;
    this.to = { seq, height, blockHash: blockHash.slice(), stateRoot: stateRoot.slice() };
  }

  /** @param undone the blocks above the rollback's height, newest first. */
  addRollback(rollback: BlockEntry, undone: readonly BlockEntry[]): void {
    for (const block of undone) this.#changes.applyDelta(block.delta, "backward");
    const { seq, height, blockHash, stateRoot } = rollback;
    this.dropAbove = height;
    this.to = { seq, height, blockHash: blockHash.slice(), stateRoot: stateRoot.slice() };
  }

  /** Valid until `begin`. */
  statements(): TableStatement[] {
    this.#state.take(this.#changes);
    return [...this.#history.statements(), ...this.#state.statements()];
  }
}
