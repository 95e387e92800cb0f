/**
 * DirectoryTarget: makes a data directory of what a source gives, and lets it count when it was checked.
 *   rows ─▶ LMDB ┐
 *   entries ─▶ journal ─▶ Follower applies what LMDB lacks ─▶ the state's root, from LMDB ─▶ StagedDirectory.install
 *   blobs ─▶ blob store
 * Always
 *  - Every block's hash and parent are checked as it comes; the root of the whole state at the end, read back from LMDB.
 *  - Memory does not grow with the store, but for the state tree: 150 bytes a row.
 */
import { join } from "node:path";
import { equalBytes } from "../../encoding/bytes.ts";
import { toHex } from "../../encoding/hex.ts";
import type { StateTree } from "../../encoding/state-tree.ts";
import { EngineError } from "../../errors.ts";
import { BlobFiles } from "../blobs/blob-files.ts";
import { openDataPaths } from "../data-paths.ts";
import { Journal } from "../journal.ts";
import { JournalReader } from "../journal-reader.ts";
import { LmdbState } from "../lmdb-state.ts";
import { BlockCheck } from "./block-check.ts";
import { followTo } from "./directory-source.ts";
import { StagedDirectory } from "./staged-directory.ts";
import { stateRootOf } from "./state-root.ts";
import type { CopyRun, StorePart, StoreSource } from "./store-source.ts";

export interface CopyTools {
  /** An empty state tree; `release` frees it. */
  newTree(): { readonly tree: StateTree; release(): void };
}

export interface CopyResult {
  readonly seq: number;
  readonly height: number;
  readonly stateRoot: string;
  /** Where what stood there before was moved. */
  readonly replaced?: string | undefined;
}

const FILLING = Buffer.from("copy", "latin1");

export class DirectoryTarget {
  readonly #staged: StagedDirectory;
  readonly #source: Pick<StoreSource, "head" | "firstSeq" | "chain" | "name">;
  readonly #tools: CopyTools;
  readonly #state: LmdbState;
  readonly #journal: Journal;
  readonly #blobs: () => BlobFiles;
  #openBlobs: BlobFiles | undefined;
  readonly #check: BlockCheck;

  /** @param replace whether the directory may hold something. @throws as StagedDirectory.open. */
  static open(
    { path, keyFile }: { path: string; keyFile?: string | undefined },
    replace: boolean,
    source: DirectoryTargetSource,
    tools: CopyTools,
  ): DirectoryTarget {
    const staged = StagedDirectory.open(path, replace, keyFile);
    try {
      staged.clear();
      return new DirectoryTarget(staged, source, tools);
    } catch (problem) {
      staged.close();
      throw problem;
    }
  }

  private constructor(staged: StagedDirectory, source: DirectoryTargetSource, tools: CopyTools) {
    this.#staged = staged;
    this.#source = source;
    this.#tools = tools;
    this.#check = new BlockCheck(source.name);
    const paths = openDataPaths(staged.path);
    this.#state = LmdbState.open(paths.state);
    this.#journal = Journal.open({ directory: paths.journal, requiredFromSeq: source.firstSeq }).journal;
    this.#blobs = () => BlobFiles.open(join(staged.path, "blobs"), { bytesMax: 0 });
  }

  async take(part: StorePart): Promise<void> {
    if (part.kind === "rows") this.#state.fill(part.rows, FILLING);
    else if (part.kind === "entries") {
      for (const entry of part.entries) this.#check.take(entry);
      await this.#journal.append(part.entries);
    } else {
      this.#openBlobs ??= this.#blobs();
      this.#openBlobs.fill(part.rows);
    }
  }

  /** @throws EngineError ROOT_MISMATCH; nothing of it counts then. */
  async finish(run: CopyRun): Promise<CopyResult> {
    const { head, chain } = this.#source;
    if (chain !== undefined) this.#state.filled(chain);
    const { durableSeq } = this.#journal;
    if (durableSeq !== head.seq)
      throw new EngineError("BACKUP_DAMAGED", `${this.#source.name} ends at entry ${durableSeq}, not ${head.seq}`, {
        expected: head.seq,
        received: durableSeq,
      });
    await this.#journal.close();
    await followTo(durableSeq, JournalReader.open(join(this.#staged.path, "journal")), this.#state, run);
    await requireRoot(this.#state, head.stateRoot, this.#tools, run);
    await this.#closeStores();
    const replaced = this.#staged.install();
    this.#staged.close();
    return { seq: head.seq, height: head.height, stateRoot: toHex(head.stateRoot), replaced };
  }

  /** Leaves nothing behind. */
  async discard(): Promise<void> {
    await this.#journal.close();
    await this.#closeStores();
    this.#staged.discard();
  }

  async #closeStores(): Promise<void> {
    await this.#state.close();
    await this.#openBlobs?.close();
  }
}

type DirectoryTargetSource = Pick<StoreSource, "head" | "firstSeq" | "chain" | "name">;

/** @throws EngineError ROOT_MISMATCH. */
export async function requireRoot(
  state: LmdbState,
  expected: Uint8Array,
  tools: CopyTools,
  run: CopyRun,
): Promise<void> {
  const { tree, release } = tools.newTree();
  try {
    const root = await stateRootOf(state, tree, run);
    if (equalBytes(root, expected)) return;
    throw new EngineError(
      "ROOT_MISMATCH",
      `the state that was copied has root ${toHex(root)}, its block says ${toHex(expected)}; nothing was kept`,
      { expected: toHex(expected), received: toHex(root) },
    );
  } finally {
    release();
  }
}
