/**
 * BlockExecutor: a batch of encoded transactions becomes an entry of the log. The pure core: no clock, no randomness,
 * no I/O but reads of the local snapshot; the same blocks give the same bytes everywhere.
 *
 *   transactions ── admit, run, one after the other ──▶ receipts ─┐      (helpers may run some ahead: parallel/)
 *                                  StateTable.writeDelta ─▶ delta ─┤ state root, receipts root, block hash
 *                                                                  ▼
 *                                                             BlockEntry
 * Always
 *  - A rejected transaction is in no block, uses no nonce and leaves its neighbours alone.
 *  - Nothing is durable here: `undo` takes an entry back while the log does not have it.
 */

import type { BlockEntry, ParallelCounts } from "../encoding/block-entry.ts";
import { alignUp, writeU64 } from "../encoding/bytes.ts";
import type { BatchHasher } from "../encoding/hash.ts";
import type { Laps } from "../encoding/laps.ts";
import { parameterKey } from "../encoding/state-key.ts";
import type { StateTree } from "../encoding/state-tree.ts";
import { TxFlag, transactionLength } from "../encoding/transaction.ts";
import type { TransferRunner } from "../encoding/transfer-run.ts";
import { EngineError, type ErrorCode, type ErrorFacts } from "../errors.ts";
import { type BlockHeading, BlockWriter } from "./block-writer.ts";
import { GAS_SCHEDULE_1 } from "./gas.ts";
import type { ContractEngine } from "./host.ts";
import { ParallelBlock } from "./parallel/parallel-block.ts";
import type { Speculation } from "./parallel/speculation.ts";
import { type ChainParameters, encodeParameters, PARAMETERS_LEAF } from "./parameters.ts";
import { type BlockProgress, PlainTransfers, RUN_MAX } from "./plain-transfers.ts";
import type { StateSnapshot } from "./ports.ts";
import { StateTable, type StateTableOptions } from "./state-table.ts";
import { Stopwatch } from "./stopwatch.ts";
import { UnifiedContractEngine } from "./unified-engine.ts";

export interface BlockInput extends BlockHeading {
  /** Index after the last transaction of each submission: a submission is never split across blocks. */
  readonly submissionEnds: Uint32Array;
  /** Index of the first transaction in what was handed to the executor: counts on from it in `progress`. */
  readonly firstIndex?: number;
  /** What `transactions` is a copy of, where it is that from its begin: nothing changes it. */
  readonly batch?: Uint8Array;
}

/** What `execute` will be asked for next, if that is known already. */
export interface UpcomingBatch {
  readonly batch: Uint8Array;
  readonly count: number;
  readonly timestampMs: number;
}

export interface RejectedTransaction {
  readonly index: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly facts: ErrorFacts;
}

export interface ExecutedBlock {
  /** Undefined when no transaction was included: there are no empty blocks in mode auto. */
  readonly entry: Uint8Array<ArrayBuffer> | undefined;
  readonly rejected: readonly RejectedTransaction[];
  /** How many transactions were taken; the others did not fit the block's gas and belong to the next. */
  readonly taken: number;
  /** How long the included transactions took, where there is a clock. No part of the entry. */
  readonly laps?: Laps | undefined;
  /** What helpers ran of it, where any were asked. No part of the entry. */
  readonly parallel?: ParallelCounts | undefined;
}

/** What became of the transactions that a block is made of. */
interface RanTransactions {
  readonly included: number;
  readonly gasUsed: number;
  readonly hasIds: boolean;
  readonly rejected: RejectedTransaction[];
  /** See ExecutedBlock.taken. */
  readonly taken: number;
}

const ROOT_BYTES = 32;
/** In place of gas: no helper's outcome could be taken over. */
const NOT_RUN = -1;
/** Their rows, a few hundred cache lines, fit the second-level cache beside what running them takes. */
const TOUCHED_AHEAD = 64;

