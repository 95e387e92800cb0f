/** NewFile: a file that is there whole and durable, or not at all. */
import { randomUUID } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { type FileHandle, link, open, rename, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { EngineError, StorageError } from "../../errors.ts";
import { errorCode, systemFiles } from "../files.ts";

const FILE_MODE = 0o600;

export class NewFile {
  readonly path: string;
  readonly #draft: string;
  readonly #file: FileHandle;
  readonly #replace: boolean;
  bytes = 0;

  /** @param replace whether a file may stand there. @throws EngineError DATA_WOULD_BE_LOST. @throws StorageError. */
  static async create(path: string, replace: boolean): Promise<NewFile> {
    const full = resolve(path);
    if (!replace && existsSync(full)) throw taken(full);
    const draft = `${full}.${randomUUID().slice(0, 8)}.partial`;
    try {
      return new NewFile(full, draft, await open(draft, "wx", FILE_MODE), replace);
    } catch (problem) {
      throw storageError(full, problem);
    }
  }

  private constructor(path: string, draft: string, file: FileHandle, replace: boolean) {
    this.path = path;
    this.#draft = draft;
    this.#file = file;
    this.#replace = replace;
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    const given = typeof bytes === "string" ? Buffer.from(bytes, "utf8") : bytes;
    try {
      for (let at = 0; at < given.length; )
        at += (await this.#file.write(given, at, given.length - at, this.bytes + at)).bytesWritten;
    } catch (problem) {
      throw storageError(this.path, problem);
    }
    this.bytes += given.length;
  }

  async finish(): Promise<void> {
    try {
      await this.#file.sync();
      await this.#file.close();
      if (this.#replace) await rename(this.#draft, this.path);
      else {
        await link(this.#draft, this.path);
        await unlink(this.#draft);
      }
      systemFiles.syncDirectory(dirname(this.path)).now();
    } catch (problem) {
      throw errorCode(problem) === "EEXIST" ? taken(this.path) : storageError(this.path, problem);
    }
  }

  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    rmSync(this.#draft, { force: true });
  }
}

function taken(path: string): EngineError {
  return new EngineError("DATA_WOULD_BE_LOST", `${path} is there already; --force replaces it`, { path });
}

function storageError(path: string, problem: unknown): StorageError {
  return new StorageError(`cannot write ${path}: ${String(problem)}`, { retryable: false, path }, { cause: problem });
}
