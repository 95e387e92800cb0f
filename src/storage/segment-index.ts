/**
 * SegmentIndex: the postings of one sealed segment in a file, read a page at a time. Little-endian.
 *
 *     0  8    "PTINDEX1"
 *     8  u64  first seq of the segment
 *    16  u64  last seq
 *    24  u32  number of postings of each of the four kinds (postings.ts), 16 bytes
 *    40  u32  CRC-32 of the directory
 *    44  u32  CRC-32 of bytes 0..44
 *    48  …    directory: the first fingerprint of every page, u32, kind after kind
 *        …    pages of 4096 bytes, kind after kind: up to 511 postings (u32 ordinal, u32 fingerprint), their number (u32),
 *             CRC-32 of the page up to here (u32)
 *
 * In an encrypted directory the file begins with "PTINDEX2"; directory and pages are messages (encryption/data-keys.ts) bound to
 * the header and their place, so that each is 28 bytes longer.
 *
 * In memory stays the directory alone: 4 bytes for 511 postings, so that thousands of segments can be open; a look-up costs
 * one read of 4 KiB. 24 bytes a transfer: 256 MiB of transfers make about 11 MiB of index.
 * Always
 *  - A file under its final name is whole: it is written aside, synced and renamed.
 *  - It can be made again from the segment at any time, so damage is a reason to rebuild, never to fail.
 */
import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { crc32 } from "node:zlib";
import { BlockEntry } from "../encoding/block-entry.ts";
import { readU32, readU64, writeU32, writeU64 } from "../encoding/bytes.ts";
import { StorageError } from "../errors.ts";
import { type Cipher, type DataKeys, SEAL_BYTES } from "./encryption/data-keys.ts";
import { keysOf } from "./encryption/unlocked.ts";
import type { EntrySource } from "./entry-source.ts";
import { POSTING_KINDS, type PostingKind, PostingList, type PostingLookup, PostingsBuilder } from "./postings.ts";

const MAGIC = Buffer.from("PTINDEX1");
const ENCRYPTED_MAGIC = Buffer.from("PTINDEX2");
const PURPOSE = "segment index";
const HEADER_BYTES = 48;
const PAGE_BYTES = 4096;
const PAGE_POSTINGS = 511;
const PAGE_COUNT_AT = PAGE_POSTINGS * 8;
const PAGE_CRC_AT = PAGE_COUNT_AT + 4;
const READ_STEP_BYTES = 4 * 1024 * 1024;
const SUFFIX = ".index";

/** First and last seq of a segment. */
export interface SeqRange {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export class SegmentIndex implements PostingLookup {
  readonly #path: string;
  readonly #header: Uint8Array;
  readonly #cipher: Cipher | undefined;
  /** First fingerprints of all pages. */
  readonly #directory: Uint32Array;
  /** Number of the first page of each kind, and of the end. */
  readonly #firstPages: readonly number[];

  private constructor(
    path: string,
    header: Uint8Array,
    cipher: Cipher | undefined,
    directory: Uint32Array,
    counts: readonly number[],
  ) {
    this.#path = path;
    this.#header = header;
    this.#cipher = cipher;
    this.#directory = directory;
    const firstPages = [0];
    for (const count of counts) firstPages.push(firstPages.at(-1)! + pagesOf(count));
    this.#firstPages = firstPages;
  }

  /** What it keeps in memory. */
  get byteLength(): number {
    return this.#directory.byteLength + 256;
  }

  /** @returns undefined when there is no index of exactly this segment, or it is damaged. */
  static open(indexDirectory: string, range: SeqRange): SegmentIndex | undefined {
    const path = indexPath(indexDirectory, range.firstSeq);
    const cipher = keysOf(indexDirectory)?.cipher(PURPOSE);
    const magic = cipher === undefined ? MAGIC : ENCRYPTED_MAGIC;
    return withFile(path, (fd) => {
      const header = Buffer.alloc(HEADER_BYTES);
      if (readSync(fd, header, 0, HEADER_BYTES, 0) !== HEADER_BYTES) return undefined;
      if (!header.subarray(0, magic.length).equals(magic) || readU32(header, 44) !== crc32(header.subarray(0, 44)))
        return undefined;
      if (readU64(header, 8) !== range.firstSeq || readU64(header, 16) !== range.lastSeq) return undefined;
      const counts = POSTING_KINDS.map((kind) => readU32(header, 24 + 4 * kind));
      const pages = counts.reduce((sum, count) => sum + pagesOf(count), 0);
      const bytes = readPart(fd, cipher, header, 0, 4 * pages, HEADER_BYTES);
      if (bytes === undefined || readU32(header, 40) !== crc32(bytes)) return undefined;
      return new SegmentIndex(path, header, cipher, new Uint32Array(bytes.buffer, 0, pages), counts);
    });
  }