export class BlockExecutor {
  readonly table: StateTable;
  readonly engine: UnifiedContractEngine;
  readonly parameters: ChainParameters;
  readonly #tree: StateTree;
  readonly #writer: BlockWriter;
  readonly #plain: PlainTransfers | undefined;
  readonly #parallel: ParallelBlock | undefined;
  readonly #upcoming: () => UpcomingBatch | undefined;
  readonly #progress: Int32Array;
  readonly #stopwatch: Stopwatch | undefined;
  readonly #running: { bytes: Uint8Array; at: number } = { bytes: new Uint8Array(0), at: 0 };
  /** Only a deployment keeps its transaction's hash; all hashes are made at once when the block is sealed. */
  readonly #runningHash = () => this.transactionHash(this.#running.bytes, this.#running.at);

  constructor(options: {
    snapshot: StateSnapshot;
    tree: StateTree;
    hasher: BatchHasher;
    engines: readonly ContractEngine[];
    parameters: ChainParameters;
    table?: StateTableOptions;
    progress?: Int32Array;
    /** A shortcut for plain transfers, where there is a native one. */
    transfers?: TransferRunner | undefined;
    /** Microseconds, for whoever measures: nothing in a block depends on it. */
    clock?: (() => number) | undefined;
    /** Threads that run transactions ahead; none: all run here. */
    helpers?: readonly Speculation[] | undefined;
    /** Where it tells, helpers begin with the next block while this one is sealed. */
    upcoming?: (() => UpcomingBatch | undefined) | undefined;
  }) {
    this.#stopwatch = options.clock === undefined ? undefined : new Stopwatch(options.clock);
    this.parameters = options.parameters;
    this.#progress = options.progress ?? new Int32Array(1);
    this.table = new StateTable(options.snapshot, options.table);
    this.engine = new UnifiedContractEngine({
      table: this.table,
      engines: options.engines,
      schedule: GAS_SCHEDULE_1,
      parameters: options.parameters,
    });
    if (options.transfers !== undefined)
      this.#plain = new PlainTransfers(options.transfers, {
        table: this.table,
        contracts: this.engine.contracts,
        schedule: GAS_SCHEDULE_1,
        parameters: options.parameters,
      });
    const { helpers = [] } = options;
    if (helpers.length > 0)
      this.#parallel = new ParallelBlock({ table: this.table, contracts: this.engine.contracts, helpers });
    this.#upcoming = options.upcoming ?? (() => undefined);
    this.#tree = options.tree;
    this.#writer = new BlockWriter(options.hasher, options.parameters);
  }

  /** @param allowEmpty driven mode has empty blocks. */
  execute(input: BlockInput, allowEmpty = false): ExecutedBlock {
    const { chainId, protocolVersion } = this.parameters;
    const block = { height: input.height, timestampMs: input.timestampMs, chainId, protocolVersion };
    this.engine.beginBlock(block);
    const { batch = input.transactions, submissionEnds, seq } = input;
    const total = submissionEnds.at(-1) ?? 0;
    const helped = this.#parallel?.begin(batch, total, seq - 1, block) === true ? this.#parallel : undefined;
    let parallel: ParallelCounts | undefined;
    try {
      let ran: RanTransactions;
      try {
        ran = this.#runAll(input, helped);
      } finally {
        parallel = helped?.end();
      }
      return { ...this.#seal(input, ran, allowEmpty), parallel };
    } catch (fault) {
      this.table.revert(0);
      this.engine.reverted();
      this.#parallel?.reset();
      throw fault;
    }
  }

  #runAll(input: BlockInput, helped: ParallelBlock | undefined): RanTransactions {
    const { transactions, submissionEnds } = input;
    const rejected: RejectedTransaction[] = [];
    const { receipts } = this.#writer;
    receipts.length = 0;
    const start = { index: 0, at: 0, included: 0, gasUsed: 0, undoCount: 0, receiptsLength: 0 };
    const progress = { index: 0, at: 0, included: 0, gasUsed: 0, hasIds: false, submission: 0, start };
    let touchedUntil = 0;
    let overfull = false;
    const total = submissionEnds.at(-1) ?? 0;
    this.#stopwatch?.start();
    while (progress.index < total) {
      this.#stopwatch?.lap(progress.included);
      if (progress.index >= submissionEnds[progress.submission]!) this.#enterSubmission(progress, submissionEnds);
      this.#progress[0] = (input.firstIndex ?? 0) + progress.index;
      if (this.#runPlain(progress, transactions, submissionEnds)) continue;
      const { index, at } = progress;
      if (index >= touchedUntil) {
        this.#touch(transactions, at);
        touchedUntil = index + TOUCHED_AHEAD;
      }
      const length = transactionLength(transactions, at);
      const checkpoint = this.table.checkpoint();
      const receiptStart = receipts.length;
      let used = overfull || helped === undefined ? NOT_RUN : this.#adopt(helped, progress, transactions);
      let problem: EngineError | undefined;
      if (used === NOT_RUN) {
        problem = overfull ? blockGasProblem(this.parameters) : this.#admit(transactions, at);
        if (problem === undefined) used = this.#run(transactions, at, length, progress.included);
      }
      if (problem !== undefined) {
        rejected.push({ index, code: problem.code, message: problem.message, facts: problem.facts });
      } else {
        helped?.ran(index, used);
        if (progress.gasUsed + used > this.parameters.blockGasMax) {
          if (start.included > 0) {
            this.#revertTo(start.undoCount);
            receipts.length = start.receiptsLength;
            while (rejected.length > 0 && rejected.at(-1)!.index >= start.index) rejected.pop();
            const { included, gasUsed } = start;
            const hasIds = this.#writer.hasIds(transactions, included);
            return { included, gasUsed, hasIds, rejected, taken: start.index };
          }
          this.#revertTo(checkpoint);
          receipts.length = receiptStart;
          overfull = true;
          const full = blockGasProblem(this.parameters);
          rejected.push({ index, code: full.code, message: full.message, facts: full.facts });
        } else {
          progress.gasUsed += used;
          if (transactions[at + 1]! & TxFlag.id) progress.hasIds = true;
          progress.included++;
        }
      }
      progress.index++;
      progress.at += alignUp(length);
    }
    const { included, gasUsed, hasIds } = progress;
    return { included, gasUsed, hasIds, rejected, taken: progress.index };
  }

  #enterSubmission(progress: BlockProgress, submissionEnds: Uint32Array): void {
    const { index, at, included, gasUsed, start } = progress;
    while (index >= submissionEnds[progress.submission]!) progress.submission++;
    const undoCount = this.table.checkpoint();
    Object.assign(start, { index, at, included, gasUsed, undoCount, receiptsLength: this.#writer.receipts.length });
  }

  /** Runs plain transfers by the shortcut, if there is one and the next transaction looks like it. */
  #runPlain(progress: BlockProgress, transactions: Uint8Array, submissionEnds: Uint32Array): boolean {
    const plain = this.#plain;
    if (plain === undefined || !plain.mayRun(transactions, progress.at)) return false;
    return plain.run(progress, this.#writer.arrays(transactions, submissionEnds, progress.included + RUN_MAX));
  }

  /** Brings the state of the transactions from `at` on near the processor, as many as are run before it is done again. */
  #touch(transactions: Uint8Array, at: number): void {
    for (let i = 0; i < TOUCHED_AHEAD && at < transactions.length; i++) {
      this.engine.touch(transactions, at);
      at += alignUp(transactionLength(transactions, at));
    }
  }

  #revertTo(checkpoint: number): void {
    this.table.revert(checkpoint);
    this.engine.reverted();
  }

  #admit(bytes: Uint8Array, at: number): EngineError | undefined {
    this.fillNonce(bytes, at);
    try {
      this.engine.admit(bytes, at);
      return undefined;
    } catch (problem) {
      if (problem instanceof EngineError && problem.code !== "INTERNAL_ERROR") return problem;
      throw problem;
    }
  }

  /** Takes over what a helper made of the next transaction. @returns the gas it used, or NOT_RUN. */
  #adopt(helped: ParallelBlock, { index, at, included }: BlockProgress, transactions: Uint8Array): number {
    this.fillNonce(transactions, at);
    this.#writer.place(at, transactionLength(transactions, at), included);
    const used = helped.adopt(index, transactions, at, this.#writer.receipts);
    if (used >= 0) this.#stopwatch?.add(helped.microseconds);
    return used;
  }

  #run(bytes: Uint8Array, at: number, length: number, position: number): number {
    this.#writer.place(at, length, position);
    this.#running.bytes = bytes;
    this.#running.at = at;
    return this.engine.run(this.#runningHash, this.#writer.receipts).gasUsed;
  }

  #seal(
    input: BlockInput,
    { included, gasUsed, hasIds, rejected, taken }: RanTransactions,
    allowEmpty: boolean,
  ): ExecutedBlock {
    this.#stopwatch?.lap(included);
    if (included === 0 && !allowEmpty) {
      this.table.revert(0);
      return { entry: undefined, rejected, taken };
    }
    const { delta } = this.#writer;
    delta.length = 0;
    const hasHandles = this.table.writeDelta(delta);
    if (this.#parallel !== undefined) this.#tellHelpers(this.#parallel, input, taken);
    const stateRoot = this.#tree.apply(delta.written(), "forward");
    const changesContracts = this.engine.contracts.isChanged();
    const entry = this.#writer.write(input, { included, gasUsed, stateRoot, hasIds, hasHandles, changesContracts });
    this.table.endBlock(input.seq);
    return { entry, rejected, taken, laps: this.#stopwatch?.laps() };
  }

  /** What the block has changed, and, if it is known, what the next will be made of. */
  #tellHelpers(helpers: ParallelBlock, { seq, height, timestampMs, submissionEnds }: BlockInput, taken: number): void {
    helpers.followed(this.#writer.delta.written(), seq);
    if (taken < (submissionEnds.at(-1) ?? 0)) return;
    const next = this.#upcoming();
    if (next === undefined) return;
    const { chainId, protocolVersion } = this.parameters;
    helpers.prepare(next.batch, next.count, seq, {
      height: height + 1,
      timestampMs: Math.max(timestampMs, next.timestampMs),
      chainId,
      protocolVersion,
    });
  }

  /**
   * Takes a block back: one that the log never got (newest first), or that a rollback undoes.
   * @param seq the entry of the log as of which the older values stand.
   */
  undo(entry: BlockEntry, seq: number): Uint8Array {
    const root = this.#tree.apply(entry.delta, "backward");
    this.table.overwrite(entry.delta, "backward", seq);
    this.engine.reverted();
    this.#parallel?.reset();
    return root;
  }

  /** Follows blocks executed elsewhere or before: their deltas are taken as they stand. */
  follow(entries: readonly BlockEntry[]): void {
    this.#tree.applyAll(entries.map(({ delta }) => delta));
    for (const { delta, seq } of entries) this.table.overwrite(delta, "forward", seq);
    this.#parallel?.reset();
  }

  /** Block 0: chain parameters and native balances. Their sum is below 2^256. */
  genesis(balances: readonly { address: Uint8Array; balance: bigint }[]): Uint8Array<ArrayBuffer> {
    const { table } = this;
    table.set(table.slotOfKey(parameterKey(PARAMETERS_LEAF)), encodeParameters(this.parameters));
    this.engine.ledger.begin(balances);
    const input = {
      height: 0,
      seq: 0,
      timestampMs: 0,
      parentHash: new Uint8Array(ROOT_BYTES),
      transactions: new Uint8Array(0),
      submissionEnds: new Uint32Array(),
    };
    const nothing = { included: 0, gasUsed: 0, hasIds: false, rejected: [], taken: 0 };
    return this.#seal(input, nothing, true).entry!;
  }

  /** See BlockWriter.transactionHash. */
  transactionHash(bytes: Uint8Array, at: number): Uint8Array {
    return this.#writer.transactionHash(bytes, at);
  }

  root(): Uint8Array {
    return this.#tree.root();
  }

  memory(): { tableBytes: number; treeBytes: number } {
    return { tableBytes: this.table.byteLength, treeBytes: this.#tree.byteLength() };
  }

  /** Gives the sender's next nonce to an encoding that left it out. */
  fillNonce(bytes: Uint8Array, at: number): void {
    if ((bytes[at + 1]! & TxFlag.nonceLeftOut) === 0) return;
    bytes[at + 1]! &= ~TxFlag.nonceLeftOut;
    writeU64(bytes, at + 8, this.table.nonce(this.table.accountSlot(bytes, at + 24)));
  }
}

function blockGasProblem(parameters: ChainParameters): EngineError {
  return new EngineError(
    "BLOCK_GAS_EXCEEDED",
    `the batch needs more gas than a block may use (${parameters.blockGasMax})`,
    { blockGasMax: String(parameters.blockGasMax) },
  );
}
