/**
 * What must hold of an LMDB file before lmdb may map it: on one that is none, or was cut off by a copy that was not finished,
 * lmdb ends the process by a signal, without a word.
 * Layout   mdb.c, data version 2: the first two pages each hold a header of 24 bytes and what the last commits left:
 *          magic, version, …, page size and the roots of the free list and of the rows (page numbers), …, transaction number.
 * Always
 *  - A file that lmdb wrote and that is whole passes, whoever writes to it meanwhile. Its last pages may be missing: they are free.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { readU32, readU64 } from "../encoding/bytes.ts";
import { StorageError } from "../errors.ts";
import { errorCode } from "./files.ts";

const META_BYTES = 160;
const MAGIC_AT = 24;
const VERSION_AT = 28;
const PAGE_BYTES_AT = 48;
const ROOTS_AT = [88, 136];
const TRANSACTION_AT = 152;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
/** The root of what has no page. */
const NO_PAGE = Buffer.alloc(8, 0xff);

/** What lmdb says of pages that it cannot follow, and from then on of the transaction in which it met them. */
const DAMAGE = /^MDB_(CORRUPTED|PAGE_NOTFOUND|PANIC|INVALID|CURSOR_FULL|BAD_TXN)\b/;

export function isDamage(problem: unknown): problem is Error {
  return problem instanceof Error && DAMAGE.test(problem.message);
}

/** What brings back a store that is damaged. */
export const RESTORE = "restore from a backup";

/** What is wrong with the state store of a directory, and how it is made again. */
export function damagedState(directory: string, problem: string, cause?: unknown): StorageError {
  return new StorageError(
    `the state in ${directory} is damaged: ${problem}; ${remake(directory)}`,
    { retryable: false, directory },
    { cause },
  );
}

export function remake(directory: string): string {
  return `stop the daemon, move ${directory} away and start it: the state is made again from the journal (of one that was pruned: ${RESTORE})`;
}

/** A file that is missing or empty is one that lmdb makes. @throws StorageError that ends with the remedy. */
export function requireLmdbFile(path: string, remedy: string): void {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (thrown) {
    if (errorCode(thrown) === "ENOENT") return;
    throw damaged(path, String(thrown), remedy);
  }
  try {
    const { size } = fstatSync(fd);
    if (size > 0) check(path, fd, size, remedy);
  } finally {
    closeSync(fd);
  }
}

function check(path: string, fd: number, size: number, remedy: string): void {
  const first = metaAt(path, fd, 0, remedy);
  const pageBytes = readU32(first, PAGE_BYTES_AT);
  const second = metaAt(path, fd, pageBytes, remedy);
  const newest = readU64(second, TRANSACTION_AT) > readU64(first, TRANSACTION_AT) ? second : first;
  for (const at of ROOTS_AT) {
    if (newest.subarray(at, at + 8).equals(NO_PAGE)) continue;
    const end = (readU64(newest, at) + 1) * pageBytes;
    if (end > size) throw damaged(path, `it has ${size} bytes, and its root ends at byte ${end}`, remedy);
  }
}

function metaAt(path: string, fd: number, position: number, remedy: string): Buffer {
  const meta = Buffer.alloc(META_BYTES);
  if (readSync(fd, meta, 0, META_BYTES, position) < META_BYTES)
    throw damaged(path, "it is cut off in its first pages", remedy);
  if (readU32(meta, MAGIC_AT) !== MAGIC || readU32(meta, VERSION_AT) !== VERSION)
    throw damaged(path, `page ${position === 0 ? 0 : 1} does not begin as one of LMDB's does`, remedy);
  return meta;
}

function damaged(path: string, problem: string, remedy: string): StorageError {
  return new StorageError(`${path} is damaged: ${problem}; ${remedy}`, { retryable: false, path });
}
