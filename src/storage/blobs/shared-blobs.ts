/**
 * SharedBlobs: a blob store that several daemons share, in PostgreSQL, each with a copy of its own that everything reads.
 *   commit ──▶ rows in PostgreSQL, committed ──▶ local copy
 *   every POLL_MS, and at the start: rows that others wrote ──▶ local copy ──▶ onChanged
 * Always
 *  - What is acknowledged is in PostgreSQL: a daemon that takes over has it, or reads it within POLL_MS.
 *  - A store that was one daemon's alone before it shared a log is handed over whole.
 *  - Names that begin with 0, and uploads that are under way, are this daemon's own and stay here.
 */
import { createHash } from "node:crypto";
import type { Client } from "pg";
import { fromHex, toHex } from "../../encoding/hex.ts";
import { StorageError } from "../../errors.ts";
import type { BlobName, BlobStore, NameChange } from "../../execution/ports.ts";
import { connectPostgres, dropConnection } from "../postgres-connection.ts";
import { isMissing, postgresError } from "../postgres-errors.ts";
import { type PostgresOptions, quotedSchema } from "../postgres-options.ts";
import type { BlobFiles } from "./blob-files.ts";
import { type BlobRow, BlobRows } from "./blob-rows.ts";

const POLL_MS = 500;
/** Changes taken over in one local commit. */
const PULL_ROWS = 32;
/** The last change that the local copy has. */
const SEEN_NAME = Buffer.from("\0shared", "latin1");

export interface SharedBlobsOptions {
  readonly postgres: PostgresOptions;
  /** A name came, or went (no facts), that another daemon has written. */
  onChanged(name: Uint8Array, facts: Record<string, unknown> | undefined): void;
  /** After each look at what others wrote. */
  onPulled(): void;
  report(level: "info" | "warn" | "error", message: string, facts: Record<string, unknown>): void;
}

export class SharedBlobs implements BlobStore {
  readonly #local: BlobFiles;
  readonly #options: SharedBlobsOptions;
  readonly #rows: BlobRows;
  #client: Client | undefined;
  /** One use of the connection at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> = Promise.resolve();
  #problem: string | undefined;
  #isClosed = false;

  constructor(local: BlobFiles, options: SharedBlobsOptions) {
    this.#local = local;
    this.#options = options;
    this.#rows = new BlobRows(quotedSchema(options.postgres));
  }

  /** Takes over what is there, if PostgreSQL answers, and goes on looking. */
  async start(): Promise<void> {
    this.#polling = this.#poll();
    await this.#polling;
  }

  async commit(changes: readonly NameChange[]): Promise<void> {
    const shared = changes.filter(({ name }) => name[0] !== 0);
    if (shared.length > 0) {
      this.#local.requireRoom(shared.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0));
      await this.#write(shared);
    }
    await this.#local.commit(changes);
  }

  async #write(changes: readonly NameChange[]): Promise<void> {
    const hashed = changes.map((change) => {
      const bytes = change.bytes ?? (change.blob && this.#local.read(change.blob));
      return { ...change, bytes, hash: bytes && createHash("sha256").update(bytes).digest() };
    });
    await this.#withClient("writing keys and ciphertexts", (client) => this.#rows.write(client, hashed));
  }

