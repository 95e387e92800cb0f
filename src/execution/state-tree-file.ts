/**
 * A state tree on disk: its leaves in key-hash order, and the root. Inner hashes are not stored: a load computes them
 * again, and the root is the checksum of the leaves. Little-endian:
 *   magic "polytree" | u32 version | u32 metaLength | u64 leafCount | root (32) | SHA-256(all before ‖ meta) (32)
 *   meta | leafCount × (keyHash (32) | valueHash (32)), strictly ascending
 * The C++ twin is native/src/state_tree_file.h: each reads what the other wrote.
 */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { equalBytes, readU32, readU64, writeU32, writeU64 } from "../encoding/bytes.ts";
import { HASH_BYTES, type TreeLoadFailure } from "../encoding/state-tree.ts";
import { StorageError } from "../errors.ts";

const MAGIC = Buffer.from("polytree", "latin1");
const VERSION = 1;
const VERSION_AT = 8;
const META_LENGTH_AT = 12;
const LEAF_COUNT_AT = 16;
const ROOT_AT = 24;
const CHECKSUM_AT = ROOT_AT + HASH_BYTES;
const HEADER_BYTES = CHECKSUM_AT + HASH_BYTES;
const LEAF_BYTES = 2 * HASH_BYTES;
/** What the owner notes beside a tree is some hundred bytes; a length beyond this is damage. */
const META_BYTES_MAX = 1024 * 1024;
const WRITE_BYTES = 512 * 1024;

export interface TreeFile {
  readonly meta: Uint8Array;
  readonly root: Uint8Array;
  readonly leafCount: number;
  /** keyHash ‖ valueHash of each leaf. */
  readonly leaves: Iterable<Uint8Array>;
}

export interface ReadTreeFile {
  readonly meta: Uint8Array;
  readonly root: Uint8Array;
  /** All leaves in a row; neither their order nor the root is checked yet. */
  readonly leaves: Uint8Array;
}

export function writeTreeFile(path: string, file: TreeFile): void {
  if (file.meta.length > META_BYTES_MAX) throw new RangeError("the note beside a saved state tree is over 1 MiB");
  const temporary = `${path}.tmp`;
  try {
    syncFile(temporary, "w", (fd) => writeAll(fd, file));
    renameSync(temporary, path);
    syncFile(dirname(path), "r", () => {});
  } catch (error) {
    rmSync(temporary, { force: true });
    throw storageError("write", path, error);
  }
}

function syncFile(path: string, flags: string, write: (fd: number) => void): void {
  const fd = openSync(path, flags, 0o600);
  try {
    write(fd);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, file: TreeFile): void {
  writeFully(fd, Buffer.concat([encodeHeader(file), file.meta]));
  const batch = Buffer.alloc(WRITE_BYTES);
  let filled = 0;
  for (const leaf of file.leaves) {
    batch.set(leaf, filled);
    filled += LEAF_BYTES;
    if (filled < WRITE_BYTES) continue;
    writeFully(fd, batch);
    filled = 0;
  }
  writeFully(fd, batch.subarray(0, filled));
}

function writeFully(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function encodeHeader({ meta, root, leafCount }: TreeFile): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  header.set(MAGIC);
  writeU32(header, VERSION_AT, VERSION);
  writeU32(header, META_LENGTH_AT, meta.length);
  writeU64(header, LEAF_COUNT_AT, leafCount);
  header.set(root, ROOT_AT);
  header.set(checksumOf(header, meta), CHECKSUM_AT);
  return header;
}

function checksumOf(header: Uint8Array, meta: Uint8Array): Uint8Array {
  return createHash("sha256").update(header.subarray(0, CHECKSUM_AT)).update(meta).digest();
}

export function readTreeFile(path: string): ReadTreeFile | TreeLoadFailure {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (isMissing(error)) return { failure: "missing", reason: "there is no such file" };
    throw storageError("read", path, error);
  }
  if (bytes.length < HEADER_BYTES || !equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) {
    return { failure: "corrupt", reason: "it does not begin like a state tree" };
  }
  const version = readU32(bytes, VERSION_AT);
  if (version !== VERSION) return { failure: "version", reason: `it has version ${version}, not ${VERSION}` };
  const metaLength = readU32(bytes, META_LENGTH_AT);
  // As two halves: a damaged count may be beyond 2^53, which readU64 refuses by throwing.
  const isCountSane = readU32(bytes, LEAF_COUNT_AT + 4) === 0;
  const leavesAt = HEADER_BYTES + metaLength;
  const leavesEnd = isCountSane ? leavesAt + readU64(bytes, LEAF_COUNT_AT) * LEAF_BYTES : Number.POSITIVE_INFINITY;
  if (metaLength > META_BYTES_MAX || leavesEnd !== bytes.length) {
    return { failure: "corrupt", reason: "its length is not what its header says" };
  }
  const meta = new Uint8Array(bytes.subarray(HEADER_BYTES, leavesAt));
  if (!equalBytes(checksumOf(bytes, meta), bytes.subarray(CHECKSUM_AT, HEADER_BYTES))) {
    return { failure: "corrupt", reason: "the checksum of its header is wrong" };
  }
  return { meta, root: bytes.subarray(ROOT_AT, CHECKSUM_AT), leaves: bytes.subarray(leavesAt) };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function storageError(verb: string, path: string, cause: unknown): StorageError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new StorageError(`state tree: cannot ${verb} ${path}: ${message}`, { retryable: true, path }, { cause });
}
