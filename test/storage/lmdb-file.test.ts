/** Files that lmdb would end the process on, and all those that it writes itself. */
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BlobFiles } from "../../src/storage/blobs/blob-files.ts";
import { ChangeTable } from "../../src/storage/change-table.ts";
import { requireLmdbFile } from "../../src/storage/lmdb-file.ts";
import { LmdbState } from "../../src/storage/lmdb-state.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const DAMAGED = expect.objectContaining({
  code: "STORAGE_ERROR",
  message: expect.stringMatching(/mdb is damaged: .*; (do this|stop the daemon, move .* away|restore from a backup)/),
});
const PAGE_BYTES = 4096;

/** Commits that put rows, some of them over many pages, and remove others; `after` each of them. */
async function commits(directory: string, after: () => void): Promise<void> {
  const state = LmdbState.open(directory);
  for (let n = 0; n < 60; n++) {
    const changes = new ChangeTable();
    for (let i = 0; i < 20; i++)
      changes.set(Buffer.from(`\x13${(n * 7 + i * 13) % 97}`), randomBytes((n * i * 37) % 9_000));
    for (let i = 0; i < 15; i++) changes.set(Buffer.from(`\x13${(n * 11 + i * 5) % 97}`), undefined);
    state.write(changes, state.chain());
    after();
  }
  await state.close();
}

describe("requireLmdbFile", () => {
  it("takes what every commit leaves, and a file that is missing or empty", async () => {
    const directory = temporaryDirectory();
    const path = join(directory, "state.mdb");
    expect(() => requireLmdbFile(path, "do this")).not.toThrow();
    writeFileSync(path, "");
    expect(() => requireLmdbFile(path, "do this")).not.toThrow();
    let seen = 0;
    await commits(directory, () => {
      requireLmdbFile(path, "do this");
      seen++;
    });
    expect(seen).toBe(60);
  });

  it("refuses one that is cut off before a root, whatever of it is left", async () => {
    const [directory, cut] = [temporaryDirectory(), temporaryDirectory()];
    await commits(directory, () => {});
    const path = join(cut, "state.mdb");
    const refused: number[] = [];
    for (let bytes = 1; bytes < statSync(join(directory, "state.mdb")).size; bytes += PAGE_BYTES / 2 - 1) {
      copyFileSync(join(directory, "state.mdb"), path);
      truncateSync(path, bytes);
      try {
        requireLmdbFile(path, "do this");
      } catch (problem) {
        expect(problem).toEqual(DAMAGED);
        refused.push(bytes);
      }
    }
    expect(refused.length).toBeGreaterThan(4);
    expect(refused.slice(0, 4)).toEqual([1, 2048, 4095, 6142]);
  });

  it("refuses one that is none, before lmdb maps it", () => {
    const directory = temporaryDirectory();
    for (const [name, open] of [
      ["state.mdb", () => LmdbState.open(directory)],
      ["blobs.mdb", () => BlobFiles.open(directory, { bytesMax: 0 })],
    ] as const) {
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, name), randomBytes(8 * PAGE_BYTES));
      expect(open).toThrow(DAMAGED);
    }
  });
});
