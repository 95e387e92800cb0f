/**
 * LocalEngine: the EngineService of this daemon, over sequencer, executor and history.
 * Always
 *  - What it answers is durable: the pipeline holds answers back until the state they come from is.
 *  - A question about height `at` is answered from the state as it was then: the executor takes the blocks above it back,
 *    answers, and puts them on again.
 */
import { BlockEntry, withoutBody } from "../encoding/block-entry.ts";
import { ByteWriter, equalBytes } from "../encoding/bytes.ts";
import { decodeAnswer } from "../encoding/query-answer.ts";
import { encodeTransaction, type TransactionJson } from "../encoding/transaction.ts";
import { EngineError } from "../errors.ts";
import type { Trace } from "../execution/call-tracer.ts";
import { headOf } from "../execution/executor.ts";
import type { BlockLog } from "../execution/ports.ts";
import type {
  BlockReference,
  ContractFilter,
  ContractLine,
  ContractRecord,
  Encode,
  EngineInsights,
  EngineService,
  EventLog,
  GasEstimate,
  HealthReport,
  Located,
  LogEntries,
  LogQuery,
  Page,
  PrivacyService,
  QueryOutcome,
  Simulation,
  Sink,
  StateProof,
  StorageInsights,
  SubmissionOutcome,
  Wait,
} from "../rpc/services.ts";
import type { AutoSequencer } from "../sequencer/auto-sequencer.ts";
import type { DrivenSequencer } from "../sequencer/driven-sequencer.ts";
import type { ExecutorFace, ExecutorMethod, Past } from "../sequencer/executor-handle.ts";
import type { Pipeline } from "../sequencer/pipeline.ts";
import type { RetainedWindow } from "../sequencer/retained-window.ts";
import type { ChainIndex } from "../storage/chain-index.ts";
import { prunedError } from "../storage/pruned-error.ts";
import { decodeCursor, decodeHistoryCursor, encodeCursor, encodeHistoryCursor } from "./cursor.ts";
import type { HistoryHandle } from "./history-handle.ts";
import { logEntriesFrom, requireKept } from "./kept-history.ts";
import { rollbackEntry } from "./rollback-entry.ts";

export interface LocalEngineModules {
  privacy: PrivacyService;
  events: EventLog;
  log: BlockLog;
  chain: ChainIndex;
  retained: RetainedWindow;
  pipeline: Pipeline;
  queries: {
    query(encode: Encode, sink: Sink<QueryOutcome>, bypassCache: boolean, followsWrites: boolean): void;
  };
  history: HistoryHandle;
  /** One of the two, by block mode. */
  auto: AutoSequencer | undefined;
  driven: DrivenSequencer | undefined;
  now(): number;
  describe(): Record<string, unknown>;
  contractsVersion(): number;
  insights: EngineInsights;
  storage: StorageInsights;
  health(): HealthReport;
  refusal(): EngineError | undefined;
}

export class LocalEngine implements EngineService {
  readonly privacy: PrivacyService;
  readonly events: EventLog;
  readonly storage: StorageInsights;
  readonly #modules: LocalEngineModules;

  constructor(modules: LocalEngineModules) {
    this.privacy = modules.privacy;
    this.events = modules.events;
    this.storage = modules.storage;
    this.#modules = modules;
  }

  info(): Record<string, unknown> {
    return this.#modules.describe();
  }

  health(): HealthReport {
    return this.#modules.health();
  }

  performance(): Promise<Record<string, unknown>> {
    return this.#modules.insights.performance();
  }

  cacheUse(): ReturnType<EngineInsights["cacheUse"]> {
    return this.#modules.insights.cacheUse();
  }

  contractHealth(address: Uint8Array): Promise<Record<string, unknown>> {
    return this.#modules.insights.contractHealth(address);
  }

  contractAnalytics(address: Uint8Array): Promise<Record<string, unknown>> {
    return this.#modules.insights.contractAnalytics(address);
  }

