/**
 * Composition root of the engine: log, state, executor, sequencer and history become one EngineService. The daemon adds
 * sockets; tests, and programs that embed the engine, use it as it is.
 *
 *   open: journal recovered ─▶ chain index, retained window, ids from its tail ─▶ executor caught up ─▶ follower ─▶ ready
 *   close: drained ─▶ state tree saved ─▶ follower applied everything ─▶ journal closed
 * Each part is entered in `Stops` as it comes: a start that fails stops those there are, in reverse, as `close` does.
 */
import { BlockEntry } from "./encoding/block-entry.ts";
import { toHex } from "./encoding/hex.ts";
import { transactionHasher } from "./encoding/transaction-hash.ts";
import type { EngineOptions } from "./engine-options.ts";
import { EnhancedContractEngine } from "./engines/enhanced/enhanced-engine.ts";
import { EngineError } from "./errors.ts";
import { type Head, headOf, type StateMemory } from "./execution/executor.ts";
import { GAS_SCHEDULE_1 } from "./execution/gas.ts";
import { type ChainParameters, parametersIn } from "./execution/parameters.ts";
import type { BlockLog } from "./execution/ports.ts";
import type { DevService } from "./rpc/dev.ts";
import { AutoSequencer } from "./sequencer/auto-sequencer.ts";
import { DrivenSequencer } from "./sequencer/driven-sequencer.ts";
import { type ExecutorStart, WorkerExecutor } from "./sequencer/executor-handle.ts";
import { ExecutorThreads } from "./sequencer/executor-threads.ts";
import { IdGate } from "./sequencer/id-gate.ts";
import { IdIndex } from "./sequencer/id-index.ts";
import { Pipeline } from "./sequencer/pipeline.ts";
import type { RunningExecutor } from "./sequencer/pipeline-options.ts";
import { QueryQueue } from "./sequencer/query-queue.ts";
import { RetainedWindow } from "./sequencer/retained-window.ts";
import { blockUnderWay } from "./sequencer/unknown-outcome.ts";
import { catchUp, followShared } from "./service/catch-up.ts";
import { checkState } from "./service/check-state.ts";
import { DevChain } from "./service/dev-chain.ts";
import type { DevClock } from "./service/dev-clock.ts";
import { LocalEngine } from "./service/engine-service.ts";
import { describeEngine, type EngineFacts, healthOf } from "./service/engine-status.ts";
import { LocalEventLog } from "./service/event-log.ts";
import { type HistoryHandle, openHistory } from "./service/history-handle.ts";
import { HistoryPruning, type PruneReport } from "./service/history-pruning.ts";
import { type AskAnalytics, Insights } from "./service/insights.ts";
import { LogFollowers } from "./service/log-followers.ts";
import { type OpenedStorage, openStorage } from "./service/open-storage.ts";
import { PostgresSide } from "./service/postgres-side.ts";
import { PrivacyHost } from "./service/privacy-host.ts";
import { QueryPool } from "./service/query-pool.ts";
import { readTail } from "./service/read-tail.ts";
import { RedisSide } from "./service/redis-side.ts";
import { requireSameGenesis } from "./service/same-genesis.ts";
import { Stops } from "./service/stops.ts";
import { StorageInsights } from "./service/storage-insights.ts";
import type { ChainIndex } from "./storage/chain-index.ts";
import { type DataPaths, type ModuleFilesOptions, moduleFilesIn } from "./storage/data-paths.ts";
import { unlockedKeys } from "./storage/encryption/unlocked.ts";
import type { HistoryKept, LogNeed } from "./storage/prune-plan.ts";
import type { ExecutorWorkerData } from "./threads/executor.ts";
import type { QueryPoolWorkerData } from "./threads/query-pool-worker.ts";

