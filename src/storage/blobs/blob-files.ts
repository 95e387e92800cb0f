/**
 * BlobFiles: what is too large, or too private, for blocks: evaluation keys, ciphertexts, results. Content-addressed, with
 * names that refer to content; an LMDB environment of its own, which every thread of the daemon reads.
 *   0x01 ‖ SHA-256 ▶ bytes · 0x02 ‖ SHA-256 ▶ u32 names that refer to it · 0x03 ‖ name ▶ JSON { blob, bytes, … }
 *   0x04 ‖ upload ▶ JSON · 0x05 ‖ upload ‖ u64 offset ▶ a chunk
 * Always
 *  - A commit is durable when its promise resolves, and whole: content, names and counts are one transaction.
 *  - Content to which no name refers is gone with the name that was the last.
 *  - What is here is bounded: a commit past `bytesMax` is refused, and nothing of it is kept.
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { open, type RootDatabase } from "lmdb";
import { equalBytes, readU32, writeU32 } from "../../encoding/bytes.ts";
import { toHex } from "../../encoding/hex.ts";
import { EngineError, StorageError } from "../../errors.ts";
import type { BlobName, BlobStore, NameChange } from "../../execution/ports.ts";
import { lmdbEncryption, withSealedValues } from "../encryption/sealed-lmdb.ts";
import { keysOf } from "../encryption/unlocked.ts";
import { RESTORE, requireLmdbFile } from "../lmdb-file.ts";

type Database = RootDatabase<Uint8Array, Uint8Array>;

/** Address space, not disk. */
const MAP_BYTES = 64 * 1024 ** 3;
export const Table = { blob: 1, references: 2, name: 3, upload: 4, chunk: 5 } as const;
export const TOTAL_NAME = Buffer.from("\0total", "latin1");

export class BlobFiles implements BlobStore {
  readonly #database: Database;
  readonly #bytesMax: number;

