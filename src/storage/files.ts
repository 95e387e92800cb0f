/**
 * Files: what the journal asks of a file system, so that a test can record, fail, tear and reorder every operation.
 * Changes are Operations (run now, or later on the thread pool); reads are blocking: they serve recovery and workers.
 * Errors   the system's, with `code` (ENOSPC, EIO, …); the journal turns them into its own.
 * Modes    files 0600, directories 0700: entries hold what contracts were sent.
 */
import * as fs from "node:fs";
import { dirname, resolve } from "node:path";
import type { Operation } from "./operation.ts";

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** "create" makes the file, or empties one that is there. */
export type FileAccess = "read" | "write" | "create";

export interface OpenFile {
  /** Writes all of `buffers` one after the other at `position`. The buffers are kept until it is done. */
  write(buffers: readonly Uint8Array[], position: number): Operation;
  /** fdatasync: contents and length survive power loss once it is done. After a failure nothing is known: never retry it. */
  sync(): Operation;
  truncate(length: number): Operation;
  /** Fills `into` from `position`; answers the bytes read, fewer than asked only at the end of the file. */
  read(into: Uint8Array, position: number): number;
  size(): number;
  /** Whether a name still leads to the file: what is written to a removed file is lost with the process. */
  isLinked(): boolean;
  close(): void;
}

export interface Files {
  open(path: string, access: FileAccess): Operation<OpenFile>;
  /** Atomic; replaces what stands at `to`. Survives power loss after `syncDirectory`. */
  rename(from: string, to: string): Operation;
  remove(path: string): Operation;
  syncDirectory(path: string): Operation;
  /** The names in a directory, in no order. */
  list(path: string): string[];
  /** Makes the directory and its parents where missing, and makes them durable. */
  makeDirectory(path: string): void;
}

const FLAGS: Record<FileAccess, number> = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_TRUNC,
};

/** Files of the machine. */
export const systemFiles: Files = {
  open: (path, access) => ({
    now: () => new SystemFile(fs.openSync(path, FLAGS[access], FILE_MODE)),
    later: async () => new SystemFile(await promised((done) => fs.open(path, FLAGS[access], FILE_MODE, done))),
  }),
  rename: (from, to) => ({
    now: () => fs.renameSync(from, to),
    later: () => promised((done) => fs.rename(from, to, done)),
  }),
  remove: (path) => ({
    now: () => fs.unlinkSync(path),
    later: () => promised((done) => fs.unlink(path, done)),
  }),
  syncDirectory: (path) => ({
    now: () => syncDirectoryNow(path),
    later: async () => {
      const fd = await promised<number>((done) => fs.open(path, fs.constants.O_RDONLY, done));
      try {
        await promised((done) => fs.fsync(fd, done));
      } finally {
        fs.closeSync(fd);
      }
    },
  }),
  list: (path) => fs.readdirSync(path),
  makeDirectory(path) {
    const full = resolve(path);
    const first = fs.mkdirSync(full, { recursive: true, mode: DIRECTORY_MODE });
    if (first === undefined) return;
    for (let made = full; made.length >= first.length; made = dirname(made)) syncDirectoryNow(dirname(made));
  },
};

class SystemFile implements OpenFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(buffers: readonly Uint8Array[], position: number): Operation {
    return { now: () => this.#writeNow(buffers, position), later: () => this.#writeLater(buffers, position) };
  }

  sync(): Operation {
    return {
      now: () => fs.fdatasyncSync(this.#fd),
      later: () => promised((done) => fs.fdatasync(this.#fd, done)),
    };
  }

  truncate(length: number): Operation {
    return {
      now: () => fs.ftruncateSync(this.#fd, length),
      later: () => promised((done) => fs.ftruncate(this.#fd, length, done)),
    };
  }

  read(into: Uint8Array, position: number): number {
    let done = 0;
    while (done < into.length) {
      const count = fs.readSync(this.#fd, into, done, into.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  size(): number {
    return fs.fstatSync(this.#fd).size;
  }

  isLinked(): boolean {
    return fs.fstatSync(this.#fd).nlink > 0;
  }

  close(): void {
    fs.closeSync(this.#fd);
  }

  #writeNow(buffers: readonly Uint8Array[], position: number): void {
    let rest = buffers;
    let at = position;
    while (rest.length > 0) {
      const written = fs.writevSync(this.#fd, rest, at);
      rest = withoutFirst(rest, written);
      at += written;
    }
  }

  async #writeLater(buffers: readonly Uint8Array[], position: number): Promise<void> {
    let rest = buffers;
    let at = position;
    while (rest.length > 0) {
      const from = rest;
      const written = await promised<number>((done) => fs.writev(this.#fd, from, at, done));
      rest = withoutFirst(rest, written);
      at += written;
    }
  }
}

/** What a short write left over. */
function withoutFirst(buffers: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let skip = count;
  for (const [index, buffer] of buffers.entries()) {
    if (skip < buffer.length) return [buffer.subarray(skip), ...buffers.slice(index + 1)];
    skip -= buffer.length;
  }
  return [];
}

/** Puts `bytes` in the place of what stands at `path`, durably: a crash leaves the one or the other, whole. */
export function replaceFile(path: string, bytes: Uint8Array): void {
  const draft = `${path}.tmp`;
  const file = systemFiles.open(draft, "create").now();
  try {
    file.write([bytes], 0).now();
    file.sync().now();
  } finally {
    file.close();
  }
  systemFiles.rename(draft, path).now();
  systemFiles.syncDirectory(dirname(path)).now();
}

function syncDirectoryNow(path: string): void {
  const fd = fs.openSync(path, fs.constants.O_RDONLY);
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

type Done<T> = (problem: NodeJS.ErrnoException | null, result: T) => void;

function promised<T = void>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => start((problem, result) => (problem ? reject(problem) : resolve(result))));
}

/** The disk, or the user's share of it, is full: what is thrown says so, or what it was caused by. */
export function isFull(thrown: unknown): boolean {
  const code = errorCode(thrown);
  if (code === "ENOSPC" || code === "EDQUOT") return true;
  return thrown instanceof Error && thrown.cause !== undefined && isFull(thrown.cause);
}

/** The system's name of a failure: ENOENT, EIO, …; undefined for anything else that is thrown. */
export function errorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
}