  // ── blocks ──────────────────────────────────────────────────────────────────

  submit(encode: Encode, wait: Wait, sink: Sink<SubmissionOutcome>): void {
    this.#auto().submit(encode, wait, sink);
  }

  async blockExecute(block: {
    height: number;
    parentHash: Uint8Array;
    timestampMs: number;
    encode: Encode;
  }): Promise<{ block: BlockEntry; outcome: SubmissionOutcome }> {
    this.requireWritable();
    return await this.#driven().execute(block);
  }

  async blockCommit(height: number, stateRoot: Uint8Array): Promise<BlockEntry> {
    this.requireWritable();
    return await this.#driven().commit(height, stateRoot);
  }

  async blockDiscard(): Promise<void> {
    await this.#driven().discard();
  }

  async blockRollback(toHeight: number): Promise<BlockEntry> {
    this.requireWritable();
    const { driven, pipeline } = this.#modules;
    const rollBack = () => pipeline.exclusive(() => this.#rollBack(toHeight));
    return driven === undefined ? await rollBack() : await driven.alone(rollBack);
  }

  async #rollBack(toHeight: number): Promise<BlockEntry> {
    const { pipeline, log } = this.#modules;
    const target = this.#requireBlock(toHeight);
    if (toHeight === pipeline.head.height) return target;
    const entries = this.#entriesAbove(toHeight);
    const entry = rollbackEntry(target, log.durableSeq + 1);
    await pipeline.askNow("undo", [entries, headOf(entry)]);
    pipeline.commit(entry);
    await pipeline.executedIsDurable();
    return target;
  }

  #auto(): AutoSequencer {
    if (this.#modules.auto === undefined)
      throw new EngineError("WRONG_MODE", "the daemon runs in mode driven: the node brings blocks with block_execute", {
        mode: "driven",
      });
    return this.#modules.auto;
  }

  /** @throws EngineError of a daemon that may not write. */
  requireWritable(): void {
    const refusal = this.#modules.refusal();
    if (refusal !== undefined) throw refusal;
  }

  #driven(): DrivenSequencer {
    if (this.#modules.driven === undefined)
      throw new EngineError("WRONG_MODE", "the daemon runs in mode auto: it makes the blocks itself", { mode: "auto" });
    return this.#modules.driven;
  }

  // ── running without keeping ─────────────────────────────────────────────────

  query(encode: Encode, sink: Sink<QueryOutcome>, bypassCache = false, followsWrites = true): void {
    this.#modules.queries.query(encode, sink, bypassCache, followsWrites);
  }

  async queryAt(transaction: TransactionJson, at: number): Promise<QueryOutcome> {
    const { calls } = encoded([transaction]);
    const { pipeline } = this.#modules;
    const { results, seq, height } = await this.#whenStill(() => pipeline.askQueries(calls, 1, this.#past(at)));
    return decodeAnswer(results, 0, seq, height);
  }

