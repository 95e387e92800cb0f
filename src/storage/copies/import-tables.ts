/**
 * Imports an exported state into the tables of an empty PostgreSQL schema: where a daemon in durability journal, on a data
 * directory that began with the same export, then follows on. One transaction:
 *   rows ─▶ accounts, contracts, codes, contract_state, other_state ─▶ the block ─▶ position ─▶ the root of what is there ─▶ commit
 */
import type { Client } from "pg";
import { equalBytes } from "../../encoding/bytes.ts";
import { encodeDelta } from "../../encoding/delta.ts";
import { toHex } from "../../encoding/hex.ts";
import { EngineError } from "../../errors.ts";
import { ChangeTable } from "../change-table.ts";
import { migrationsDirectory } from "../migration-files.ts";
import { connectPostgres, dropConnection } from "../postgres-connection.ts";
import { postgresError } from "../postgres-errors.ts";
import { describeServer, type PostgresOptions, quotedSchema } from "../postgres-options.ts";
import { NotReadyError, requireMigrations } from "../postgres-session.ts";
import { StateChanges } from "../state-changes.ts";
import { BatchBuilder } from "../table-batch.ts";
import type { TableStatement } from "../table-statement.ts";
import { HISTORY_TABLES, STATE_TABLES, stateRows } from "../tables-state.ts";
import type { CopyTools } from "./directory-target.ts";
import { ImportedRows } from "./import-rows.ts";
import { type ImportOptions, type ImportResult, resultOf } from "./import-state.ts";
import type { CopyRun } from "./store-source.ts";

/** Rows of one statement to each table. */
const ROWS_PER_STEP = 8_192;
const ROWS_PER_DELTA = 65_536;
const KEPT_BYTES = 8 * 1024 * 1024;

/**
 * @throws EngineError BACKUP_DAMAGED with the line, ROOT_MISMATCH, MIGRATIONS_PENDING, DATA_WOULD_BE_LOST when a table has rows.
 * @throws StorageError. Nothing is changed then.
 */
export async function importTables(
  options: PostgresOptions,
  { file, validate }: ImportOptions,
  tools: CopyTools,
  run: CopyRun,
): Promise<ImportResult> {
  const imported = await ImportedRows.open(file, validate);
  try {
    const client = await connectPostgres(options, { application: "import" });
    try {
      await new TablesImport(options, client, imported).run(validate, tools, run);
      return resultOf(imported, validate);
    } catch (problem) {
      await client.query("rollback").catch(() => undefined);
      if (problem instanceof NotReadyError)
        throw new EngineError("MIGRATIONS_PENDING", problem.message, { schema: options.schema });
      throw problem instanceof EngineError || run.signal.aborted
        ? problem
        : postgresError("filling the tables", problem);
    } finally {
      dropConnection(client);
    }
  } finally {
    await imported.close();
  }
}

class TablesImport {
  readonly #options: PostgresOptions;
  readonly #schema: string;
  readonly #client: Client;
  readonly #imported: ImportedRows;
  readonly #state: StateChanges;
  readonly #changes = new ChangeTable();

  constructor(options: PostgresOptions, client: Client, imported: ImportedRows) {
    this.#options = options;
    this.#schema = quotedSchema(options);
    this.#client = client;
    this.#imported = imported;
    this.#state = new StateChanges(this.#schema);
  }

  async run(validate: boolean, tools: CopyTools, run: CopyRun): Promise<void> {
    await requireMigrations(this.#client, this.#options.schema, migrationsDirectory());
    await this.#client.query("begin");
    await this.#requireEmpty();
    for await (const { rows } of this.#imported.parts(0, run))
      for (let first = 0; first < rows.length; first += ROWS_PER_STEP) {
        const step = rows.slice(first, first + ROWS_PER_STEP);
        const changes = step.map(({ key, value }) => ({ key, newValue: value, oldValue: undefined }));
        this.#changes.applyDelta(encodeDelta(changes), "forward");
        this.#state.take(this.#changes);
        await this.#send(this.#state.statements());
        this.#state.clear();
        this.#changes.clear(KEPT_BYTES);
      }
    this.#imported.requireManifest();
    await this.#begin();
    if (validate) await this.#requireRoot(tools, run);
    run.signal.throwIfAborted();
    await this.#client.query("commit");
  }

  /** The lock keeps a daemon's tables thread from beginning meanwhile. */
  async #requireEmpty(): Promise<void> {
    await this.#client.query(`lock table ${this.#schema}.position in exclusive mode`);
    for (const table of ["position", "leader", ...STATE_TABLES, ...HISTORY_TABLES]) {
      const { rowCount } = await this.#client.query(`select 1 from ${this.#schema}.${table} limit 1`);
      if (rowCount === 0) continue;
      throw new EngineError(
        "DATA_WOULD_BE_LOST",
        `${table} in schema ${this.#options.schema} of ${describeServer(this.#options)} has rows: polytorus db reset --force drops them`,
        { table },
      );
    }
  }

  /** The block with its transactions and logs, and the position after it. */
  async #begin(): Promise<void> {
    const { block } = this.#imported;
    const { seq, height, parentHash, blockHash, stateRoot } = block;
    const before = { seq: seq - 1, height: height - 1, blockHash: parentHash, stateRoot };
    const builder = new BatchBuilder(this.#schema, before);
    builder.addBlock(block);
    await this.#send(builder.statements());
    await this.#client.query(
      `insert into ${this.#schema}.position (id, applied_seq, head_height, head_hash, state_root, updated_at)
       values (1, $1, $2, $3, $4, clock_timestamp())`,
      [seq, height, Buffer.from(blockHash), Buffer.from(stateRoot)],
    );
  }

  async #requireRoot({ newTree }: CopyTools, { signal, onProgress }: CopyRun): Promise<void> {
    const { tree, release } = newTree();
    try {
      let changes: { key: Uint8Array; newValue: Uint8Array; oldValue: undefined }[] = [];
      let done = 0;
      const step = (): void => {
        signal.throwIfAborted();
        tree.apply(encodeDelta(changes), "forward");
        done += changes.length;
        changes = [];
        onProgress({ phase: "checking", done, total: this.#imported.rows });
      };
      for await (const { key, value } of stateRows(this.#client, this.#schema)) {
        changes.push({ key, newValue: value, oldValue: undefined });
        if (changes.length === ROWS_PER_DELTA) step();
      }
      step();
      const [root, expected] = [tree.root(), this.#imported.block.stateRoot];
      if (equalBytes(root, expected)) return;
      throw new EngineError(
        "ROOT_MISMATCH",
        `the tables have root ${toHex(root)}, the block says ${toHex(expected)}; nothing was kept`,
        { expected: toHex(expected), received: toHex(root) },
      );
    } finally {
      release();
    }
  }

  async #send(statements: readonly TableStatement[]): Promise<void> {
    for (const statement of statements) await this.#client.query({ ...statement });
  }
}