  /** Writes the index of a segment, replacing one that is there. @throws StorageError. */
  static write(indexDirectory: string, range: SeqRange, lists: readonly PostingList[]): void {
    const path = indexPath(indexDirectory, range.firstSeq);
    // Two threads may make the same index at once: each under a name of its own, and either result will do.
    const aside = `${path}.${process.pid}-${threadId}.part`;
    try {
      const fd = openSync(aside, "w", 0o600);
      try {
        writeFully(fd, encrypted(encodeIndex(range, lists), keysOf(indexDirectory)));
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(aside, path);
    } catch (problem) {
      rmSync(aside, { force: true });
      throw new StorageError(
        `cannot write the segment index ${path}: ${String(problem)}`,
        { retryable: true, path },
        { cause: problem },
      );
    }
  }

  /** @throws StorageError when a page is damaged or can't be read. */
  ordinals(kind: PostingKind, fingerprint: number): number[] {
    const found: number[] = [];
    const end = this.#firstPages[kind + 1]!;
    let page = this.#pageBefore(fingerprint, this.#firstPages[kind]!, end);
    if (page >= end || this.#directory[page]! > fingerprint) return found;
    withFile(this.#path, (fd) => {
      for (; page < end && this.#directory[page]! <= fingerprint; page++)
        this.#readPage(fd, page).collect(fingerprint, found);
      return true;
    }) ?? this.#refuse("can't be read");
    return found;
  }

  /** The last page that starts below the fingerprint, since its postings may begin inside that; else the first. */
  #pageBefore(fingerprint: number, first: number, end: number): number {
    let low = first;
    let high = end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#directory[middle]! < fingerprint) low = middle + 1;
      else high = middle;
    }
    return Math.max(first, low - 1);
  }