  /** @param options.bytesMax of content, without LMDB's own pages. */
  static open(directory: string, options: { bytesMax: number }): BlobFiles {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const keys = keysOf(directory);
      const path = `${directory}/blobs.mdb`;
      requireLmdbFile(path, RESTORE);
      const environment = open<Uint8Array, Uint8Array>({
        path,
        ...lmdbEncryption(keys, "blob", directory),
        keyEncoding: "binary",
        encoding: "binary",
        compression: false,
        cache: false,
        overlappingSync: false,
        mapSize: MAP_BYTES,
      });
      return new BlobFiles(withSealedValues(environment as Database, keys, "blob"), options.bytesMax);
    } catch (thrown) {
      if (thrown instanceof EngineError) throw thrown;
      const facts = { retryable: false, directory };
      throw new StorageError(`cannot open the blob store in ${directory}: ${String(thrown)}`, facts, { cause: thrown });
    }
  }

  private constructor(database: Database, bytesMax: number) {
    this.#database = database;
    this.#bytesMax = bytesMax;
  }

  get byteLength(): number {
    return this.#total().bytes;
  }

  read(hash: Uint8Array): Uint8Array | undefined {
    return this.#get(Table.blob, hash);
  }

  name(name: Uint8Array): BlobName | undefined {
    const bytes = this.#get(Table.name, name);
    return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString("utf8")) as BlobName);
  }

  /** Other threads' commits are seen from the next turn of the loop on, or from here. */
  refresh(): void {
    this.#database.resetReadTxn();
  }

  *names(prefix: Uint8Array): Generator<{ name: Uint8Array; value: BlobName }> {
    for (const { key, value } of this.#database.getRange(namesFrom(prefix)))
      yield { name: key.slice(1), value: JSON.parse(Buffer.from(value).toString("utf8")) as BlobName };
  }

  countNames(prefix: Uint8Array): number {
    return this.#database.getKeysCount(namesFrom(prefix));
  }

  async commit(changes: readonly NameChange[]): Promise<void> {
    const hashes = changes.map(({ bytes }) => (bytes === undefined ? undefined : sha256(bytes)));
    try {
      // A child: what it has written is taken back when it throws.
      await this.#database.childTransaction(() => {
        let { bytes: total } = this.#total();
        changes.forEach((change, index) => {
          total += this.#change(change, hashes[index]);
        });
        this.#requireWithin(total);
        this.#put(Table.name, TOTAL_NAME, json({ bytes: total }));
      });
    } catch (thrown) {
      if (thrown instanceof EngineError) throw thrown;
      const facts = { retryable: false };
      throw new StorageError(`the blob store refused a write: ${String(thrown)}`, facts, { cause: thrown });
    }
  }

  requireRoom(bytes: number): void {
    if (bytes > 0) this.#requireWithin(this.byteLength + bytes);
  }

  #requireWithin(bytes: number): void {
    if (bytes <= this.#bytesMax) return;
    throw new EngineError("BUSY", `the blob store holds at most ${this.#bytesMax} bytes, this would make ${bytes}`, {
      bytesMax: this.#bytesMax,
      bytes,
      retryAfterMs: 60_000,
    });
  }

  /** @returns by how many bytes the content grew. */
  #change({ name, facts, bytes, blob }: NameChange, hash: Uint8Array | undefined): number {
    const before = this.name(name);
    let grown = 0;
    const wanted = hash ?? blob;
    if (wanted !== undefined && facts !== undefined) grown += this.#refer(wanted, bytes);
    if (before?.blob !== undefined) grown -= this.#release(Buffer.from(before.blob.slice(2), "hex"));
    if (facts === undefined) this.#database.removeSync(keyOf(Table.name, name));
    else this.#put(Table.name, name, json(wanted === undefined ? facts : { ...facts, blob: toHex(wanted) }));
    return grown;
  }

  #refer(hash: Uint8Array, bytes: Uint8Array | undefined): number {
    const count = this.#references(hash);
    this.#putCount(hash, count + 1);
    if (count > 0) return 0;
    if (bytes === undefined) throw new EngineError("INTERNAL_ERROR", `blob ${toHex(hash)} is not here`, {});
    this.#put(Table.blob, hash, bytes);
    return bytes.length;
  }

  #release(hash: Uint8Array): number {
    const count = this.#references(hash);
    if (count > 1) {
      this.#putCount(hash, count - 1);
      return 0;
    }
    const bytes = this.#get(Table.blob, hash)?.length ?? 0;
    this.#database.removeSync(keyOf(Table.references, hash));
    this.#database.removeSync(keyOf(Table.blob, hash));
    return bytes;
  }

  // ── uploads ─────────────────────────────────────────────────────────────────

  async putChunk(upload: Uint8Array, offset: number, bytes: Uint8Array, facts: Record<string, unknown>): Promise<void> {
    await this.#database.transaction(() => {
      this.#put(Table.upload, upload, json(facts));
      this.#put(Table.chunk, chunkName(upload, offset), bytes);
    });
  }

  upload(upload: Uint8Array): Record<string, unknown> | undefined {
    const bytes = this.#get(Table.upload, upload);
    return bytes === undefined
      ? undefined
      : (JSON.parse(Buffer.from(bytes).toString("utf8")) as Record<string, unknown>);
  }

  *uploads(): Generator<{ upload: Uint8Array; facts: Record<string, unknown> }> {
    const range = { start: Uint8Array.of(Table.upload), end: Uint8Array.of(Table.upload + 1) };
    for (const { key, value } of this.#database.getRange(range))
      yield { upload: key.slice(1), facts: JSON.parse(Buffer.from(value).toString("utf8")) as Record<string, unknown> };
  }

  chunks(upload: Uint8Array): Uint8Array {
    return Buffer.concat([...this.#chunks(upload)].map(({ value }) => value));
  }

  async dropUpload(upload: Uint8Array): Promise<void> {
    const keys = [...this.#chunks(upload)].map(({ key }) => key);
    await this.#database.transaction(() => {
      for (const key of keys) this.#database.removeSync(key);
      this.#database.removeSync(keyOf(Table.upload, upload));
    });
  }

  #chunks(upload: Uint8Array): Iterable<{ key: Uint8Array; value: Uint8Array }> {
    const range = { start: keyOf(Table.chunk, chunkName(upload, 0)), end: keyOf(Table.chunk, chunkName(upload, -1)) };
    return this.#database.getRange(range);
  }

  // ── copies ──────────────────────────────────────────────────────────────────

  /** Every row as it lies here, as of one moment, for another store to `fill` itself with. */
  *rows(): Generator<{ key: Uint8Array; value: Uint8Array }> {
    const total = keyOf(Table.name, TOTAL_NAME);
    for (const { key, value } of this.#database.getRange({})) {
      // Names that begin with 0 say how far this daemon has come with its log and with others.
      if (key[0] === Table.name && key[1] === 0 && !equalBytes(key, total)) continue;
      yield { key, value };
    }
  }

  /** Adds rows of another store to this one, which is being made. */
  fill(rows: readonly { key: Uint8Array; value: Uint8Array }[]): void {
    this.#database.transactionSync(() => {
      for (const { key, value } of rows) this.#database.putSync(key, value);
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  // ── rows ────────────────────────────────────────────────────────────────────

  #total(): { bytes: number } {
    return (this.name(TOTAL_NAME) as { bytes: number } | undefined) ?? { bytes: 0 };
  }

  #references(hash: Uint8Array): number {
    const bytes = this.#get(Table.references, hash);
    return bytes === undefined ? 0 : readU32(bytes, 0);
  }

  #putCount(hash: Uint8Array, count: number): void {
    const bytes = new Uint8Array(4);
    writeU32(bytes, 0, count);
    this.#put(Table.references, hash, bytes);
  }

  #get(table: number, key: Uint8Array): Uint8Array | undefined {
    const bytes = this.#database.getBinary(keyOf(table, key));
    return bytes === undefined ? undefined : new Uint8Array(bytes);
  }

  #put(table: number, key: Uint8Array, value: Uint8Array): void {
    this.#database.putSync(keyOf(table, key), value);
  }
}

export function keyOf(table: number, rest: Uint8Array): Uint8Array {
  const key = Buffer.alloc(1 + rest.length);
  key[0] = table;
  key.set(rest, 1);
  return key;
}

function namesFrom(prefix: Uint8Array): { start: Uint8Array; end: Uint8Array } {
  const start = keyOf(Table.name, prefix);
  return { start, end: Uint8Array.from([...start, ...new Uint8Array(64).fill(0xff)]) };
}

/** Big-endian offset, so that chunks lie in order; -1 is above every offset. */
function chunkName(upload: Uint8Array, offset: number): Uint8Array {
  const name = Buffer.alloc(upload.length + 8);
  name.set(upload);
  name.writeBigUInt64BE(BigInt.asUintN(64, BigInt(offset)), upload.length);
  return name;
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), "utf8");
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