/** Transactions waiting for the executor, in bytes of encoding: a second's worth at the highest rate measured. */
const SUBMISSION_BACKLOG_BYTES_MAX = 32 * 1024 * 1024;
const ZERO_HASH = new Uint8Array(32);
const BEFORE_GENESIS: Head = { seq: -1, height: -1, timestampMs: 0, blockHash: ZERO_HASH, stateRoot: ZERO_HASH };

export class Engine {
  readonly service: LocalEngine;
  readonly #options: EngineOptions;
  readonly #log: BlockLog;
  readonly #chain: ChainIndex;
  readonly #ids = new IdIndex();
  readonly #retained: RetainedWindow;
  readonly #history: HistoryHandle;
  readonly #pool: QueryPool | undefined;
  readonly #pipeline: Pipeline;
  readonly #threads: ExecutorThreads;
  readonly #enhanced: EnhancedContractEngine;
  readonly #auto: AutoSequencer | undefined;
  readonly #driven: DrivenSequencer | undefined;
  readonly #paths: DataPaths | undefined;
  readonly #modules: ModuleFilesOptions | undefined;
  readonly #privacy: PrivacyHost;
  readonly #events: LocalEventLog;
  parameters: ChainParameters;
  /** As the state store had them at the start. */
  readonly #storedParameters: ChainParameters | undefined;
  readonly #followers: LogFollowers;
  readonly #pruning: HistoryPruning | undefined;
  readonly #postgres: PostgresSide | undefined;
  readonly #redis: RedisSide | undefined;
  readonly #insights: Insights;
  readonly #stops: Stops;
  /** Counts durable entries after which a contract may be another than before. */
  #contractsVersion = 0;
  #executorStart: ExecutorStart | undefined;
  /** After the state store's last write. */
  #stateMemory: StateMemory | undefined;
  #fatal: EngineError | undefined;
  #state: "starting" | "ready" | "stopping" = "starting";
  readonly #startedAt = performance.now();

  static async open(options: EngineOptions): Promise<Engine> {
    const stops = new Stops(options.report);
    try {
      const storage = await openStorage(options);
      stops.add("the log", () => storage.log.close());
      const engine = new Engine(options, storage, stops);
      await engine.#start();
      return engine;
    } catch (problem) {
      await stops.all();
      throw problem;
    }
  }

