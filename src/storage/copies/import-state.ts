/**
 * Imports a state that was exported as ndjson into a data directory, which then begins with the block of the export.
 *   rows ─▶ LMDB, with how far the file was read in the same commit ─▶ the block ─▶ journal ─▶ the state's root ─▶ install
 * Always
 *  - All or nothing: what a cut run left is no data directory. Another run on the same file goes on from where it was.
 */
import { join } from "node:path";
import { toHex } from "../../encoding/hex.ts";
import { ChainIndex } from "../chain-index.ts";
import { openDataPaths } from "../data-paths.ts";
import { Journal } from "../journal.ts";
import { LmdbState } from "../lmdb-state.ts";
import { type CopyResult, type CopyTools, requireRoot } from "./directory-target.ts";
import { ImportedRows } from "./import-rows.ts";
import { StagedDirectory } from "./staged-directory.ts";
import type { CopyRun } from "./store-source.ts";

export interface ImportOptions {
  readonly file: string;
  /** Whether the directory may hold something. */
  readonly replace: boolean;
  /** False: neither hashes nor the root are compared. */
  readonly validate: boolean;
}

export interface ImportResult extends CopyResult {
  readonly rows: number;
  /** Rows that an earlier, cut run had brought in. */
  readonly resumedRows: number;
  /** Encrypted values whose ciphertexts are not in an export. */
  readonly handles: number;
  readonly validated: boolean;
}

/** What LMDB notes beside the rows. */
interface FillingNote {
  /** Which export. */
  readonly file: string;
  /** All before it is in. */
  readonly offset: number;
  readonly rows: number;
}

/**
 * @param to the directory, and what it is encrypted under.
 * @throws EngineError BACKUP_DAMAGED with the line, ROOT_MISMATCH, DATA_WOULD_BE_LOST, DATA_DIR_LOCKED. @throws StorageError.
 */
export async function importState(
  to: { readonly path: string; readonly keyFile?: string | undefined },
  { file, replace, validate }: ImportOptions,
  tools: CopyTools,
  run: CopyRun,
): Promise<ImportResult> {
  const imported = await ImportedRows.open(file, validate);
  try {
    const staged = StagedDirectory.open(to.path, replace, to.keyFile);
    try {
      const resumedRows = await stage(imported, staged, { validate, tools, run });
      return { ...resultOf(imported, validate), resumedRows, replaced: staged.install() };
    } finally {
      staged.close();
    }
  } finally {
    await imported.close();
  }
}

export function resultOf({ block, rows, handles }: ImportedRows, validated: boolean): ImportResult {
  const { seq, height, stateRoot } = block;
  return { seq, height, stateRoot: toHex(stateRoot), rows, resumedRows: 0, handles, validated };
}

/** @returns how many rows an earlier run had brought in. */
async function stage(
  imported: ImportedRows,
  staged: StagedDirectory,
  { validate, tools, run }: { validate: boolean; tools: CopyTools; run: CopyRun },
): Promise<number> {
  const openState = () => LmdbState.open(openDataPaths(staged.path).state);
  let state = openState();
  try {
    const before = noteIn(state, imported.identity);
    if (before === undefined) {
      await state.close();
      staged.clear();
      state = openState();
    }
    for await (const { rows, end: offset } of imported.parts(before?.offset ?? 0, run)) {
      const note: FillingNote = { file: imported.identity, offset, rows: imported.rows };
      state.fill(rows, Buffer.from(JSON.stringify(note), "utf8"));
    }
    imported.requireManifest();
    if (validate) await requireRoot(state, imported.block.stateRoot, tools, run);
    await begin(state, imported, staged);
    return before?.rows ?? 0;
  } finally {
    await state.close();
  }
}

/** How far an earlier run on this export came. */
function noteIn(state: LmdbState, file: string): FillingNote | undefined {
  const bytes = state.fillingNote();
  if (bytes === undefined) return undefined;
  try {
    const note = JSON.parse(Buffer.from(bytes).toString("utf8")) as FillingNote;
    return note.file === file ? note : undefined;
  } catch {
    return undefined;
  }
}

/** The journal begins with the block that the rows are the state of. */
async function begin(state: LmdbState, { block }: ImportedRows, staged: StagedDirectory): Promise<void> {
  const chain = new ChainIndex();
  chain.add(block);
  const { journal } = Journal.open({ directory: join(staged.path, "journal"), requiredFromSeq: block.seq });
  try {
    if (journal.durableSeq < block.seq) await journal.append([block.bytes]);
  } finally {
    await journal.close();
  }
  state.filled(chain);
}
