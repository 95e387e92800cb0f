/**
 * PostgresTarget: fills an empty log in PostgreSQL, in one transaction, from which daemons in durability strict then start.
 *   entries ─▶ block_log          their deltas ─▶ state tree: the root must be the head's before anything is committed
 *   blobs ─▶ privacy_blobs, privacy_names
 * Rows of the state are not kept: they follow from the log, which therefore begins at genesis.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Client } from "pg";
import { BlockEntry } from "../../encoding/block-entry.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import { toHex } from "../../encoding/hex.ts";
import { EngineError } from "../../errors.ts";
import { writeShared } from "../blobs/blob-copies.ts";
import { ChainIndex } from "../chain-index.ts";
import { LogRows, seqOf } from "../log-rows.ts";
import { migrationsDirectory } from "../migration-files.ts";
import { connectPostgres, dropConnection } from "../postgres-connection.ts";
import { postgresError } from "../postgres-errors.ts";
import { claimLease, releaseLease } from "../postgres-lease.ts";
import { describeServer, type PostgresOptions, quotedSchema } from "../postgres-options.ts";
import { NotReadyError, requireMigrations } from "../postgres-session.ts";
import { BlockCheck } from "./block-check.ts";
import type { CopyResult, CopyTools } from "./directory-target.ts";
import type { CopyRun, RawRow, StorePart, StoreSource } from "./store-source.ts";

const APPEND_ENTRIES = 16;
const LEASE_MS = 60_000;

export class PostgresTarget {
  readonly #client: Client;
  readonly #schema: string;
  readonly #rows: LogRows;
  readonly #token: bigint;
  readonly #source: StoreSource;
  readonly #check: BlockCheck;
  readonly #chain = new ChainIndex();
  readonly #tree;

  /**
   * @throws EngineError MIGRATIONS_PENDING, DATABASE_IN_USE, DATA_WOULD_BE_LOST when it has a log, PRUNED when the source's does
   *         not begin at genesis. @throws StorageError.
   */
  static async open(options: PostgresOptions, source: StoreSource, tools: CopyTools): Promise<PostgresTarget> {
    if (source.firstSeq > 0)
      throw new EngineError(
        "PRUNED",
        `a log in PostgreSQL begins at genesis; that of ${source.name} begins with entry ${source.firstSeq}: copy it to a data directory`,
        { firstSeq: source.firstSeq },
      );
    const client = await connectPostgres(options, { application: "copy" });
    try {
      return new PostgresTarget(options, client, await claimEmpty(client, options), source, tools);
    } catch (problem) {
      dropConnection(client);
      if (problem instanceof NotReadyError)
        throw new EngineError("MIGRATIONS_PENDING", problem.message, { schema: options.schema });
      throw problem instanceof EngineError ? problem : postgresError("preparing the schema", problem);
    }
  }

  private constructor(options: PostgresOptions, client: Client, token: bigint, source: StoreSource, tools: CopyTools) {
    this.#client = client;
    this.#schema = quotedSchema(options);
    this.#rows = new LogRows(this.#schema);
    this.#token = token;
    this.#source = source;
    this.#check = new BlockCheck(source.name);
    this.#tree = tools.newTree();
  }

  async take(part: StorePart): Promise<void> {
    if (part.kind === "blobs") await this.#writeBlobs(part.rows);
    if (part.kind !== "entries") return;
    for (let first = 0; first < part.entries.length; first += APPEND_ENTRIES)
      await this.#append(part.entries.slice(first, first + APPEND_ENTRIES));
    for (const bytes of part.entries) await this.#follow(this.#check.take(bytes));
  }

  /** @throws EngineError ROOT_MISMATCH; nothing of it counts then. */
  async finish({ signal }: CopyRun): Promise<CopyResult> {
    const { seq, height, stateRoot } = this.#source.head;
    const root = this.#tree.tree.root();
    if (!equalBytes(root, stateRoot))
      throw new EngineError(
        "ROOT_MISMATCH",
        `the log that was copied gives root ${toHex(root)}, its block says ${toHex(stateRoot)}; nothing was kept`,
        { expected: toHex(stateRoot), received: toHex(root) },
      );
    signal.throwIfAborted();
    const { lastSeq } = await this.#rows.end(this.#client);
    if (lastSeq !== seq)
      throw new EngineError("BACKUP_DAMAGED", `${this.#source.name} ends at entry ${lastSeq}, not ${seq}`, { seq });
    await releaseLease(this.#client, this.#schema, this.#token);
    await this.#query("commit");
    this.#end();
    return { seq, height, stateRoot: toHex(root) };
  }

  async discard(): Promise<void> {
    await this.#client.query("rollback").catch(() => undefined);
    this.#end();
  }

  #end(): void {
    this.#tree.release();
    dropConnection(this.#client);
  }

  async #append(entries: readonly Uint8Array[]): Promise<void> {
    try {
      if ((await this.#rows.append(this.#client, this.#token, entries)) === entries.length) return;
    } catch (problem) {
      throw postgresError("writing the log", problem);
    }
    const seq = seqOf(entries[0]!);
    throw new EngineError("BACKUP_DAMAGED", `${this.#source.name}: entry ${seq} does not follow what came before`, {
      seq,
    });
  }

  async #follow(entry: BlockEntry): Promise<void> {
    if (!entry.isRollback) this.#tree.tree.apply(entry.delta, "forward");
    else
      for (let height = this.#chain.headHeight; height > entry.height; height--) {
        const [undone] = await this.#rows.read(this.#client, this.#chain.seqOfHeight(height)!, 1);
        this.#tree.tree.apply(new BlockEntry(undone!).delta, "backward");
      }
    this.#chain.add(entry);
  }

  async #writeBlobs(rows: readonly RawRow[]): Promise<void> {
    try {
      await writeShared(this.#client, this.#schema, rows);
    } catch (problem) {
      throw postgresError("writing keys and ciphertexts", problem);
    }
  }

  async #query(text: string): Promise<void> {
    try {
      await this.#client.query(text);
    } catch (problem) {
      throw postgresError(text, problem);
    }
  }
}

/** Opens the transaction in which the log is written. Answers the token to write it with. */
async function claimEmpty(client: Client, options: PostgresOptions): Promise<bigint> {
  const schema = quotedSchema(options);
  await requireMigrations(client, options.schema, migrationsDirectory());
  await client.query("begin");
  const claim = await claimLease(client, schema, {
    durability: "strict",
    instance: "shared",
    holder: `copy on ${hostname()} ${process.pid} ${randomUUID()}`,
    address: "",
    leaseMs: LEASE_MS,
  });
  const where = `schema ${options.schema} of ${describeServer(options)}`;
  if ("heldBy" in claim) {
    const { durability, holder } = claim.heldBy;
    throw new EngineError("DATABASE_IN_USE", `${where} is used by ${holder} in durability ${durability}`, { holder });
  }
  const { lastSeq } = await new LogRows(schema).end(client);
  if (lastSeq >= 0)
    throw new EngineError(
      "DATA_WOULD_BE_LOST",
      `${where} has a log up to entry ${lastSeq}, which is never written over: polytorus db reset --force drops it`,
      { lastSeq },
    );
  return claim.token;
}