  /** A store that was this daemon's alone until here: what it has, all have from now on. */
  async #handOver(): Promise<void> {
    if (this.#local.name(SEEN_NAME) !== undefined) return;
    for (const { name, value } of [...this.#local.names(new Uint8Array(0))]) {
      const { blob, ...facts } = value;
      if (name[0] !== 0) await this.#write([{ name, facts, blob: blob === undefined ? undefined : fromHex(blob) }]);
    }
    await this.#local.commit([{ name: SEEN_NAME, facts: { change: 0 } }]);
  }

  // ── what others wrote ───────────────────────────────────────────────────────

  async #poll(): Promise<void> {
    try {
      await this.#handOver();
      while (!this.#isClosed && (await this.#pull())) {
        // There may be more.
      }
      this.#tell(undefined);
    } catch (problem) {
      this.#tell((problem as Error).message);
    }
    if (this.#isClosed) return;
    this.#options.onPulled();
    this.#timer = setTimeout(() => {
      this.#polling = this.#poll();
    }, POLL_MS).unref();
  }

  #tell(problem: string | undefined): void {
    if (problem === this.#problem || this.#isClosed) return;
    this.#problem = problem;
    if (problem === undefined) this.#options.report("info", "keys and ciphertexts are read from PostgreSQL again", {});
    else this.#options.report("warn", "keys and ciphertexts that other daemons hold are not read", { why: problem });
  }

  /** @returns whether there may be more. */
  async #pull(): Promise<boolean> {
    const seen = (this.#local.name(SEEN_NAME) as { change: number } | undefined)?.change ?? 0;
    const { rows, changes } = await this.#withClient("reading keys and ciphertexts", async (client) => {
      const found = await this.#rows.after(client, seen, PULL_ROWS);
      const wanted: NameChange[] = [];
      for (const row of found) wanted.push(...(await this.#changeOf(client, row)));
      return { rows: found, changes: wanted };
    });
    const last = rows.at(-1);
    if (last === undefined) return false;
    await this.#local.commit([...changes, { name: SEEN_NAME, facts: { change: last.change } }]);
    for (const { name, facts } of changes) this.#options.onChanged(name, facts);
    return rows.length === PULL_ROWS;
  }

  /** What the local copy lacks of a row: nothing where it was written here. */
  async #changeOf(client: Client, { name, facts, hash }: BlobRow): Promise<NameChange[]> {
    const known = this.#local.name(name);
    if (facts === null) return known === undefined ? [] : [{ name, facts: undefined }];
    if (known !== undefined && known.blob === (hash === null ? undefined : toHex(hash))) return [];
    if (hash === null) return [{ name, facts }];
    const bytes = this.#local.read(hash) ?? (await this.#rows.bytes(client, hash));
    // Gone meanwhile: then so is the name, by a later change.
    return bytes === undefined ? [] : [{ name, facts, bytes }];
  }

  // ── the connection ──────────────────────────────────────────────────────────

  async #withClient<Result>(doing: string, act: (client: Client) => Promise<Result>): Promise<Result> {
    const run = this.#turn.then(async () => {
      if (this.#isClosed) throw new StorageError("the blob store is closed", { retryable: true });
      try {
        this.#client ??= await connectPostgres(this.#options.postgres, {
          application: "privacy",
          onLost: () => this.#drop(),
        });
        return await act(this.#client);
      } catch (problem) {
        this.#drop();
        // Without the tables nothing can be written until someone migrates, who may do so at any time.
        throw postgresError(doing, problem, isMissing(problem) ? true : undefined);
      }
    });
    this.#turn = run.catch(() => undefined);
    return await run;
  }

  #drop(): void {
    dropConnection(this.#client);
    this.#client = undefined;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    // Cuts short what waits for a server; the local copy is closed when nobody writes to it any more.
    this.#drop();
    await Promise.all([this.#turn, this.#polling]);
    this.#drop();
    await this.#local.close();
  }

  // ── what is here ────────────────────────────────────────────────────────────

  get byteLength(): number {
    return this.#local.byteLength;
  }

  read(hash: Uint8Array): Uint8Array | undefined {
    return this.#local.read(hash);
  }

  name(name: Uint8Array): BlobName | undefined {
    return this.#local.name(name);
  }

  names(prefix: Uint8Array): Iterable<{ name: Uint8Array; value: BlobName }> {
    return this.#local.names(prefix);
  }

  countNames(prefix: Uint8Array): number {
    return this.#local.countNames(prefix);
  }

  requireRoom(bytes: number): void {
    this.#local.requireRoom(bytes);
  }

  putChunk(upload: Uint8Array, offset: number, bytes: Uint8Array, facts: Record<string, unknown>): Promise<void> {
    return this.#local.putChunk(upload, offset, bytes, facts);
  }

  upload(upload: Uint8Array): Record<string, unknown> | undefined {
    return this.#local.upload(upload);
  }

  uploads(): Iterable<{ upload: Uint8Array; facts: Record<string, unknown> }> {
    return this.#local.uploads();
  }

  chunks(upload: Uint8Array): Uint8Array {
    return this.#local.chunks(upload);
  }

  dropUpload(upload: Uint8Array): Promise<void> {
    return this.#local.dropUpload(upload);
  }
}
