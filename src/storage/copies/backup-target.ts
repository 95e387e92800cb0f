/** BackupTarget: writes what a source gives into a backup file, which is there when all of it is. */
import { randomBytes } from "node:crypto";
import { toHex } from "../../encoding/hex.ts";
import { VERSION } from "../../version.ts";
import type { Cipher } from "../encryption/data-keys.ts";
import {
  type BackupEnvelope,
  type BackupHead,
  backupCipher,
  DIGEST_BYTES,
  digestOf,
  fileHeader,
  RecordKind as Kind,
  placeOfRecord,
  type RecordKind,
  recordOf,
  withLengths,
} from "./backup-format.ts";
import { NewFile } from "./new-file.ts";
import type { RawRow, StorePart, StoreSource } from "./store-source.ts";

const SALT_BYTES = 16;

export interface BackupResult {
  readonly file: string;
  readonly bytes: number;
  /** Of the whole file, in effect: the last record's digest. */
  readonly digest: string;
  readonly seq: number;
  readonly height: number;
  readonly stateRoot: string;
  readonly rows: number;
  readonly entries: number;
  readonly blobs: number;
  /** Id of the key file's key; null: the backup is not encrypted, as its source is not. */
  readonly keyId: string | null;
}

export class BackupTarget {
  readonly #file: NewFile;
  readonly #head: BackupHead;
  readonly #keyId: string | null;
  #cipher: Cipher | undefined;
  #records = 0;
  readonly #counts = { rows: 0, entries: 0, blobs: 0 };
  #digest: Uint8Array = new Uint8Array(DIGEST_BYTES);

  /** @param replace whether a file may stand there. @throws EngineError DATA_WOULD_BE_LOST. @throws StorageError. */
  static async create(path: string, replace: boolean, source: StoreSource): Promise<BackupTarget> {
    const { chainId, seq, height, blockHash, stateRoot } = source.head;
    const target = new BackupTarget(
      await NewFile.create(path, replace),
      {
        chainId,
        firstSeq: source.firstSeq,
        seq,
        height,
        blockHash: toHex(blockHash),
        stateRoot: toHex(stateRoot),
        chain: source.chain === undefined ? null : toHex(source.chain.encode()),
        rowCount: source.rowCount,
        createdAt: new Date().toISOString(),
        version: VERSION,
      },
      source.sealed?.envelope.keyId ?? null,
    );
    await target.#file.write(fileHeader(source.sealed !== undefined));
    if (source.sealed !== undefined) {
      const { keys, envelope } = source.sealed;
      const first: BackupEnvelope = { envelope, salt: randomBytes(SALT_BYTES).toString("hex") };
      await target.#record(Kind.envelope, [jsonBytes(first)]);
      target.#cipher = backupCipher(keys, first.salt);
    }
    await target.#record(Kind.head, [jsonBytes(target.#head)]);
    return target;
  }

  private constructor(file: NewFile, head: BackupHead, keyId: string | null) {
    this.#file = file;
    this.#head = head;
    this.#keyId = keyId;
  }

  async take(part: StorePart): Promise<void> {
    const fields = part.kind === "entries" ? part.entries : fieldsOf(part.rows);
    this.#counts[part.kind] += part.kind === "entries" ? fields.length : fields.length / 2;
    await this.#record(Kind[part.kind], [withLengths(fields)]);
  }

  async finish(): Promise<BackupResult> {
    await this.#record(Kind.end, [jsonBytes(this.#counts)]);
    await this.#file.finish();
    const { seq, height, stateRoot } = this.#head;
    const { path: file, bytes } = this.#file;
    return { file, bytes, digest: toHex(this.#digest), seq, height, stateRoot, ...this.#counts, keyId: this.#keyId };
  }

  discard(): Promise<void> {
    return this.#file.discard();
  }

  async #record(kind: RecordKind, fields: readonly Uint8Array[]): Promise<void> {
    const place = placeOfRecord(kind, this.#records++);
    const record = recordOf(
      kind,
      this.#cipher === undefined ? fields : [this.#cipher.seal(Buffer.concat(fields), place)],
    );
    this.#digest = digestOf(this.#digest, record);
    await this.#file.write(record);
    await this.#file.write(this.#digest);
  }
}

function fieldsOf(rows: readonly RawRow[]): Uint8Array[] {
  const fields: Uint8Array[] = [];
  for (const { key, value } of rows) fields.push(key, value);
  return fields;
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), "utf8");
}
