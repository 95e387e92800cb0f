/**
 * PlainTransfers: runs of plain token transfers through a native shortcut (TransferRunner), on the arrays of the state table
 * and of the block being made. Most of a token's transactions are such; whatever is not is left to the dispatcher.
 * Always
 *  - Bytes, gas and order of changes are those that the dispatcher gives: with or without it, the same blocks.
 *  - No block's gas can end inside a run, so that nothing of a run is ever taken back for it.
 */
import type { ByteWriter } from "../encoding/bytes.ts";
import { BodyForm, TransactionKind, TX_HEADER_BYTES } from "../encoding/transaction.ts";
import {
  RUN_NUMBERS,
  RunNumber,
  TRANSFER_BODY_BYTES_MAX,
  TRANSFER_RECEIPT_BYTES_MAX,
  TRANSFER_UNDO_RECORDS,
  type TransferRunner,
} from "../encoding/transfer-run.ts";
import type { Contracts } from "./contracts.ts";
import type { GasSchedule } from "./gas.ts";
import type { ChainParameters } from "./parameters.ts";
import type { StateTable } from "./state-table.ts";

/** How far the making of a block has come. */
export interface BlockProgress {
  /** Of the next transaction: index, and where its encoding stands. */
  index: number;
  at: number;
  included: number;
  gasUsed: number;
  hasIds: boolean;
  /** Index of the submission that the next transaction belongs to. */
  submission: number;
  /** The same as that submission began. */
  start: { index: number; at: number; included: number; gasUsed: number; undoCount: number; receiptsLength: number };
}

/** Arrays that a block is made in; `ranges` and `receiptAt` have room for what a run includes. */
export interface BlockArrays {
  readonly transactions: Uint8Array;
  readonly receipts: ByteWriter;
  readonly ranges: Uint32Array;
  readonly receiptAt: Uint32Array;
  readonly submissionEnds: Uint32Array;
}

/** One run takes at most this many: its arrays are reserved before it. */
export const RUN_MAX = 1024;
const NAME_LENGTH = 8;
const LETTER_T = 0x74;
const TOPIC_AT = 20;

export class PlainTransfers {
  readonly #runner: TransferRunner;
  readonly #table: StateTable;
  readonly #contracts: Contracts;
  readonly #blockGasMax: number;
  readonly #gasMax: number;
  readonly #numbers = new Float64Array(RUN_NUMBERS);
  readonly #token = new Uint8Array(TOPIC_AT + 32);

  constructor(
    runner: TransferRunner,
    modules: { table: StateTable; contracts: Contracts; schedule: GasSchedule; parameters: ChainParameters },
  ) {
    const { schedule, parameters } = modules;
    this.#runner = runner;
    this.#table = modules.table;
    this.#contracts = modules.contracts;
    this.#blockGasMax = parameters.blockGasMax;
    const log = schedule.logBase + 3 * schedule.logTopic + 32 * schedule.logByte;
    const { transactionBase, bodyByte, stateRead, stateWrite, stateCreate } = schedule;
    const body = bodyByte * TRANSFER_BODY_BYTES_MAX;
    this.#gasMax = transactionBase + body + 2 * stateRead + stateWrite + stateCreate + log;
    const n = this.#numbers;
    n[RunNumber.transactionBase] = transactionBase;
    n[RunNumber.bodyByte] = bodyByte;
    n[RunNumber.stateRead] = stateRead;
    n[RunNumber.stateWrite] = stateWrite;
    n[RunNumber.stateCreate] = stateCreate;
    n[RunNumber.log] = log;
    n[RunNumber.transactionGasMax] = parameters.transactionGasMax;
  }

  /** Whether the transaction looks like one that a run may begin with. */
  mayRun(transactions: Uint8Array, at: number): boolean {
    return (
      transactions[at] === TransactionKind.call &&
      transactions[at + 2] === BodyForm.entrypoint &&
      transactions[at + TX_HEADER_BYTES] === NAME_LENGTH &&
      transactions[at + TX_HEADER_BYTES + 1] === LETTER_T
    );
  }

