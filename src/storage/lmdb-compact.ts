/**
 * LMDB gives freed pages to later writes, never back to the disk. Compaction copies what is in use to a file of its own and
 * puts it in the place of the old one.
 *   state.mdb ── copy, free pages left out ──▶ compact.tmp/state.mdb ── opened and compared, synced ──▶ renamed over state.mdb
 * A crash at any point leaves the old file or the new one, both whole. No daemon may use the directory.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { StorageError } from "../errors.ts";
import { keysOf } from "./encryption/unlocked.ts";
import { type Lmdb, META_CHAIN, openLmdb } from "./lmdb-snapshot.ts";

const FILE = "state.mdb";
const DRAFT = "compact.tmp";
const COPY_ROWS = 10_000;

/** Bytes of the file before and after. @throws StorageError; the old file is then still in its place. */
export async function compactLmdb(directory: string): Promise<{ before: number; after: number }> {
  const path = join(directory, FILE);
  const draft = join(directory, DRAFT);
  fs.rmSync(draft, { recursive: true, force: true });
  try {
    const before = fs.statSync(path).size;
    const held = await contentsOf(directory, (store) =>
      keysOf(directory) === undefined ? store.backup(join(draft, FILE), true) : copyRows(store, draft),
    );
    const copied = await contentsOf(draft);
    if (copied !== held) throw new Error(`the copy holds ${copied}, the original ${held}`);
    syncPath(join(draft, FILE), "r+");
    fs.renameSync(join(draft, FILE), path);
    syncPath(directory, "r");
    return { before, after: fs.statSync(path).size };
  } catch (problem) {
    const message = `the state in ${directory} was not compacted, and is as it was: ${(problem as Error).message}`;
    throw new StorageError(message, { retryable: true, directory }, { cause: problem });
  } finally {
    fs.rmSync(draft, { recursive: true, force: true });
  }
}

/** Row by row: lmdb's own copy does not know of encryption (lmdb 3.5.6 copies pages that then don't decrypt). */
async function copyRows(store: Lmdb, draft: string): Promise<void> {
  fs.mkdirSync(draft, { mode: 0o700 });
  const copy = openLmdb(draft);
  try {
    let rows: { key: Uint8Array; value: Uint8Array }[] = [];
    const write = () => {
      copy.transactionSync(() => {
        for (const { key, value } of rows) copy.putSync(key, value);
      });
      rows = [];
    };
    for (const { key, value } of store.getRange({})) {
      rows.push({ key: key.slice(), value });
      if (rows.length === COPY_ROWS) write();
    }
    write();
  } finally {
    await copy.close();
  }
}

/** What a store holds, in words that two equal ones share. */
async function contentsOf(directory: string, use?: (store: Lmdb) => Promise<void>): Promise<string> {
  const store = openLmdb(directory);
  try {
    await use?.(store);
    const { entryCount } = store.getStats() as { entryCount: number };
    const chain = store.getBinary(META_CHAIN);
    return `${entryCount} entries, position ${chain === undefined ? "none" : Buffer.from(chain).toString("hex").slice(-64)}`;
  } finally {
    await store.close();
  }
}

function syncPath(path: string, flags: string): void {
  const fd = fs.openSync(path, flags);
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
