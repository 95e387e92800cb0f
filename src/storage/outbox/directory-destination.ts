/** DirectoryDestination: a directory, on this machine or mounted. A file is there whole and durable, or not at all. */
import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { StorageError } from "../../errors.ts";
import { NewFile } from "../copies/new-file.ts";
import { systemFiles } from "../files.ts";
import type { BackupDestination } from "./backup-destination.ts";
import { readParts } from "./read-parts.ts";

const READ_BYTES = 4 * 1024 * 1024;

export class DirectoryDestination implements BackupDestination {
  readonly name: string;

  constructor(directory: string) {
    this.name = directory;
  }

  async put(name: string, path: string, signal: AbortSignal): Promise<void> {
    systemFiles.makeDirectory(this.name);
    const target = await NewFile.create(join(this.name, name), true);
    const [read, written] = [createHash("sha256"), createHash("sha256")];
    try {
      for await (const part of readParts(path, READ_BYTES)) {
        signal.throwIfAborted();
        read.update(part);
        await target.write(part);
      }
      await target.finish();
    } catch (problem) {
      await target.discard();
      throw problem;
    }
    for await (const part of readParts(target.path, READ_BYTES)) written.update(part);
    if (!read.digest().equals(written.digest()))
      throw new StorageError(`${target.path} does not hold what was written to it`, { retryable: true });
  }

  async list(): Promise<string[]> {
    systemFiles.makeDirectory(this.name);
    return await readdir(this.name);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.name, name), { force: true });
  }
}
