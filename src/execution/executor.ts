/**
 * Executor: everything that needs the state as of the last executed block, behind one synchronous face: blocks, queries,
 * simulations, estimates, listings and proofs. It runs in a worker thread (executor-worker.ts) or inline; it does no I/O
 * but reads of the local snapshot.
 * Always
 *  - Whatever runs a contract outside a block is reverted before the method returns.
 *  - `head` is the last executed block, durable or not: who answers users waits until it is durable.
 */
import { BlockEntry } from "../encoding/block-entry.ts";
import { alignUp, type ByteWriter, compareBytes, toLatin1 } from "../encoding/bytes.ts";
import type { DeltaDirection } from "../encoding/delta.ts";
import type { BatchHasher } from "../encoding/hash.ts";
import { toHex } from "../encoding/hex.ts";
import { contractKey, contractStatePrefix } from "../encoding/state-key.ts";
import type { StateTree, TreeProof } from "../encoding/state-tree.ts";
import { transactionLength } from "../encoding/transaction.ts";
import type { TransferRunner } from "../encoding/transfer-run.ts";
import { newUint256, toBigInt } from "../encoding/uint256.ts";
import { EngineError } from "../errors.ts";
import { BlockExecutor, type BlockInput, type ExecutedBlock, type UpcomingBatch } from "./block-executor.ts";
import type { Trace } from "./call-tracer.ts";
import { decodeContract } from "./contract-record.ts";
import type { BlockContext, ContractAbi, ContractEngine, ContractInfo } from "./host.ts";
import type { Speculation } from "./parallel/speculation.ts";
import type { ChainParameters } from "./parameters.ts";
import type { StateSnapshot } from "./ports.ts";
import { type Calls, QueryRunner } from "./query-runner.ts";
import type { StateTableOptions } from "./state-table.ts";
import { type Simulated, Trials } from "./trials.ts";

export interface Head {
  seq: number;
  height: number;
  timestampMs: number;
  blockHash: Uint8Array;
  stateRoot: Uint8Array;
}

/** What the state takes in memory, in bytes. */
export interface StateMemory {
  /** Rows of what execution has touched. */
  tableBytes: number;
  treeBytes: number;
}

/** Of a list: interfaces would be most of what a page of contracts hands from thread to thread. */
export interface ContractLine extends ContractInfo {
  metadata: Record<string, unknown>;
}

export interface ContractView extends ContractLine {
  abi: ContractAbi;
}

export interface ContractFilter {
  kind?: string | undefined;
  creator?: Uint8Array | undefined;
  status?: string | undefined;
  /** Part of the address, type, name or symbol, in any case. */
  query?: string | undefined;
  after?: Uint8Array | undefined;
  limit: number;
}

/** Progress of what nobody is to be evicted for. */
const NO_TRANSACTION = 0x7fffffff;

/** Contracts looked at for one page: a filter that matches little answers a short page with a cursor. */
const CONTRACTS_SCANNED_MAX = 10_000;

export class Executor {
  readonly blocks: BlockExecutor;
  readonly #tree: StateTree;
  readonly #trials: Trials;
  readonly #queries: QueryRunner;
  readonly #progress: Int32Array;
  #head: Head;

  constructor(options: {
    snapshot: StateSnapshot;
    tree: StateTree;
    hasher: BatchHasher;
    engines: readonly ContractEngine[];
    parameters: ChainParameters;
    head: Head;
    table?: StateTableOptions;
    /** [0]: index of the transaction or query that runs, for whoever finds this thread dead. */
    progress?: Int32Array;
    transfers?: TransferRunner | undefined;
    /** Queries tell what they read. */
    recordReads?: boolean;
    /** Microseconds: how long transactions take is told beside their block. */
    clock?: (() => number) | undefined;
    /** Threads that run transactions ahead. */
    helpers?: readonly Speculation[] | undefined;
    /** See BlockExecutor. */
    upcoming?: (() => UpcomingBatch | undefined) | undefined;
  }) {
    this.blocks = new BlockExecutor(options);
    const { engine, table } = this.blocks;
    const { progress = new Int32Array(1), recordReads } = options;
    this.#progress = progress;
    this.#progress[0] = NO_TRANSACTION;
    this.#queries = new QueryRunner({ engine, table, progress, recordReads });
    this.#tree = options.tree;
    this.#trials = new Trials(this.blocks);
    this.#head = options.head;
  }