  async simulate(transactions: readonly TransactionJson[], at: number | undefined): Promise<Simulation> {
    const { calls, count } = encoded(transactions);
    const { results, stateDiff } = await this.#askAt(at, "simulate", [calls, count, this.#modules.now()]);
    return { receipts: results, stateDiff, blockHeight: at ?? this.#modules.pipeline.head.height };
  }

  async estimateGas(transaction: TransactionJson): Promise<GasEstimate> {
    return await this.#modules.pipeline.ask("estimate", [encoded([transaction]).calls, this.#modules.now()]);
  }

  async trace({ block, index }: Located): Promise<Trace> {
    const { pipeline, retained } = this.#modules;
    return await this.#whenStill(async () => {
      // Meanwhile it may have been rolled back.
      if (!equalBytes(this.#blockAt(block.height)?.blockHash ?? new Uint8Array(0), block.blockHash))
        throw new EngineError("TRANSACTION_NOT_FOUND", `the block at height ${block.height} was rolled back`, {
          height: block.height,
        });
      const lowestHeight = (retained.lowestHeight ?? 0) + 1;
      if (block.height < lowestHeight)
        throw new EngineError(
          "PRUNED",
          `the state before block ${block.height} is no longer kept; the lowest block that can be traced is ${lowestHeight}`,
          { height: block.height, lowestHeight },
        );
      return await pipeline.ask("trace", [block.bytes, index], this.#past(block.height - 1));
    });
  }

  // ── state ───────────────────────────────────────────────────────────────────

  async contract(address: Uint8Array): Promise<ContractRecord | undefined> {
    const view = await this.#modules.pipeline.ask("contract", [address]);
    return view === undefined ? undefined : { ...view };
  }

  async stagedContract(address: Uint8Array): Promise<ContractRecord | undefined> {
    const view = await this.#modules.pipeline.askNow("contract", [address]);
    return view === undefined ? undefined : { ...view };
  }

  contractsVersion(): number {
    return this.#modules.contractsVersion();
  }

  async contracts(filter: ContractFilter): Promise<Page<ContractLine>> {
    const { cursor, ...rest } = filter;
    const { items, next } = await this.#modules.pipeline.ask("contracts", [{ ...rest, after: decodeCursor(cursor) }]);
    return { items: items.map((view) => ({ ...view })), nextCursor: encodeCursor(next) };
  }

  async contractState(query: {
    address: Uint8Array;
    prefix?: Uint8Array | undefined;
    cursor?: string | undefined;
    limit: number;
  }): Promise<Page<{ key: Uint8Array; value: Uint8Array }>> {
    const { items, next } = await this.#modules.pipeline.ask("contractState", [
      query.address,
      { prefix: query.prefix, after: decodeCursor(query.cursor), limit: query.limit },
    ]);
    return { items, nextCursor: encodeCursor(next) };
  }

  async account(address: Uint8Array): Promise<{ nonce: number; balance: bigint }> {
    return await this.#modules.pipeline.ask("account", [address]);
  }