  #readPage(fd: number, page: number): PostingList {
    const extra = extraBytes(this.#cipher);
    const at = HEADER_BYTES + this.#directory.byteLength + extra + (PAGE_BYTES + extra) * page;
    const bytes = readPart(fd, this.#cipher, this.#header, 1 + page, PAGE_BYTES, at);
    const isWhole = bytes !== undefined && readU32(bytes, PAGE_CRC_AT) === crc32(bytes.subarray(0, PAGE_CRC_AT));
    if (!isWhole) this.#refuse(`is damaged in page ${page}`);
    return new PostingList(new Uint32Array(bytes.buffer, 0, 2 * readU32(bytes, PAGE_COUNT_AT)));
  }

  #refuse(problem: string): never {
    throw new StorageError(`the segment index ${this.#path} ${problem}`, { retryable: true, path: this.#path });
  }
}

/** Reads a whole segment for its postings. `bytes` is how much was read. */
export function postingsOf(source: EntrySource, range: SeqRange): { lists: PostingList[]; bytes: number } {
  const builder = new PostingsBuilder();
  let bytes = 0;
  let seq = range.firstSeq;
  while (seq <= range.lastSeq) {
    const entries = source.entries(seq, READ_STEP_BYTES);
    if (entries.length === 0) throw new StorageError(`log entry ${seq} can't be read`, { retryable: false, seq });
    for (const entry of entries) {
      if (seq > range.lastSeq) break;
      builder.add(BlockEntry.parse(entry), seq - range.firstSeq);
      bytes += entry.length;
      seq++;
    }
  }
  return { lists: builder.take(), bytes };
}

export function indexPath(indexDirectory: string, firstSeq: number): string {
  return join(indexDirectory, `${String(firstSeq).padStart(16, "0")}${SUFFIX}`);
}

/** First seq of the segment that a file in the index directory is of; undefined for other files. */
export function indexedFirstSeq(name: string): number | undefined {
  return /^[0-9]{16}\.index$/.test(name) ? Number(name.slice(0, 16)) : undefined;
}

function pagesOf(postings: number): number {
  return Math.ceil(postings / PAGE_POSTINGS);
}

function encodeIndex(range: SeqRange, lists: readonly PostingList[]): Uint8Array {
  const pages = lists.reduce((sum, list) => sum + pagesOf(list.length), 0);
  const bytes = new Uint8Array(HEADER_BYTES + 4 * pages + PAGE_BYTES * pages);
  bytes.set(MAGIC);
  writeU64(bytes, 8, range.firstSeq);
  writeU64(bytes, 16, range.lastSeq);
  let page = 0;
  for (const [kind, list] of lists.entries()) {
    writeU32(bytes, 24 + 4 * kind, list.length);
    for (let i = 0; i < list.length; i += PAGE_POSTINGS) {
      writeU32(bytes, HEADER_BYTES + 4 * page, list.fingerprint(i));
      const at = HEADER_BYTES + 4 * pages + PAGE_BYTES * page++;
      const words = list.words.subarray(2 * i, 2 * (i + PAGE_POSTINGS));
      bytes.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), at);
      writeU32(bytes, at + PAGE_COUNT_AT, words.length / 2);
      writeU32(bytes, at + PAGE_CRC_AT, crc32(bytes.subarray(at, at + PAGE_CRC_AT)));
    }
  }
  writeU32(bytes, 40, crc32(bytes.subarray(HEADER_BYTES, HEADER_BYTES + 4 * pages)));
  writeU32(bytes, 44, crc32(bytes.subarray(0, 44)));
  return bytes;
}

function extraBytes(cipher: Cipher | undefined): number {
  return cipher === undefined ? 0 : SEAL_BYTES;
}

/** What a part of an encrypted index belongs to. @param part 0: the directory; 1 and on: pages. */
function placeOf(header: Uint8Array, part: number): Uint8Array {
  const place = new Uint8Array(HEADER_BYTES + 4);
  place.set(header);
  writeU32(place, HEADER_BYTES, part);
  return place;
}

/** A part of the file, in a buffer of its own; undefined when it is cut off or does not decrypt. */
function readPart(
  fd: number,
  cipher: Cipher | undefined,
  header: Uint8Array,
  part: number,
  length: number,
  position: number,
): Uint8Array | undefined {
  const bytes = new Uint8Array(length + extraBytes(cipher));
  if (readSync(fd, bytes, 0, bytes.length, position) !== bytes.length) return undefined;
  if (cipher === undefined) return bytes;
  const opened = cipher.open(bytes, placeOf(header, part));
  return opened === undefined ? undefined : new Uint8Array(opened);
}

/** The file as it stands in an encrypted directory. */
function encrypted(plain: Uint8Array, keys: DataKeys | undefined): Uint8Array {
  if (keys === undefined) return plain;
  const cipher = keys.cipher(PURPOSE);
  const header = plain.slice(0, HEADER_BYTES);
  header.set(ENCRYPTED_MAGIC);
  writeU32(header, 44, crc32(header.subarray(0, 44)));
  const pages = POSTING_KINDS.map((kind) => pagesOf(readU32(header, 24 + 4 * kind))).reduce((sum, n) => sum + n, 0);
  const parts = [header, cipher.seal(plain.subarray(HEADER_BYTES, HEADER_BYTES + 4 * pages), placeOf(header, 0))];
  for (let page = 0, at = HEADER_BYTES + 4 * pages; page < pages; page++, at += PAGE_BYTES)
    parts.push(cipher.seal(plain.subarray(at, at + PAGE_BYTES), placeOf(header, 1 + page)));
  return Buffer.concat(parts);
}

function writeFully(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** Opens a file for reading and closes it again; undefined when there is none. */
function withFile<T>(path: string, use: (fd: number) => T): T | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new StorageError(`cannot open ${path}: ${String(problem)}`, { retryable: true, path }, { cause: problem });
  }
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