  private constructor(options: EngineOptions, storage: OpenedStorage, stops: Stops) {
    this.#options = options;
    this.#stops = stops;
    this.#retained = new RetainedWindow(options.retention);
    this.parameters = options.parameters;
    this.#storedParameters = storage.parameters;
    this.#log = storage.log;
    this.#chain = storage.chain;
    this.#paths = storage.paths;
    if (storage.paths !== undefined) this.#modules = moduleFilesIn(storage.paths, options.modulesBytesMax);
    this.#history = openHistory(storage, this.#script("query-worker"));
    stops.add("history", () => this.#history.close());
    this.#postgres = this.#postgresSide(storage);
    this.#redis = this.#redisSide(storage);
    this.#followers = this.#logFollowers(options);
    const isOrderly = () => this.#state === "stopping" && this.#fatal === undefined;
    stops.add("what follows the log", () => this.#followers.close(isOrderly()));
    this.#pool = this.#queryPool(options);
    stops.add("the threads of queries", () => this.#pool?.close());
    this.#threads = options.executorThreads ?? new ExecutorThreads(this.#script("executor-worker"));
    stops.add("the spare executor", () => this.#threads.close());
    this.#pipeline = new Pipeline({
      log: this.#log,
      head: this.#head(),
      startExecutor: (head, onLost) => this.#startExecutor(head, onLost),
      now: options.now,
      onDurable: (entry) => this.#durable(entry),
      stage: () => this.#driven?.stage,
      onRoom: () => this.#auto?.pump(),
      commitWaitMaxMs: options.postgres?.commitTimeoutMs,
      // What is not with the executor has not run.
      onOverdue: () => this.#auto?.dropWaiting(blockUnderWay(this.#pipeline.head.height + 1)),
      onFatal: (error) => this.#fail(error),
    });
    stops.add("the executor", () => this.#pipeline.close());
    // Before the executor, by which a replica follows.
    stops.add("leadership", () => this.#postgres?.resign());
    this.#enhanced = new EnhancedContractEngine(
      {
        ...options.resultCache,
        seq: this.#log.durableSeq,
        gasForced: options.queryGasForced,
        optimize: options.optimize,
        blockHeight: () => this.#pipeline.head.height,
        hasWrites: () => this.#pipeline.hasWrites || (this.#auto?.backlogBytes ?? 0) > 0,
        hasEarlyReceipts: () => this.#pipeline.hasEarlyReceipts,
        nowMs: () => performance.now(),
      },
      new QueryQueue(this.#pipeline, this.#pool),
    );
    if (options.mode === "auto") {
      this.#auto = new AutoSequencer({
        pipeline: this.#pipeline,
        ids: new IdGate({ ids: this.#ids, readBlock: (seq) => this.#read(seq), now: options.now }),
        backlogBytesMax: options.submissionBacklogBytes ?? SUBMISSION_BACKLOG_BYTES_MAX,
        chainHash: transactionHasher(options.parameters.chainId),
        followerBacklog: () => ({ bytes: this.#followers.backlogBytes, max: options.backlogMaxBytes }),
        refusal: () => this.#postgres?.refusal(),
      });
    } else {
      this.#driven = new DrivenSequencer(this.#pipeline, (height) => this.#blockAt(height));
    }
    this.#insights = new Insights({
      enhanced: this.#enhanced,
      ask: this.#askAnalytics,
      readGas: GAS_SCHEDULE_1.stateRead,
    });
    const leads = () => this.#postgres?.refusal() === undefined;
    const postgres = storage.shared && options.postgres?.options;
    this.#privacy = new PrivacyHost(
      { ...options, shared: postgres && { postgres, leads } },
      { script: this.#script("privacy-worker"), pipeline: this.#pipeline },
    );
    stops.add("privacy", () => this.#privacy.close());
    this.#pruning = this.#historyPruning(storage);
    stops.add("pruning", () => this.#pruning?.close());
    this.#events = new LocalEventLog({ log: this.#log, chain: this.#chain });
    this.service = new LocalEngine({
      privacy: this.#privacy.service,
      events: this.#events,
      log: this.#log,
      chain: this.#chain,
      retained: this.#retained,
      pipeline: this.#pipeline,
      queries: this.#enhanced,
      history: this.#history,
      auto: this.#auto,
      driven: this.#driven,
      now: options.now,
      contractsVersion: () => this.#contractsVersion,
      describe: () => describeEngine(this.#facts()),
      health: () => healthOf(this.#facts()),
      refusal: () => this.#postgres?.refusal(),
      insights: this.#insights,
      storage: this.#storageInsights(options),
    });
  }

  #historyPruning({ journal, paths }: OpenedStorage): HistoryPruning | undefined {
    if (journal === undefined || paths === undefined) return undefined;
    return new HistoryPruning(this.#options.history ?? { kept: undefined, archive: undefined }, {
      journal,
      chain: this.#chain,
      needs: () => this.#logNeeds(),
      check: (signal) => checkState(this.#script("check-worker"), paths, signal),
      note: (seq) => this.#followers.beginAt(seq),
      settled: () => this.#history.settled(),
      pruneTables: async (kept) => await this.#postgres?.pruneTables(kept, this.#options.retention),
      report: this.#options.report,
    });
  }

  /** What somebody still needs of the log, whatever of it is to be kept. */
  async #logNeeds(): Promise<LogNeed[]> {
    const chain = this.#chain;
    const needs = await this.#followers.needs();
    const window = chain.seqOfHeight(this.#retained.lowestHeight ?? 0) ?? 0;
    needs.push({ seq: window, of: "the rollback window (retention.undo_*)" });
    const [idSeq, jobSeq] = [this.#ids.oldestKeptSeq, this.#privacy.oldestOpenSeq];
    if (idSeq !== undefined) needs.push({ seq: idSeq, of: "ids of transactions" });
    if (jobSeq !== undefined) needs.push({ seq: jobSeq, of: "privacy jobs that are not over" });
    return needs;
  }

  get #askAnalytics(): AskAnalytics | undefined {
    if (!this.#options.analytics) return undefined;
    return (question) => this.#followers.analytics.ask(question, this.#log.durableSeq);
  }

  #storageInsights({ postgres, redis }: EngineOptions): StorageInsights {
    const [ofPostgres, ofRedis] = [this.#postgres, this.#redis];
    return new StorageInsights({
      log: this.#log,
      paths: this.#paths,
      history: this.#history,
      enhanced: this.#enhanced,
      postgres: ofPostgres && { storage: postgres!, side: ofPostgres },
      redis: ofRedis && { storage: redis!, side: ofRedis },
      chain: this.#chain,
      pruning: this.#pruning,
      follower: () => this.#followers.progress,
      ask: this.#askAnalytics,
      health: () => healthOf(this.#facts()),
      blobs: () => this.#privacy.service.use(),
    });
  }

  /** Its threads follow the log by themselves: storage memory has no log for them to read. */
  #queryPool({ queries, resultCache, report }: EngineOptions): QueryPool | undefined {
    const paths = this.#paths;
    if (paths === undefined || queries.threads === 0) return undefined;
    const workerData = (): QueryPoolWorkerData => ({
      parameters: this.parameters,
      paths,
      modules: this.#modules,
      recordReads: resultCache.entriesMax > 0,
    });
    const durableSeq = () => this.#log.durableSeq;
    return new QueryPool({ ...queries, script: this.#script("query-pool-worker"), workerData, durableSeq, report });
  }

  // ── starting ────────────────────────────────────────────────────────────────

  async #start(): Promise<void> {
    readTail({
      log: this.#log,
      chain: this.#chain,
      retained: this.#retained,
      ids: this.#ids,
      retention: this.#options.retention,
    });
    if (this.#log.durableSeq >= 0) {
      const genesisDelta = this.#read(0)?.delta;
      this.parameters = this.#storedParameters ?? parametersIn(genesisDelta ?? new Uint8Array(0));
      if (this.#options.named !== undefined) requireSameGenesis(this.#options.named, this.parameters, genesisDelta);
    }
    const starting = [this.#followers.start(), this.#pipeline.start()];
    // Where one fails the other is waited for: what is half started can't be stopped.
    await Promise.allSettled(starting);
    await Promise.all(starting);
    // Not before: it would take half of the machine from the executor that catches up.
    this.#followers.tell();
    await this.#postgres?.start();
    if (this.#log.durableSeq < 0) {
      const entry = await this.#pipeline.askNow("genesis", [this.#options.balances]);
      this.#pipeline.commit(new BlockEntry(entry));
      await this.#pipeline.executedIsDurable();
    }
    this.#redis?.start();
    await this.#privacy.resume(this.#log);
    this.#state = "ready";
    if (this.#options.optimize && this.#paths !== undefined)
      this.#insights.warmSoon((address) => this.#pipeline.ask("contract", [address]));
    const { height } = this.#pipeline.head;
    this.#options.report("info", "engine ready", {
      height,
      tree: this.#executorStart?.tree,
      startMs: Math.round(performance.now() - this.#startedAt),
    });
    if (this.#executorStart?.nativeMissing !== undefined)
      this.#options.report(
        "warn",
        "running without the native addon: the state tree is computed in JavaScript, several times slower",
        { why: this.#executorStart.nativeMissing },
      );
  }

  #logFollowers({ analytics, report }: EngineOptions): LogFollowers {
    return new LogFollowers({
      log: this.#log,
      chain: this.#chain,
      paths: this.#paths,
      postgres: this.#postgres,
      redis: this.#redis,
      analytics,
      script: this.#script("follower-worker"),
      headSeq: () => this.#pipeline.head.seq,
      onApplied: async (seq) => {
        this.#stateMemory = await this.#pipeline.applied(seq);
      },
      onFatal: (error) => this.#fail(error),
      report,
    });
  }

  #postgresSide({ shared }: OpenedStorage): PostgresSide | undefined {
    const { postgres: storage, dataDir, backlogMaxBytes, report } = this.#options;
    if (storage === undefined || dataDir === undefined) return undefined;
    return new PostgresSide({
      storage,
      dataDir,
      log: this.#log,
      backlogMaxBytes,
      shared,
      script: this.#script("postgres-worker"),
      follow: () => followShared(this.#pipeline, shared!.log),
      onDemoted: (why) => {
        this.#auto?.dropWaiting(why);
        void this.#driven?.discard().catch(() => undefined);
      },
      onCopied: () => this.#followers.tellSoon(),
      onFatal: (error) => this.#fail(error),
      report,
    });
  }

  #redisSide({ shared, paths }: OpenedStorage): RedisSide | undefined {
    const { redis: storage, dataDir, report } = this.#options;
    if (storage === undefined || dataDir === undefined || paths === undefined) return undefined;
    const script = this.#script("redis-worker");
    const logName = shared && (() => toHex(shared.genesisHash ?? this.#read(0)!.blockHash));
    return new RedisSide({ storage, dataDir, paths, log: this.#log, logName, script, report });
  }

  #head(): Head {
    const { durableSeq } = this.#log;
    return durableSeq < 0 ? BEFORE_GENESIS : headOf(this.#read(durableSeq)!);
  }

  async #startExecutor(head: Head, onLost: (problem: EngineError) => void): Promise<RunningExecutor> {
    this.#driven?.executorLost();
    const progress = new SharedArrayBuffer(4);
    const workerData: ExecutorWorkerData = {
      parameters: this.parameters,
      head,
      stateDirectory: this.#paths?.state,
      treeName: this.#options.dataDir ?? `memory ${this.#startedAt}`,
      treePath: this.#executorStart === undefined ? this.#paths?.tree : undefined,
      lowestSeq: this.#chain.lowestSeq,
      logBytes: this.#log.byteLength,
      progress,
      modules: this.#modules,
      privacy: this.#privacy.held,
      recordReads: this.#options.resultCache.entriesMax > 0,
      measureTimes: this.#options.analytics,
      helpers: {
        threads: this.#options.parallelThreads,
        executionTimeoutMs: this.#options.executionTimeoutMs,
        patienceMs: this.#options.parallelPatienceMs,
      },
      keys: unlockedKeys(),
    };
    const handle = new WorkerExecutor({
      threads: this.#threads,
      workerData,
      executionTimeoutMs: this.#options.executionTimeoutMs,
      onLost: (problem) => {
        this.#options.report("error", "the executor was stopped and is started again from the last durable block", {
          code: problem.code,
          why: problem.message,
        });
        onLost(problem);
      },
      onNotice: (message, facts) => this.#options.report("warn", message, facts),
    });
    try {
      const start = await handle.ready();
      this.#executorStart = start;
      await catchUp(handle, start.baseSeq, head, (seq) => this.#read(seq)!, this.#paths?.state);
      return { handle, progress: new Int32Array(progress) };
    } catch (problem) {
      await handle.close();
      throw problem;
    }
  }

  #script(name: string): URL {
    return new URL(`${name}.js`, this.#options.scripts ?? import.meta.url);
  }

  // ── running ─────────────────────────────────────────────────────────────────

  /** @param clock what `now` of the options reads. */
  developing(clock: DevClock, accounts: DevService["accounts"]): DevService {
    return new DevChain({ service: this.service, pipeline: this.#pipeline, clock, accounts });
  }

  /** Lets go of older blocks, receipts and logs, or says which. @throws EngineError ROOT_MISMATCH, StorageError. */
  async prune(kept: HistoryKept, dryRun: boolean): Promise<PruneReport> {
    if (this.#pruning !== undefined) return await this.#pruning.prune(kept, dryRun);
    throw new EngineError("VALIDATION_ERROR", "storage memory has no journal: nothing is pruned", {
      path: "storage.kind",
    });
  }

  #durable(entry: BlockEntry): void {
    if (entry.isRollback)
      for (let { headHeight } = this.#chain; headHeight > entry.height; headHeight--)
        this.#ids.remove(this.#blockAt(headHeight)!);
    if (entry.isRollback || entry.changesContracts) this.#contractsVersion++;
    this.#chain.add(entry);
    this.#retained.add(entry);
    this.#ids.add(entry);
    this.#enhanced.committed(entry);
    this.#followers.committed(entry);
    this.#options.telemetry?.durable(entry, performance.now());
    this.#privacy.follow(entry);
    this.#events.committed(entry);
  }

  #read(seq: number): BlockEntry | undefined {
    const bytes = this.#log.read(seq);
    return bytes === undefined ? undefined : new BlockEntry(bytes);
  }

  #blockAt(height: number): BlockEntry | undefined {
    const seq = this.#chain.seqOfHeight(height);
    return seq === undefined ? undefined : this.#read(seq);
  }

  #fail(error: EngineError): void {
    if (this.#fatal !== undefined) return;
    this.#fatal = error;
    this.#auto?.abort(error);
    this.#pipeline.abort(error);
    this.#options.onFatal(error);
  }

  #facts(): EngineFacts {
    return {
      state: this.#state,
      fatal: this.#fatal,
      mode: this.#options.mode,
      isStored: this.#paths !== undefined,
      head: this.#pipeline.head,
      log: this.#log,
      follower: this.#followers.progress,
      tables: this.#postgres?.tables,
      readReplicas: this.#postgres?.replicas?.describe() ?? [],
      redis: this.#redis?.describe(),
      leadership: this.#postgres?.leadership,
      backups: this.#options.backups?.(),
      queries: this.#pool?.use(),
      backlogMaxBytes: this.#options.backlogMaxBytes,
      executor: this.#pipeline.isRunning ? this.#executorStart : undefined,
      stateMemory: this.#stateMemory,
      nativeMissing: this.#executorStart?.nativeMissing,
      parameters: this.parameters,
      limits: this.#options.limits,
      lowestRetainedHeight: this.#retained.lowestHeight ?? 0,
      lowestHeight: this.#chain.lowestHeight,
      pruning: this.#pruning?.describe(),
    };
  }

  // ── stopping ────────────────────────────────────────────────────────────────

  /** Answers what was taken, saves the tree, lets the follower catch up, and closes. */
  async close(): Promise<void> {
    this.#state = "stopping";
    try {
      if (this.#fatal === undefined) await this.#settle();
    } finally {
      await this.#stops.all();
    }
  }

  async #settle(): Promise<void> {
    await this.#auto?.drain();
    if (this.#driven?.stage.block !== undefined) await this.#driven.discard();
    const problem = await this.#pipeline.executedIsDurable().catch((thrown: EngineError) => thrown);
    if (problem !== undefined)
      this.#options.report("warn", "stopped without knowing what the log has", { why: problem.message });
    else if (this.#paths?.tree !== undefined)
      await this.#pipeline.askNow("saveTree", [this.#paths.tree, this.#log.byteLength]).catch((problem: Error) =>
        this.#options.report("warn", "the state tree was not saved; the next start builds it anew", {
          why: problem.message,
        }),
      );
  }
}
