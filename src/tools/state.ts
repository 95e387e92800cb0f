/** Tools that take whole stores from one place to another: backup, restore, export, import, copy. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StateTools, StoreAddress, StoreCopyReport } from "../cli/store-copies.ts";
import { connect } from "../client/client.ts";
import { EngineError } from "../errors.ts";
import { PortableStateTree } from "../execution/state-tree.ts";
import { isAddon, loadAddon } from "../native/addon.ts";
import { NativeStateTree } from "../native/state-tree.ts";
import { BackupSource } from "../storage/copies/backup-source.ts";
import { BackupTarget } from "../storage/copies/backup-target.ts";
import { copyStore } from "../storage/copies/copy-store.ts";
import { DirectorySource } from "../storage/copies/directory-source.ts";
import { type CopyTools, DirectoryTarget } from "../storage/copies/directory-target.ts";
import { formatOf } from "../storage/copies/export-formats.ts";
import { exportState } from "../storage/copies/export-state.ts";
import { importState } from "../storage/copies/import-state.ts";
import { importTables } from "../storage/copies/import-tables.ts";
import { NewFile } from "../storage/copies/new-file.ts";
import { PostgresSource } from "../storage/copies/postgres-source.ts";
import { PostgresTarget } from "../storage/copies/postgres-target.ts";
import type { CopyRun, StoreSource } from "../storage/copies/store-source.ts";
import { unlockEncrypted } from "../storage/encryption/unlocked.ts";
import { DaemonSource } from "./daemon-source.ts";

let trees = 0;

const TOOLS: CopyTools = {
  newTree() {
    const addon = loadAddon();
    if (!isAddon(addon)) return { tree: new PortableStateTree(), release: () => {} };
    const name = `copy ${trees++}`;
    return { tree: NativeStateTree.attach(addon, name), release: () => void NativeStateTree.release(addon, name) };
  },
};

export const stateTools: StateTools = {
  backup: (from, { file, replace }, run) =>
    reading(from, async (source) => copyStore(source, await BackupTarget.create(file, replace, source), run)),

  async restore(file, to, { replace, keyFile }, run) {
    const source = await BackupSource.open(file, keyFile);
    try {
      return { ...(await copied(source, to, replace, run)), createdAt: source.createdAt };
    } finally {
      await source.close();
    }
  },

  copy: (from, to, { replace }, run) => reading(from, (source) => copied(source, to, replace, run)),

  async export(from, { format, schema, file, replace }, print, run) {
    return await readingDirectory(from, run, async (source) => {
      if (file === undefined) return await exportState(source, formatOf(format, schema), print, run);
      const target = await NewFile.create(file, replace);
      try {
        const result = await exportState(source, formatOf(format, schema), (text) => target.write(text), run);
        await target.finish();
        return result;
      } catch (problem) {
        await target.discard();
        throw problem;
      }
    });
  },

  async import(file, to, options, run) {
    if (to.kind === "directory") return await importState(to, { file, ...options }, TOOLS, run);
    if (to.kind === "postgres") return await importTables(to.postgres, { file, ...options }, TOOLS, run);
    throw notIntoDaemon(to.ipc);
  },
};

async function reading<Result>(
  from: StoreAddress,
  body: (source: StoreSource) => Promise<Result>,
  isStateCurrent = false,
): Promise<Result> {
  if (from.kind === "directory") unlockEncrypted(from.path, from.keyFile);
  const source = await sourceAt(from, isStateCurrent);
  try {
    return await body(source);
  } finally {
    await source.close();
  }
}

async function sourceAt(from: StoreAddress, isStateCurrent: boolean): Promise<StoreSource> {
  if (from.kind === "directory") return await DirectorySource.open(from.path, isStateCurrent);
  if (from.kind === "postgres") return await PostgresSource.open(from.postgres);
  return await DaemonSource.open(`the daemon at ${from.ipc}`, await connect({ ipc: from.ipc }));
}

/** Somewhere else than in a data directory there are no rows of the state: they are made in one that goes at the end. */
async function readingDirectory<Result>(
  from: StoreAddress,
  run: CopyRun,
  body: (source: DirectorySource) => Promise<Result>,
): Promise<Result> {
  if (from.kind === "directory") return await reading(from, (source) => body(source as DirectorySource), true);
  const temporary = mkdtempSync(join(tmpdir(), "polytorus-export-"));
  try {
    await reading(from, (source) => copied(source, { kind: "directory", path: temporary }, false, run));
    return await readingDirectory({ kind: "directory", path: temporary }, run, body);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function copied(source: StoreSource, to: StoreAddress, replace: boolean, run: CopyRun): Promise<StoreCopyReport> {
  if (to.kind === "daemon") throw notIntoDaemon(to.ipc);
  const target =
    to.kind === "directory"
      ? DirectoryTarget.open(to, replace, source, TOOLS)
      : await PostgresTarget.open(to.postgres, source, TOOLS);
  return await copyStore<StoreCopyReport>(source, target, run);
}

function notIntoDaemon(ipc: string): EngineError {
  const problem = `a running daemon (${ipc}) can't be copied into: name its data directory, and stop it first`;
  return new EngineError("VALIDATION_ERROR", problem, { path: "--to", received: `ipc:${ipc}` });
}
