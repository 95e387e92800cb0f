/**
 * ModuleFiles: rewritten WebAssembly modules as files, so that a restart need not rewrite them.
 *   put ── draft, rename ──▶ DIRECTORY/NAME.ptwm ◀── get
 * It is a cache: whoever reads checks what a file holds, and what is missing or damaged is made and put again. So nothing is
 * synced, and whatever fails here costs time, not correctness: it is reported, and the caller hears of nothing.
 * Always
 *  - Writing never blocks the caller: it happens on libuv's threads, one file after the other.
 *  - The files together stay within `bytesMax`: those used longest ago leave first.
 *  - A file is whole or not there, as long as the machine has power.
 */
import { readFileSync, utimes } from "node:fs";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import type { DataKeys } from "./encryption/data-keys.ts";
import { openSealedFile, sealFile } from "./encryption/sealed-file.ts";
import { keysOf } from "./encryption/unlocked.ts";
import { errorCode } from "./files.ts";

export interface ModuleFilesOptions {
  /** Made when the first file is. */
  directory: string;
  bytesMax: number;
  /** For operators: what failed or was found damaged. */
  report(message: string, facts: Record<string, unknown>): void;
}

const SUFFIX = ".ptwm";
const DRAFT = ".draft";
/** Of modules that wait to be written. Beyond it one is not kept, and rewritten after the next start. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

export class ModuleFiles {
  readonly #options: ModuleFilesOptions;
  readonly #keys: DataKeys | undefined;
  /** Lengths by name, the one used longest ago first; undefined until the directory was read. */
  #lengths: Map<string, number> | undefined;
  #bytes = 0;
  #waitingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  /** The same trouble with every file is one report. */
  readonly #reported = new Set<string>();

  constructor(options: ModuleFilesOptions) {
    this.#options = options;
    this.#keys = keysOf(options.directory);
  }

  /** What a file holds, damaged or not; undefined when there is none that can be read. */
  get(name: string): Uint8Array | undefined {
    const path = this.#path(name);
    try {
      const bytes = readFileSync(path);
      const now = new Date();
      utimes(path, now, now, () => {});
      this.#used(name);
      return openSealedFile(this.#keys, "module", name, bytes) ?? new Uint8Array(0);
    } catch (problem) {
      if (errorCode(problem) !== "ENOENT") this.#trouble("cannot read a rewritten WebAssembly module", problem);
      return undefined;
    }
  }

  put(name: string, bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length > this.#options.bytesMax || this.#waitingBytes + bytes.length > WAITING_BYTES_MAX) return;
    this.#waitingBytes += bytes.length;
    this.#writing = this.#writing
      .then(() => this.#write(name, bytes))
      .catch((problem: unknown) => this.#trouble("cannot keep a rewritten WebAssembly module", problem))
      .then(() => {
        this.#waitingBytes -= bytes.length;
      });
  }

  damaged(name: string): void {
    const file = this.#path(name);
    this.#options.report("a rewritten WebAssembly module was damaged and is made again", { file });
  }

  /** Resolves when everything put so far is written, or was given up. */
  settled(): Promise<void> {
    return this.#writing;
  }

  async #write(name: string, content: Uint8Array<ArrayBuffer>): Promise<void> {
    const bytes = sealFile(this.#keys, "module", name, content);
    const lengths = await this.#list();
    const draft = `${this.#path(name)}.${process.pid}-${threadId}${DRAFT}`;
    try {
      await writeFile(draft, bytes, { mode: FILE_MODE });
      await rename(draft, this.#path(name));
    } catch (problem) {
      await rm(draft, { force: true }).catch(() => {});
      throw problem;
    }
    this.#bytes += bytes.length - (lengths.get(name) ?? 0);
    lengths.delete(name);
    lengths.set(name, bytes.length);
    for (const [oldest, length] of lengths) {
      if (this.#bytes <= this.#options.bytesMax) return;
      await rm(this.#path(oldest), { force: true });
      lengths.delete(oldest);
      this.#bytes -= length;
    }
  }

  /** What is there, oldest first. Drafts that a crash left are removed. */
  async #list(): Promise<Map<string, number>> {
    if (this.#lengths !== undefined) return this.#lengths;
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    const found: { name: string; length: number; usedMs: number }[] = [];
    for (const file of await readdir(directory)) {
      if (file.endsWith(DRAFT)) await rm(join(directory, file), { force: true });
      if (!file.endsWith(SUFFIX)) continue;
      const { size, mtimeMs } = await stat(join(directory, file));
      found.push({ name: file.slice(0, -SUFFIX.length), length: size, usedMs: mtimeMs });
    }
    found.sort((a, b) => a.usedMs - b.usedMs);
    this.#bytes = found.reduce((sum, { length }) => sum + length, 0);
    this.#lengths = new Map(found.map(({ name, length }) => [name, length]));
    return this.#lengths;
  }

  #used(name: string): void {
    const length = this.#lengths?.get(name);
    if (length === undefined) return;
    this.#lengths!.delete(name);
    this.#lengths!.set(name, length);
  }

  #path(name: string): string {
    return join(this.#options.directory, name + SUFFIX);
  }

  #trouble(message: string, problem: unknown): void {
    const code = errorCode(problem) ?? "unknown";
    if (this.#reported.has(code)) return;
    this.#reported.add(code);
    this.#options.report(message, { directory: this.#options.directory, why: String(problem) });
  }
}