  /** Runs what it can from `progress` on. Answers false when that was nothing. */
  run(progress: BlockProgress, arrays: BlockArrays): boolean {
    const { transactions, receipts, submissionEnds } = arrays;
    const contract = this.#contracts.resolve(transactions, progress.at + 44);
    if (contract === undefined || contract.info.status !== "active") return false;
    const plain = contract.engine.plainTransfer?.(contract.code);
    if (plain === undefined) return false;
    const count = Math.min(RUN_MAX, submissionEnds[submissionEnds.length - 1]! - progress.index);
    if (progress.gasUsed + count * this.#gasMax > this.#blockGasMax) return false;

    receipts.ensure(count * TRANSFER_RECEIPT_BYTES_MAX);
    const lent = this.#table.lend(contract.space, count * TRANSFER_UNDO_RECORDS);
    const { accounts, balances, rows, undo } = lent;
    this.#token.set(contract.info.address);
    this.#token.set(plain.topic, TOPIC_AT);
    const n = this.#numbers;
    n[RunNumber.indexSeed] = rows.seed;
    n[RunNumber.balancePrefix] = plain.balancePrefix;
    n[RunNumber.serial] = lent.serial;
    n[RunNumber.accountSpace] = accounts.id;
    n[RunNumber.balanceSpace] = balances.id;
    n[RunNumber.accountHead] = accounts.head;
    n[RunNumber.accountTail] = accounts.tail;
    n[RunNumber.balanceHead] = balances.head;
    n[RunNumber.balanceTail] = balances.tail;
    n[RunNumber.undoCount] = undo.count;
    n[RunNumber.receiptsLength] = receipts.length;
    this.#writeProgress(progress, count);
    this.#runner.run(
      {
        transactions,
        rows: rows.rows,
        index: rows.index,
        undo: undo.words,
        receipts: receipts.bytes,
        ranges: arrays.ranges,
        receiptAt: arrays.receiptAt,
        submissionEnds,
      },
      this.#token,
      n,
    );
    if (n[RunNumber.next] === progress.index) return false;
    receipts.length = n[RunNumber.receiptsLength]!;
    this.#table.takeBack(lent, n[RunNumber.undoCount]!, {
      accountHead: n[RunNumber.accountHead]!,
      accountTail: n[RunNumber.accountTail]!,
      balanceHead: n[RunNumber.balanceHead]!,
      balanceTail: n[RunNumber.balanceTail]!,
    });
    this.#readProgress(progress);
    return true;
  }

  #writeProgress(progress: BlockProgress, count: number): void {
    const n = this.#numbers;
    const { start } = progress;
    n[RunNumber.next] = progress.index;
    n[RunNumber.end] = progress.index + count;
    n[RunNumber.at] = progress.at;
    n[RunNumber.included] = progress.included;
    n[RunNumber.submission] = progress.submission;
    n[RunNumber.gasUsed] = progress.gasUsed;
    n[RunNumber.hasIds] = progress.hasIds ? 1 : 0;
    n[RunNumber.startIndex] = start.index;
    n[RunNumber.startAt] = start.at;
    n[RunNumber.startIncluded] = start.included;
    n[RunNumber.startUndoCount] = start.undoCount;
    n[RunNumber.startReceiptsLength] = start.receiptsLength;
    n[RunNumber.startGasUsed] = start.gasUsed;
  }

  #readProgress(progress: BlockProgress): void {
    const n = this.#numbers;
    progress.index = n[RunNumber.next]!;
    progress.at = n[RunNumber.at]!;
    progress.included = n[RunNumber.included]!;
    progress.submission = n[RunNumber.submission]!;
    progress.gasUsed = n[RunNumber.gasUsed]!;
    progress.hasIds = n[RunNumber.hasIds] === 1;
    progress.start.index = n[RunNumber.startIndex]!;
    progress.start.at = n[RunNumber.startAt]!;
    progress.start.included = n[RunNumber.startIncluded]!;
    progress.start.undoCount = n[RunNumber.startUndoCount]!;
    progress.start.receiptsLength = n[RunNumber.startReceiptsLength]!;
    progress.start.gasUsed = n[RunNumber.startGasUsed]!;
  }
}
