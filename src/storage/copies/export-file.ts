/**
 * ExportFile: an exported state as it lies in a file, read in blocks of whole lines.
 *   line 1: head · a line a row, {"key":"0x…","value":"0x…"}, in key order · last line: manifest
 * Rows must look as they were written, so that the hashes are of what was read. Errors name the line.
 */
import { type FileHandle, open } from "node:fs/promises";
import { EngineError, StorageError } from "../../errors.ts";
import type { StateEntry } from "../../execution/ports.ts";
import { type ExportHead, type ExportManifest, type Section, sectionOf } from "./state-sections.ts";

const BLOCK_BYTES = 2 * 1024 * 1024;
/** The head holds a block, a row a value: neither is longer than this. */
const LINE_BYTES_MAX = 400 * 1024 * 1024;
const NEWLINE = 10;
const KEY_AT = '{"key":"'.length;
const BETWEEN = '","value":"';
const ROW_START = '{"key":"0x';

export interface SectionLines {
  readonly section: Section;
  readonly lines: number;
  readonly text: Uint8Array;
}

export interface Row extends StateEntry {
  /** From 1. */
  readonly line: number;
  /** Of the line, in the file. */
  readonly offset: number;
}

/** Whole lines of rows. */
export interface LineBlock {
  /** Offset in the file of the byte after it. */
  readonly end: number;
  readonly sections: readonly SectionLines[];
  /** @throws EngineError BACKUP_DAMAGED. */
  rows(): Iterable<Row>;
}

export class ExportFile {
  readonly head: ExportHead;
  readonly headLine: Uint8Array;
  readonly bytes: number;
  readonly #path: string;
  readonly #file: FileHandle;
  #manifest: ExportManifest | undefined;

  /** @throws EngineError BACKUP_DAMAGED, FORMAT_UNSUPPORTED. @throws StorageError. */
  static async open(path: string): Promise<ExportFile> {
    let file: FileHandle;
    try {
      file = await open(path, "r");
    } catch (problem) {
      throw new StorageError(`cannot read ${path}: ${String(problem)}`, { retryable: false, path }, { cause: problem });
    }
    try {
      const { size } = await file.stat();
      const headLine = await firstLine(file, size);
      return new ExportFile(path, file, size, headLine);
    } catch (problem) {
      await file.close();
      throw problem;
    }
  }

  private constructor(path: string, file: FileHandle, bytes: number, headLine: Uint8Array | undefined) {
    this.#path = path;
    this.#file = file;
    this.bytes = bytes;
    const head = headLine && (jsonOf(headLine) as Partial<ExportHead> | undefined);
    if (headLine === undefined || head?.polytorus !== "state")
      throw damagedLine(path, 1, "this is no state that polytorus exported as ndjson");
    if (head.format !== 1)
      throw new EngineError("FORMAT_UNSUPPORTED", `${path} has format ${head.format}; this version reads 1`, {
        file: path,
        found: head.format ?? null,
        supported: 1,
      });
    this.headLine = headLine;
    this.head = head as ExportHead;
  }

