/**
 * ImportedRows: the rows of an export as they are read, counted, hashed and compared with its manifest.
 * Always
 *  - Every line is hashed as it lies in the file, those that are not handed out too.
 *  - Keys ascend, so that none comes twice.
 */
import { BlockEntry, blockHashOf } from "../../encoding/block-entry.ts";
import { compareBytes, equalBytes } from "../../encoding/bytes.ts";
import { toHex } from "../../encoding/hex.ts";
import { EngineError } from "../../errors.ts";
import type { StateEntry } from "../../execution/ports.ts";
import { damagedLine, ExportFile, type LineBlock } from "./export-file.ts";
import { SectionCounts, sha256 } from "./export-state.ts";
import type { ExportHead, ExportManifest } from "./state-sections.ts";
import type { CopyRun } from "./store-source.ts";

export interface ImportedPart {
  readonly rows: readonly StateEntry[];
  /** Offset in the file of the byte after them. */
  readonly end: number;
}

export class ImportedRows {
  /** The block that the rows are the state of. */
  readonly block: BlockEntry;
  /** Which export this is. */
  readonly identity: string;
  /** Read so far, handed out or not. */
  rows = 0;
  /** Encrypted values among them. */
  handles = 0;
  readonly #path: string;
  readonly #file: ExportFile;
  readonly #validate: boolean;
  readonly #counts = new SectionCounts();
  #lastKey: Uint8Array = new Uint8Array(0);

  /** @throws EngineError BACKUP_DAMAGED, FORMAT_UNSUPPORTED. @throws StorageError. */
  static async open(path: string, validate: boolean): Promise<ImportedRows> {
    const file = await ExportFile.open(path);
    try {
      return new ImportedRows(path, file, validate);
    } catch (problem) {
      await file.close();
      throw problem;
    }
  }

  private constructor(path: string, file: ExportFile, validate: boolean) {
    this.#path = path;
    this.#file = file;
    this.#validate = validate;
    this.block = blockOf(file.head, path);
    this.identity = sha256(file.headLine);
  }

  /** Parts from an offset on; what is before it is only hashed. Once. @throws EngineError BACKUP_DAMAGED with the line. */
  async *parts(fromOffset: number, { signal, onProgress }: CopyRun): AsyncGenerator<ImportedPart> {
    for await (const block of this.#file.blocks()) {
      signal.throwIfAborted();
      for (const { section, lines, text } of block.sections) {
        this.#counts.add(section, lines, text);
        if (section === "handles") this.handles += lines;
        this.rows += lines;
      }
      const isKnown = block.end <= fromOffset;
      if (!isKnown) yield { rows: this.#parse(block, fromOffset), end: block.end };
      onProgress({ phase: isKnown ? "hashing" : "importing", done: block.end, total: this.#file.bytes });
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** After the last part. @throws EngineError BACKUP_DAMAGED. */
  requireManifest(): void {
    if (!this.#validate) return;
    const counted = this.#counts.manifest(this.identity, toHex(this.block.stateRoot));
    requireManifest(this.#path, this.#file.manifest(), counted);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #parse(block: LineBlock, fromOffset: number): StateEntry[] {
    const rows: StateEntry[] = [];
    for (const { key, value, line, offset } of block.rows()) {
      if (offset < fromOffset) continue;
      if (this.#validate && this.#lastKey.length > 0 && compareBytes(this.#lastKey, key) >= 0)
        throw damagedLine(this.#path, line, "its key is not above the one before it");
      this.#lastKey = key;
      rows.push({ key, value });
    }
    return rows;
  }
}

/** The block of an export, which must be what the head says. @throws EngineError BACKUP_DAMAGED. */
function blockOf(head: ExportHead, file: string): BlockEntry {
  const bytes = new Uint8Array(Buffer.from(head.block, "base64"));
  let block: BlockEntry;
  try {
    block = BlockEntry.parse(bytes);
  } catch (problem) {
    throw damagedLine(file, 1, `the block in it does not parse: ${(problem as Error).message}`);
  }
  const isBlock = !block.isRollback && equalBytes(blockHashOf(block.bytes), block.blockHash);
  if (!isBlock || toHex(block.blockHash) !== head.blockHash || toHex(block.stateRoot) !== head.stateRoot)
    throw damagedLine(file, 1, "the block in it does not have the hash and root that stand beside it");
  return block;
}

/** @throws EngineError BACKUP_DAMAGED. */
function requireManifest(file: string, stated: ExportManifest, counted: ExportManifest): void {
  if (stated.head !== counted.head) throw damagedLine(file, 1, "it does not have the hash that the manifest says");
  const sections = new Set([...Object.keys(stated.sections), ...Object.keys(counted.sections)]);
  for (const name of sections as Set<keyof ExportManifest["sections"]>) {
    const [expected, received] = [stated.sections[name], counted.sections[name]];
    if (expected?.rows === received?.rows && expected?.sha256 === received?.sha256) continue;
    const facts = { file, section: name, expected: expected ?? null, received: received ?? null };
    const problem = `${file}: section ${name} has ${received?.rows ?? 0} rows with hash ${received?.sha256 ?? "none"}, its manifest says ${expected?.rows ?? 0} with ${expected?.sha256 ?? "none"}`;
    throw new EngineError("BACKUP_DAMAGED", problem, facts);
  }
}