  get head(): Head {
    return this.#head;
  }

  genesis(balances: readonly { address: Uint8Array; balance: bigint }[]): Uint8Array<ArrayBuffer> {
    const entry = this.blocks.genesis(balances);
    this.#head = headOf(new BlockEntry(entry));
    return entry;
  }

  /** Keeps the tree in a file, with what `loadTree` of executor-worker.ts wants to know of it. */
  saveTree(path: string, logBytes: number): void {
    const { seq } = this.#head;
    this.#tree.save(path, Buffer.from(JSON.stringify({ seq, logBytes })));
  }

  /**
   * Executes encoded transactions on top of the head: one block, or several where a block's gas ends before they do.
   * @param batch is not changed; nonces that were left out are filled in a copy.
   * @param submissionEnds index after the last transaction of each submission; none is split across blocks.
   */
  execute(batch: Uint8Array, submissionEnds: ArrayLike<number>, timestampMs: number): ExecutedBlock[] {
    const transactions = batch.slice();
    const executed: ExecutedBlock[] = [];
    const ends = new Uint32Array(submissionEnds);
    const total = ends.at(-1) ?? 0;
    for (let first = 0, at = 0; first < total; ) {
      const block = this.#executeBlock(
        {
          transactions: transactions.subarray(at),
          submissionEnds: first === 0 ? ends : ends.filter((end) => end > first).map((end) => end - first),
          timestampMs,
          firstIndex: first,
          ...(first === 0 ? { batch } : {}),
        },
        false,
      );
      executed.push(block);
      for (let i = 0; i < block.taken; i++) at += alignUp(transactionLength(transactions, at));
      first += block.taken;
    }
    return executed;
  }

  /** Mode driven: exactly one block, which may be empty; what does not fit its gas is rejected. */
  executeOne(transactions: Uint8Array, count: number, timestampMs: number): ExecutedBlock {
    return this.#executeBlock(
      { transactions, submissionEnds: Uint32Array.from(count === 0 ? [] : [count]), timestampMs },
      true,
    );
  }

  #executeBlock(input: Omit<BlockInput, "seq" | "height" | "parentHash">, allowEmpty: boolean): ExecutedBlock {
    const { seq, height, blockHash, timestampMs } = this.#head;
    const executed = this.blocks.execute(
      {
        ...input,
        seq: seq + 1,
        height: height + 1,
        parentHash: blockHash,
        timestampMs: Math.max(timestampMs, input.timestampMs),
      },
      allowEmpty,
    );
    this.#progress[0] = NO_TRANSACTION;
    if (executed.entry !== undefined) this.#head = headOf(new BlockEntry(executed.entry));
    return executed;
  }

  /** Takes blocks back, newest first; `head` is the block that then stands, as of entry `seq` of the log. */
  undo(entries: readonly Uint8Array[], head: Head): Uint8Array {
    for (const bytes of entries) this.blocks.undo(new BlockEntry(bytes), head.seq);
    this.#head = head;
    return this.blocks.root();
  }

  /**
   * Catches up with entries of the log that snapshot or tree may not have yet, in order. Values are absolute, so that an
   * entry which one of them has already does no harm as long as all up to the head follow.
   */
  follow(entries: readonly { entry: Uint8Array; undone: readonly Uint8Array[] }[]): void {
    let blocks: BlockEntry[] = [];
    for (const { entry: bytes, undone } of entries) {
      const entry = new BlockEntry(bytes);
      this.#head = headOf(entry);
      if (!entry.isRollback) {
        blocks.push(entry);
        continue;
      }
      this.blocks.follow(blocks);
      blocks = [];
      for (const block of undone) this.blocks.undo(new BlockEntry(block), entry.seq);
    }
    this.blocks.follow(blocks);
  }

  /** The snapshot has applied all entries up to `seq`. */
  applied(seq: number): StateMemory {
    this.blocks.table.applied(seq);
    return this.blocks.memory();
  }

  /** See QueryRunner.run. */
  queries(calls: Calls, out: ByteWriter): void {
    const { chainId, protocolVersion } = this.blocks.parameters;
    const { height, timestampMs } = this.#head;
    this.#queries.run(calls, { height, timestampMs, chainId, protocolVersion }, out);
    this.#progress[0] = NO_TRANSACTION;
  }

  /** See Trials.simulate. */
  simulate(transactions: Uint8Array, count: number, timestampMs: number): Simulated {
    return this.#trials.simulate(transactions, count, this.#nextBlock(timestampMs));
  }

  /** See Trials.estimate. */
  estimate(transaction: Uint8Array, timestampMs: number): { gasLimit: number; breakdown: Record<string, number> } {
    return this.#trials.estimate(transaction, this.#nextBlock(timestampMs));
  }

  /** See Trials.trace. @param block an entry of the log that would come next: asked about the state before it. */
  trace(block: Uint8Array, index: number): Trace {
    return this.#trials.trace(new BlockEntry(block), index);
  }

  /** The block that would come next. */
  #nextBlock(timestampMs: number): BlockContext {
    const { chainId, protocolVersion } = this.blocks.parameters;
    return {
      height: this.#head.height + 1,
      timestampMs: Math.max(timestampMs, this.#head.timestampMs),
      chainId,
      protocolVersion,
    };
  }

  contract(address: Uint8Array): ContractView | undefined {
    const resolved = this.blocks.engine.contracts.resolve(address, 0);
    if (resolved === undefined) return undefined;
    const { info, engine, code } = resolved;
    return { ...info, abi: engine.describe(code), metadata: engine.metadata?.(code) ?? {} };
  }

  contracts(filter: ContractFilter): { items: ContractLine[]; next: Uint8Array | undefined } {
    const { table } = this.blocks;
    const items: ContractLine[] = [];
    let scanned = 0;
    const start = filter.after === undefined ? new Uint8Array(0) : Uint8Array.from([...filter.after, 0]);
    for (const { key, value } of table.range(table.space(contractKey(new Uint8Array(0))), start, undefined)) {
      if (items.length >= filter.limit || scanned >= CONTRACTS_SCANNED_MAX)
        return { items, next: items.length >= filter.limit ? items.at(-1)!.address : previous(key) };
      scanned++;
      const info = decodeContract(key, value);
      if (filter.kind !== undefined && info.kind !== filter.kind) continue;
      if (filter.status !== undefined && info.status !== filter.status) continue;
      if (filter.creator !== undefined && compareBytes(info.creator, filter.creator) !== 0) continue;
      const resolved = this.blocks.engine.contracts.resolve(key, 0)!;
      const line = { ...resolved.info, metadata: resolved.engine.metadata?.(resolved.code) ?? {} };
      if (filter.query === undefined || matches(line, filter.query.toLowerCase())) items.push(line);
    }
    return { items, next: undefined };
  }

  /** Entries of a contract's own state, from after `after`, whose keys begin with `prefix`. */
  contractState(
    address: Uint8Array,
    options: { prefix?: Uint8Array | undefined; after?: Uint8Array | undefined; limit: number },
  ): { items: { key: Uint8Array; value: Uint8Array }[]; next: Uint8Array | undefined } {
    if (this.blocks.engine.contracts.resolve(address, 0) === undefined)
      throw new EngineError("CONTRACT_NOT_FOUND", `no contract stands at ${toHex(address)}`, {
        address: toHex(address),
      });
    const { table } = this.blocks;
    const prefix = options.prefix ?? new Uint8Array(0);
    const start = options.after === undefined ? prefix : Uint8Array.from([...options.after, 0]);
    const items: { key: Uint8Array; value: Uint8Array }[] = [];
    for (const entry of table.range(table.space(contractStatePrefix(address)), start, undefined)) {
      if (compareBytes(entry.key.subarray(0, prefix.length), prefix) !== 0) break;
      if (items.length >= options.limit) return { items, next: items.at(-1)!.key };
      items.push(entry);
    }
    return { items, next: undefined };
  }

  /** A leaf of the state, by its whole key. */
  leaf(key: Uint8Array): Uint8Array | undefined {
    const { table } = this.blocks;
    return table.get(table.slotOfKey(key))?.slice();
  }

  account(address: Uint8Array): { nonce: number; balance: bigint } {
    const { table } = this.blocks;
    const slot = table.accountSlot(address, 0);
    const limbs = newUint256();
    table.load(slot, limbs);
    return { nonce: table.nonce(slot), balance: toBigInt(limbs) };
  }

  proof(key: Uint8Array): TreeProof & { value: Uint8Array | undefined; stateRoot: Uint8Array; height: number } {
    const { table } = this.blocks;
    return {
      ...this.#tree.prove(key),
      value: table.get(table.slotOfKey(key)),
      stateRoot: this.#tree.root(),
      height: this.#head.height,
    };
  }

  /**
   * Answers from the state as it was before `entries` (newest first): they are taken back, and put on again afterwards.
   * The newest is the head: with blocks above it, values of one time would be mixed with those of another.
   * @param isTreeAsked false: nobody asks for a root or a proof, and the tree, which is most of the work, is left alone.
   */
  before<T>(entries: readonly Uint8Array[], head: Head, answer: () => T, isTreeAsked: boolean): T {
    const now = this.#head;
    const newest = entries[0] === undefined ? head.blockHash : new BlockEntry(entries[0]).blockHash;
    if (compareBytes(newest, now.blockHash) !== 0)
      throw new EngineError("INTERNAL_ERROR", `blocks above ${toHex(newest)} are executed`, { seq: now.seq });
    const blocks = entries.map((bytes) => new BlockEntry(bytes));
    for (const block of blocks) this.#take(block.delta, "backward", now.seq, isTreeAsked);
    this.#head = head;
    try {
      return answer();
    } finally {
      for (const block of blocks.reverse()) this.#take(block.delta, "forward", now.seq, isTreeAsked);
      this.#head = now;
    }
  }

  #take(delta: Uint8Array, direction: DeltaDirection, seq: number, withTree: boolean): void {
    if (withTree) this.#tree.apply(delta, direction);
    this.blocks.table.overwrite(delta, direction, seq);
    this.blocks.engine.reverted();
  }
}

export function headOf(entry: BlockEntry): Head {
  return {
    seq: entry.seq,
    height: entry.height,
    timestampMs: entry.timestampMs,
    blockHash: entry.blockHash.slice(),
    stateRoot: entry.stateRoot.slice(),
  };
}

function matches(line: ContractLine, query: string): boolean {
  const words = [toHex(line.address), line.type, line.metadata["name"], line.metadata["symbol"]];
  return words.some((text) => typeof text === "string" && text.toLowerCase().includes(query));
}

/** A cursor just before `key`, so that the next page begins with it. */
function previous(key: Uint8Array): Uint8Array {
  const before = key.slice();
  for (let i = before.length - 1; i >= 0; i--) {
    if (before[i]! > 0) {
      before[i]!--;
      return before;
    }
    before[i] = 255;
  }
  throw new RangeError(`there is no key before ${toLatin1(key)}`);
}