  /** Every row, in blocks. Once. @throws EngineError BACKUP_DAMAGED. */
  async *blocks(): AsyncGenerator<LineBlock> {
    let offset = this.headLine.length + 1;
    let line = 2;
    let wanted = BLOCK_BYTES;
    while (this.#manifest === undefined) {
      const bytes = await this.#read(offset, wanted);
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      if (end === 0) {
        if (offset + bytes.length >= this.bytes || wanted >= LINE_BYTES_MAX)
          throw damagedLine(this.#path, line, "the file ends before its manifest");
        wanted *= 2;
        continue;
      }
      wanted = BLOCK_BYTES;
      const block = this.#blockOf(bytes.subarray(0, end), offset, line);
      for (const { lines } of block.sections) line += lines;
      offset += end;
      if (block.sections.length > 0) yield block;
    }
    if (this.#manifestEnd !== this.bytes) throw damagedLine(this.#path, line + 1, "something follows the manifest");
  }

  /** After the last block. */
  manifest(): ExportManifest {
    return this.#manifest!;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #manifestEnd = 0;

  #blockOf(bytes: Buffer, offset: number, firstLine: number): LineBlock {
    const text = bytes.toString("latin1");
    const sections: SectionLines[] = [];
    let line = firstLine;
    let rowsEnd = 0;
    let open: { section: Section; start: number; lines: number; tag: string } | undefined;
    const close = (at: number): void => {
      if (open !== undefined)
        sections.push({ section: open.section, lines: open.lines, text: bytes.subarray(open.start, at) });
      open = undefined;
    };
    for (let at = 0; at < text.length; line++) {
      const end = text.indexOf("\n", at);
      const tag = text.slice(at, at + ROW_START.length + 2);
      if (open === undefined || tag !== open.tag) {
        close(at);
        if (!tag.startsWith(ROW_START)) {
          this.#takeManifest(bytes.subarray(at, end), line, offset + end + 1);
          break;
        }
        const section = sectionOf(Number.parseInt(tag.slice(ROW_START.length), 16));
        if (section === undefined) throw damagedLine(this.#path, line, `its key is of no section`);
        open = { section, start: at, lines: 0, tag };
      }
      open.lines++;
      at = end + 1;
      rowsEnd = at;
    }
    close(rowsEnd);
    const path = this.#path;
    return { end: offset + rowsEnd, sections, rows: () => rowsIn(path, text.slice(0, rowsEnd), offset, firstLine) };
  }

  #takeManifest(bytes: Uint8Array, line: number, end: number): void {
    const manifest = jsonOf(bytes) as Partial<ExportManifest> | undefined;
    if (manifest?.sections === undefined)
      throw damagedLine(this.#path, line, 'expected {"key":"0x…","value":"0x…"} or the manifest');
    this.#manifest = manifest as ExportManifest;
    this.#manifestEnd = end;
  }

  async #read(offset: number, count: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(Math.min(count, Math.max(0, this.bytes - offset)));
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await this.#file.read(bytes, done, bytes.length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  }
}

export function damagedLine(file: string, line: number, problem: string): EngineError {
  return new EngineError("BACKUP_DAMAGED", `${file}, line ${line}: ${problem}`, { file, line });
}

function* rowsIn(path: string, text: string, offset: number, firstLine: number): Generator<Row> {
  let line = firstLine;
  for (let at = 0; at < text.length; line++) {
    const end = text.indexOf("\n", at);
    const between = text.indexOf(BETWEEN, at);
    const key = between < 0 || between > end ? undefined : hexBytes(text, at + KEY_AT, between);
    const value = key === undefined ? undefined : hexBytes(text, between + BETWEEN.length, end - 2);
    if (key === undefined || value === undefined || text.slice(end - 2, end) !== '"}')
      throw damagedLine(path, line, 'expected {"key":"0x…","value":"0x…"}');
    yield { key, value, line, offset: offset + at };
    at = end + 1;
  }
}

/** Undefined unless all of it is 0x and lower-case hex. */
function hexBytes(text: string, start: number, end: number): Buffer | undefined {
  const length = (end - start) / 2 - 1;
  if (length < 0 || !Number.isInteger(length) || text.charCodeAt(start) !== 48 || text.charCodeAt(start + 1) !== 120)
    return undefined;
  const bytes = Buffer.from(text.slice(start + 2, end), "hex");
  return bytes.length === length ? bytes : undefined;
}

async function firstLine(file: FileHandle, size: number): Promise<Buffer | undefined> {
  for (let count = 64 * 1024; ; count *= 4) {
    const bytes = Buffer.alloc(Math.min(count, size));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    const end = bytes.subarray(0, bytesRead).indexOf(NEWLINE);
    if (end >= 0) return bytes.subarray(0, end);
    if (bytesRead >= size || count >= LINE_BYTES_MAX) return undefined;
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}
