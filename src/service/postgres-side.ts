/**
 * PostgresSide: everything about PostgreSQL beside an engine. In durability journal the tables follow the journal; in strict
 * they follow it where this daemon leads, and leadership decides whether it does.
 */
import type { EngineError } from "../errors.ts";
import type { BlockLog } from "../execution/ports.ts";
import { connectPostgres, dropConnection } from "../storage/postgres-connection.ts";
import { tablesPosition } from "../storage/postgres-inspection.ts";
import { quotedSchema } from "../storage/postgres-options.ts";
import type { HistoryKept } from "../storage/prune-plan.ts";
import { addedCounts, type StatementCounts } from "../storage/statement-meter.ts";
import { pruneTables, type TablesPruned, type TablesPruning } from "../storage/tables-pruning.ts";
import { Leadership } from "./leadership.ts";
import type { SharedLog } from "./open-storage.ts";
import { type PostgresStorage, startTables, type TablesThread } from "./postgres-handle.ts";
import { ReadReplicas } from "./read-replicas.ts";

/** How long the tables are pruned at a time: half of what is between two looks. */
const PRUNE_MS = 30_000;

export interface PostgresSideOptions {
  readonly storage: PostgresStorage;
  readonly dataDir: string;
  readonly log: BlockLog;
  readonly backlogMaxBytes: number;
  readonly shared: SharedLog | undefined;
  readonly script: URL;
  /** Takes into execution what was copied from a shared log, and publishes it. */
  follow(): Promise<void>;
  /** What waits to be executed can't be. */
  onDemoted(why: EngineError): void;
  /** The copy of a shared log has more that would survive this machine's power going away. */
  onCopied(): void;
  onFatal(error: EngineError): void;
  report(level: "info" | "warn" | "error", message: string, facts: Record<string, unknown>): void;
}

export class PostgresSide {
  readonly #options: PostgresSideOptions;
  readonly #leadership: Leadership | undefined;
  readonly replicas: ReadReplicas | undefined;
  #tables: TablesThread | undefined;
  /** What the tables' threads that ended had asked. */
  #ended: StatementCounts = addedCounts([]);
  /** One change of the tables' thread at a time. */
  #change: Promise<void> = Promise.resolve();

  constructor(options: PostgresSideOptions) {
    this.#options = options;
    const { shared, storage, follow, onFatal, report, log } = options;
    const { readReplicas, durability } = storage;
    const tablesSeq = () => this.#tables?.progress.appliedSeq ?? -1;
    if (readReplicas !== undefined && readReplicas.servers.length > 0)
      this.replicas = new ReadReplicas({ ...readReplicas, durability, log, tablesSeq, report });
    if (shared === undefined) return;
    this.#leadership = new Leadership({
      postgres: storage.options,
      meter: shared.meter,
      lease: shared.lease,
      log: shared.log,
      replicas: this.replicas,
      follow,
      onFatal,
      report,
      onPromoted: (token) => {
        if (storage.hasTables !== false) this.#inTurn(() => this.#startTables(token));
      },
      onDemoted: (why) => {
        options.onDemoted(why);
        this.#inTurn(() => this.#stopTables());
      },
    });
    shared.onFenced = () => this.#leadership!.fenced();
    shared.onCopied = () => options.onCopied();
    shared.onCopyFailed = onFatal;
  }

  /** Resolves when the tables' first state is known; with a shared log, when it is clear who appends. */
  async start(): Promise<void> {
    if (this.#leadership === undefined) await this.#startTables(undefined);
    else this.#leadership.start(this.#options.shared!.token);
    this.replicas?.start();
  }

  durable(): void {
    this.#tables?.durable(this.#options.log.durableSeq, this.#options.log.byteLength);
  }

  get backlogBytes(): number {
    return this.#tables?.backlog.bytes ?? 0;
  }

  /** What a writer is told; undefined when it may write. */
  refusal(): EngineError | undefined {
    return this.#leadership?.refusal();
  }

  /** Everything that this daemon asks of the server. */
  get statements(): StatementCounts {
    const parts = [this.#options.shared?.meter.counts, this.#tables?.progress.statements, this.#ended];
    return addedCounts(parts.filter((part) => part !== undefined));
  }

  get tables() {
    return this.#tables === undefined ? undefined : { ...this.#tables.progress, backlog: this.#tables.backlog };
  }

  /** Seq of the last entry that the tables have, asked of the server; undefined where there are none. @throws StorageError. */
  async tablesSeq(): Promise<number | undefined> {
    const { hasTables, options } = this.#options.storage;
    return hasTables === false ? undefined : await tablesPosition(options);
  }

  /** Of the tables' history, what is older than is kept, for a while; undefined where somebody else leads, or there are none. */
  async pruneTables(kept: HistoryKept, window: TablesPruning["window"]): Promise<TablesPruned | undefined> {
    const { hasTables, options } = this.#options.storage;
    if (hasTables === false || this.refusal() !== undefined) return undefined;
    const client = await connectPostgres(options, { application: "prune" });
    const untilMs = performance.now() + PRUNE_MS;
    const onStep = () => performance.now() < untilMs;
    try {
      return await pruneTables(client, quotedSchema(options), { kept, window, dryRun: false, onStep });
    } finally {
      dropConnection(client);
    }
  }

  get leadership(): ReturnType<Leadership["describe"]> | undefined {
    return this.#leadership?.describe();
  }

  /** Appends nothing more and follows nobody: another daemon may lead at once. */
  async resign(): Promise<void> {
    await Promise.all([this.#leadership?.close(), this.replicas?.close()]);
  }

  /** Once resigned. @param isOrderly the tables may follow for a while. */
  async close(isOrderly: boolean): Promise<void> {
    await this.#change;
    if (isOrderly) await this.#tables?.stop();
    else await this.#tables?.kill();
  }

  #inTurn(body: () => Promise<void>): void {
    const { onFatal, report } = this.#options;
    this.#change = this.#change.then(body).catch((problem: EngineError) => {
      report("error", "PostgreSQL's tables do not follow", { why: problem.message });
      onFatal(problem);
    });
  }

  async #startTables(token: bigint | undefined): Promise<void> {
    const { script, storage, onFatal, ...modules } = this.#options;
    const lease = token === undefined ? undefined : { token };
    this.#tables = await startTables(script, storage, { ...modules, lease, onFailed: onFatal });
    this.durable();
  }

  async #stopTables(): Promise<void> {
    const tables = this.#tables;
    if (tables === undefined) return;
    await tables.kill();
    this.#ended = addedCounts([this.#ended, { ...tables.progress.statements, connections: 0 }]);
    this.#tables = undefined;
  }
}
