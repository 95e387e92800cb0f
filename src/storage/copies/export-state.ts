/**
 * Exports the state of a data directory: every row, with what it needs to be checked against the root of a block.
 *   head (with the block) ─▶ accounts · contracts · codes · state · parameters · handles · codeNumbers ─▶ manifest
 * It is a snapshot: no block but the newest, no receipts, no ids, and none of the ciphertexts that handles stand for.
 */
import { createHash, type Hash } from "node:crypto";
import type { BlockEntry } from "../../encoding/block-entry.ts";
import { toHex } from "../../encoding/hex.ts";
import { StorageError } from "../../errors.ts";
import type { StateEntry } from "../../execution/ports.ts";
import type { DirectorySource } from "./directory-source.ts";
import type { StateFormat } from "./export-formats.ts";
import { type ExportHead, type ExportManifest, type Section, sectionOf } from "./state-sections.ts";
import type { CopyRun } from "./store-source.ts";

export interface ExportResult extends ExportManifest {
  readonly seq: number;
  readonly height: number;
  readonly blockHash: string;
}

export async function exportState(
  source: DirectorySource,
  format: StateFormat,
  write: (text: string) => Promise<void>,
  { signal, onProgress }: CopyRun,
): Promise<ExportResult> {
  const block = source.stateBlock();
  const { seq, height } = block;
  const head = format.head(headOf(block));
  await write(head);
  const counts = new SectionCounts();
  let done = 0;
  for (const { rows } of source.rows()) {
    signal.throwIfAborted();
    for (const [section, ofSection] of bySection(rows)) {
      const text = format.rows(section, ofSection, !counts.has(section));
      counts.add(section, ofSection.length, text);
      await write(text);
    }
    done += rows.length;
    onProgress({ phase: "exporting", done, total: Math.max(done, source.rowCount) });
  }
  const manifest = counts.manifest(sha256(head.trimEnd()), toHex(block.stateRoot));
  await write(format.end(manifest));
  return { seq, height, blockHash: toHex(block.blockHash), ...manifest };
}

/** Rows, and a hash of their text, by section. */
export class SectionCounts {
  readonly #sections = new Map<Section, { rows: number; hash: Hash }>();

  has(section: Section): boolean {
    return this.#sections.has(section);
  }

  add(section: Section, rows: number, text: string | Uint8Array): void {
    const counted = this.#sections.get(section) ?? { rows: 0, hash: createHash("sha256") };
    counted.rows += rows;
    counted.hash.update(text);
    this.#sections.set(section, counted);
  }

  /** Once. */
  manifest(head: string, stateRoot: string): ExportManifest {
    let total = 0;
    const sections: Partial<Record<Section, { rows: number; sha256: string }>> = {};
    for (const [section, { rows, hash }] of this.#sections) {
      total += rows;
      sections[section] = { rows, sha256: hash.digest("hex") };
    }
    return { head, rows: total, stateRoot, sections };
  }
}

export function sha256(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex");
}

function headOf(block: BlockEntry): ExportHead {
  const { chainId, seq, height, timestampMs, bytes } = block;
  return {
    polytorus: "state",
    format: 1,
    chainId,
    seq,
    height,
    blockHash: toHex(block.blockHash),
    stateRoot: toHex(block.stateRoot),
    timestampMs,
    block: Buffer.from(bytes).toString("base64"),
  };
}

/** Consecutive rows of the same section together. */
function* bySection(rows: readonly StateEntry[]): Generator<[Section, readonly StateEntry[]]> {
  for (let first = 0; first < rows.length; ) {
    const tag = rows[first]!.key[0];
    const section = sectionOf(tag);
    if (section === undefined)
      throw new StorageError(`the state has a key with tag ${tag}, which this version does not know`, {
        retryable: false,
        tag,
      });
    let end = first + 1;
    while (end < rows.length && rows[end]!.key[0] === tag) end++;
    yield [section, first === 0 && end === rows.length ? rows : rows.slice(first, end)];
    first = end;
  }
}
