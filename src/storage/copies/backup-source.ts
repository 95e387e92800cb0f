/**
 * BackupSource: what a backup file holds, checked record by record as it is read.
 * Errors   BACKUP_DAMAGED with the byte at which the record begins that is not what was written.
 */
import { type FileHandle, open } from "node:fs/promises";
import { equalBytes, readU32 } from "../../encoding/bytes.ts";
import { fromHex } from "../../encoding/hex.ts";
import { EngineError, StorageError } from "../../errors.ts";
import { ChainIndex } from "../chain-index.ts";
import { type Cipher, DataKeys } from "../encryption/data-keys.ts";
import { dataKeyIn } from "../encryption/envelope.ts";
import { keyRefused, readKeyFile } from "../encryption/key-file.ts";
import {
  BACKUP_MAGIC,
  BACKUP_VERSIONS,
  type BackupEnd,
  type BackupEnvelope,
  type BackupHead,
  backupCipher,
  DIGEST_BYTES,
  digestOf,
  FILE_HEADER_BYTES,
  fileHeader,
  PAYLOAD_BYTES_MAX,
  placeOfRecord,
  RECORD_HEADER_BYTES,
  RecordKind,
  withoutLengths,
} from "./backup-format.ts";
import type { RawRow, StoreHead, StorePart, StoreSource } from "./store-source.ts";

interface Record {
  readonly kind: number;
  readonly payload: Uint8Array;
  readonly offset: number;
}

export class BackupSource implements StoreSource {
  readonly name: string;
  readonly head: StoreHead;
  readonly firstSeq: number;
  readonly chain: ChainIndex | undefined;
  readonly rowCount: number;
  readonly createdAt: string;
  readonly #reader: RecordReader;

  /**
   * @param keyFile what the backup is encrypted under, if it is.
   * @throws EngineError BACKUP_DAMAGED, FORMAT_UNSUPPORTED, ENCRYPTION_KEY_REFUSED. @throws StorageError.
   */
  static async open(path: string, keyFile?: string): Promise<BackupSource> {
    const reader = await RecordReader.open(path);
    try {
      let first = await reader.next();
      if (first?.kind === RecordKind.envelope) {
        reader.decrypt(first.payload, keyFile);
        first = await reader.next();
      }
      if (first?.kind !== RecordKind.head) throw reader.damaged(FILE_HEADER_BYTES, "it does not begin with its head");
      return new BackupSource(path, reader, JSON.parse(Buffer.from(first.payload).toString("utf8")) as BackupHead);
    } catch (problem) {
      await reader.close();
      throw problem;
    }
  }

  private constructor(path: string, reader: RecordReader, head: BackupHead) {
    const { chainId, seq, height, firstSeq, chain, rowCount, createdAt } = head;
    this.name = path;
    this.#reader = reader;
    this.head = { chainId, seq, height, blockHash: fromHex(head.blockHash)!, stateRoot: fromHex(head.stateRoot)! };
    this.firstSeq = firstSeq;
    this.chain = chain === null ? undefined : ChainIndex.decode(fromHex(chain)!);
    this.rowCount = rowCount;
    this.createdAt = createdAt;
  }

  async *parts(): AsyncGenerator<StorePart> {
    const counts = { rows: 0, entries: 0, blobs: 0 };
    for (;;) {
      const record = await this.#reader.next();
      if (record === undefined) throw this.#reader.damaged(this.#reader.offset, "it ends here, before its end record");
      if (record.kind === RecordKind.end) {
        await this.#requireEnd(record, counts);
        return;
      }
      const part = this.#partOf(record);
      counts[part.kind] += part.kind === "entries" ? part.entries.length : part.rows.length;
      yield part;
    }
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  #partOf({ kind, payload, offset }: Record): StorePart {
    const fields = withoutLengths(payload);
    if (fields === undefined) throw this.#reader.damaged(offset, "its lengths do not add up");
    if (kind === RecordKind.entries) return { kind: "entries", entries: fields };
    if (kind === RecordKind.rows) return { kind: "rows", rows: rowsOf(fields) };
    if (kind === RecordKind.blobs) return { kind: "blobs", rows: rowsOf(fields) };
    throw this.#reader.damaged(offset, `there is no kind ${kind} of record here`);
  }

