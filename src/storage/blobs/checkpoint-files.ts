/**
 * CheckpointFiles: what interrupted work had come to, beside the blob store: a file a job, replaced as a whole.
 * Losing one costs time and nothing else, so nothing is synced, and a full disk or directory is no error.
 * Always
 *  - A file that is being written does not bear its name yet: whoever dies while he writes leaves the one before.
 *  - All of them together have at most BYTES_MAX bytes: past them nothing is written.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import type { DataKeys } from "../encryption/data-keys.ts";
import { openSealedFile, sealFile } from "../encryption/sealed-file.ts";
import { keysOf } from "../encryption/unlocked.ts";

/** Those of one task have some megabytes; one of the widest circuits there may be has more than this, and is not kept. */
const BYTES_MAX = 256 * 1024 * 1024;

export class CheckpointFiles {
  readonly #directory: string;
  readonly #keys: DataKeys | undefined;

  /** @param blobs the directory of the blob store. */
  constructor(blobs: string) {
    this.#directory = join(blobs, "checkpoints");
    this.#keys = keysOf(blobs);
  }

  read(name: string): Uint8Array | undefined {
    try {
      return openSealedFile(this.#keys, "checkpoint", name, readFileSync(join(this.#directory, name)));
    } catch {
      return undefined;
    }
  }

  write(name: string, content: Uint8Array): void {
    const bytes = sealFile(this.#keys, "checkpoint", name, content as Uint8Array<ArrayBuffer>);
    const target = join(this.#directory, name);
    const partial = `${target}.${process.pid}.${threadId}`;
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      if (this.#bytesBeside(name) + bytes.length > BYTES_MAX) return;
      writeFileSync(partial, bytes, { mode: 0o600 });
      renameSync(partial, target);
    } catch {
      rmSync(partial, { force: true });
    }
  }

  drop(name: string): void {
    rmSync(join(this.#directory, name), { force: true });
  }

  /** Drops what is not wanted, and what was left half written. */
  keepOnly(isWanted: (name: string) => boolean): void {
    for (const name of this.names()) if (!isWanted(name)) this.drop(name);
  }

  #bytesBeside(name: string): number {
    return this.names().reduce((sum, other) => {
      if (other === name) return sum;
      return sum + (statSync(join(this.#directory, other), { throwIfNoEntry: false })?.size ?? 0);
    }, 0);
  }

  names(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch {
      return [];
    }
  }
}