  async logEntries(fromSeq: number, bytesMax: number | undefined): Promise<LogEntries> {
    return logEntriesFrom(this.#modules.log, this.#modules.chain, fromSeq, bytesMax);
  }

  async stateRoot(at: number | undefined): Promise<{ stateRoot: Uint8Array; blockHeight: number }> {
    const block = at === undefined ? this.#modules.pipeline.head : this.#requireBlock(at);
    return { stateRoot: block.stateRoot, blockHeight: block.height };
  }

  async stateProof(key: Uint8Array, at: number | undefined): Promise<StateProof> {
    const proof = await this.#askAt(at, "proof", [key]);
    return { ...proof, key, blockHeight: proof.height };
  }

  // ── the past ────────────────────────────────────────────────────────────────

  async block(reference: BlockReference): Promise<BlockEntry | undefined> {
    const { chain, history } = this.#modules;
    if (reference instanceof Uint8Array) {
      const found = await history.ask("blockByHash", reference);
      return found === undefined ? undefined : new BlockEntry(found.bytes);
    }
    return this.#blockAt(reference === "latest" ? chain.headHeight : reference);
  }

  async transaction(hash: Uint8Array): Promise<Located | undefined> {
    const place = await this.#modules.history.ask("transaction", hash);
    return place === undefined ? undefined : { block: this.#entry(place.seq), index: place.index };
  }

  async logs(query: LogQuery): Promise<Page<{ block: BlockEntry; transactionIndex: number; logIndex: number }>> {
    const { cursor, fromBlock, toBlock, ...rest } = query;
    for (const height of [fromBlock, toBlock]) if (height !== undefined) requireKept(this.#modules.chain, height);
    const { items, next } = await this.#modules.history.ask("logs", {
      ...rest,
      fromHeight: fromBlock ?? 0,
      toHeight: toBlock ?? this.#modules.chain.headHeight,
      after: decodeHistoryCursor(cursor),
    });
    const entries = this.#entriesOf(items);
    return {
      items: items.map(({ seq, transactionIndex, logIndex }) => ({
        block: entries.get(seq)!,
        transactionIndex,
        logIndex,
      })),
      nextCursor: encodeHistoryCursor(next),
    };
  }

  async executions(query: {
    contract: Uint8Array;
    cursor?: string | undefined;
    limit: number;
  }): Promise<Page<Located>> {
    const { items, next } = await this.#modules.history.ask("executions", {
      contract: query.contract,
      limit: query.limit,
      newestFirst: true,
      after: decodeHistoryCursor(query.cursor),
    });
    const entries = this.#entriesOf(items);
    return {
      items: items.map(({ seq, transactionIndex }) => ({ block: entries.get(seq)!, index: transactionIndex })),
      nextCursor: encodeHistoryCursor(next),
    };
  }

  #entriesOf(items: readonly { seq: number }[]): Map<number, BlockEntry> {
    return new Map([...new Set(items.map(({ seq }) => seq))].map((seq) => [seq, this.#entry(seq)]));
  }

  #entry(seq: number): BlockEntry {
    const bytes = this.#modules.log.read(seq);
    if (bytes === undefined) {
      // Found in a segment that went meanwhile.
      if (seq < this.#modules.chain.lowestSeq)
        throw prunedError(`entry ${seq} was pruned`, this.#modules.chain, { seq });
      throw new EngineError("INTERNAL_ERROR", `entry ${seq} of the log is missing`, { seq });
    }
    return new BlockEntry(bytes);
  }

  #blockAt(height: number): BlockEntry | undefined {
    requireKept(this.#modules.chain, height);
    const seq = this.#modules.chain.seqOfHeight(height);
    return seq === undefined ? undefined : this.#entry(seq);
  }

  /** The block at a height whose state can still be had. @throws EngineError BLOCK_NOT_FOUND, PRUNED. */
  #requireBlock(height: number): BlockEntry {
    const { retained, pipeline } = this.#modules;
    const block = this.#blockAt(height);
    if (block === undefined)
      throw new EngineError(
        "BLOCK_NOT_FOUND",
        `there is no block at height ${height}; the head is ${pipeline.head.height}`,
        { height, headHeight: pipeline.head.height },
      );
    const lowestHeight = retained.lowestHeight ?? 0;
    if (height < lowestHeight)
      throw new EngineError(
        "PRUNED",
        `the state at height ${height} is no longer kept; the lowest is ${lowestHeight}`,
        { height, lowestHeight },
      );
    return block;
  }

  #entriesAbove(height: number): Uint8Array[] {
    const { headHeight } = this.#modules.chain;
    return Array.from({ length: headHeight - height }, (_, i) => withoutBody(this.#blockAt(headHeight - i)!).bytes);
  }

  #past(at: number): Past {
    const block = this.#requireBlock(at);
    return { entries: this.#entriesAbove(at), head: headOf(block) };
  }

  /** Asks about the state after the block at height `at`, or after the newest. */
  async #askAt<M extends ExecutorMethod>(
    at: number | undefined,
    method: M,
    args: Parameters<ExecutorFace[M]>,
  ): Promise<ReturnType<ExecutorFace[M]>> {
    const { pipeline } = this.#modules;
    if (at === undefined) return await pipeline.ask(method, args);
    return await this.#whenStill(() => pipeline.ask(method, args, this.#past(at)));
  }

  /** Runs `body` while no block is being made: the past is had by taking back all blocks above it. */
  async #whenStill<T>(body: () => Promise<T>): Promise<T> {
    const { driven, pipeline } = this.#modules;
    const still = () => pipeline.exclusive(body);
    return driven === undefined ? await still() : await driven.inTurn(still);
  }
}

function encoded(transactions: readonly TransactionJson[]): { calls: Uint8Array<ArrayBuffer>; count: number } {
  const out = new ByteWriter();
  for (const transaction of transactions) encodeTransaction(transaction, out);
  return { calls: out.take(), count: transactions.length };
}