  async #requireEnd({ payload, offset }: Record, counts: BackupEnd): Promise<void> {
    const stated = JSON.parse(Buffer.from(payload).toString("utf8")) as BackupEnd;
    for (const kind of ["rows", "entries", "blobs"] as const)
      if (stated[kind] !== counts[kind])
        throw this.#reader.damaged(offset, `it states ${stated[kind]} ${kind} and has ${counts[kind]}`);
    if ((await this.#reader.next()) !== undefined) throw this.#reader.damaged(offset, "something follows its end");
  }
}

function rowsOf(fields: readonly Uint8Array[]): RawRow[] {
  const rows: RawRow[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) rows.push({ key: fields[i]!, value: fields[i + 1]! });
  return rows;
}

/** Records in order; nothing is answered that does not have its digest. */
class RecordReader {
  /** Where the next record begins. */
  offset = FILE_HEADER_BYTES;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #size: number;
  #digest: Uint8Array = new Uint8Array(DIGEST_BYTES);
  #cipher: Cipher | undefined;
  #records = 0;

  static async open(path: string): Promise<RecordReader> {
    let file: FileHandle;
    try {
      file = await open(path, "r");
    } catch (problem) {
      throw new StorageError(`cannot read ${path}: ${String(problem)}`, { retryable: false, path }, { cause: problem });
    }
    const reader = new RecordReader(path, file, (await file.stat()).size);
    try {
      await reader.#requireHeader();
    } catch (problem) {
      await file.close();
      throw problem;
    }
    return reader;
  }

  private constructor(path: string, file: FileHandle, size: number) {
    this.#path = path;
    this.#file = file;
    this.#size = size;
  }

  async next(): Promise<Record | undefined> {
    const { offset } = this;
    if (offset === this.#size) return undefined;
    const header = await this.#read(RECORD_HEADER_BYTES, offset);
    const length = readU32(header, 0);
    const end = offset + RECORD_HEADER_BYTES + length + DIGEST_BYTES;
    if (length > PAYLOAD_BYTES_MAX || end > this.#size)
      throw this.damaged(offset, `a record of ${length} bytes does not end in the file's ${this.#size}`);
    const bytes = await this.#read(end - offset, offset);
    const record = bytes.subarray(0, RECORD_HEADER_BYTES + length);
    const digest = digestOf(this.#digest, record);
    if (!equalBytes(digest, bytes.subarray(RECORD_HEADER_BYTES + length)))
      throw this.damaged(offset, `the record of ${length} bytes here does not have its digest`);
    this.#digest = digest;
    this.offset = end;
    const kind = readU32(header, 4);
    const stored = record.subarray(RECORD_HEADER_BYTES);
    const place = placeOfRecord(kind, this.#records++);
    const payload = this.#cipher === undefined ? stored : this.#cipher.open(stored, place);
    if (payload === undefined) throw this.damaged(offset, "the record here does not decrypt: it was changed");
    return { kind, payload, offset };
  }

  /** What follows is under the data key in this envelope. @throws EngineError ENCRYPTION_KEY_REFUSED. */
  decrypt(record: Uint8Array, keyFile: string | undefined): void {
    const { envelope, salt } = JSON.parse(Buffer.from(record).toString("utf8")) as BackupEnvelope;
    if (keyFile === undefined)
      throw keyRefused(`${this.#path} is under key ${envelope.keyId}: name its key file with encryption.key_file`, {
        path: this.#path,
        expected: envelope.keyId,
      });
    this.#cipher = backupCipher(new DataKeys(dataKeyIn(envelope, readKeyFile(keyFile), this.#path)), salt);
  }

  damaged(offset: number, problem: string): EngineError {
    const facts = { file: this.#path, offset };
    return new EngineError("BACKUP_DAMAGED", `${this.#path} at byte ${offset}: ${problem}`, facts);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #requireHeader(): Promise<void> {
    const header = this.#size < FILE_HEADER_BYTES ? undefined : await this.#read(FILE_HEADER_BYTES, 0);
    if (header === undefined || !equalBytes(header.subarray(0, BACKUP_MAGIC.length), BACKUP_MAGIC))
      throw this.damaged(0, "this is no backup of polytorus");
    const found = readU32(header, 8);
    if ([false, true].some((isEncrypted) => equalBytes(header, fileHeader(isEncrypted)))) return;
    if (BACKUP_VERSIONS.includes(found)) throw this.damaged(12, "these bytes are not zero");
    throw new EngineError(
      "FORMAT_UNSUPPORTED",
      `${this.#path} has format ${found}; this version reads ${BACKUP_VERSIONS.join(" and ")}`,
      {
        file: this.#path,
        found,
        supported: BACKUP_VERSIONS.at(-1),
      },
    );
  }

  async #read(count: number, offset: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(count);
    for (let at = 0; at < count; ) {
      const { bytesRead } = await this.#file.read(bytes, at, count - at, offset + at);
      if (bytesRead === 0) throw this.damaged(offset + at, "it ends here");
      at += bytesRead;
    }
    return bytes;
  }
}
