/** Where the engine keeps what, below its data directory. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { SAVED_TREE_NAME } from "../encoding/state-tree.ts";
import { keysOf } from "./encryption/unlocked.ts";

export interface DataPaths {
  readonly journal: string;
  /** LMDB. */
  readonly state: string;
  readonly index: string;
  /** The state tree, saved at an orderly stop; undefined in an encrypted directory: it is built from LMDB at a start. */
  readonly tree: string | undefined;
  readonly analytics: string;
  /** Rewritten WebAssembly modules. */
  readonly modules: string;
}

export interface ModuleFilesOptions {
  directory: string;
  bytesMax: number;
}

/** Makes the directories of followers; each of the others is made by whoever fills it. */
export function openDataPaths(dataDir: string): DataPaths {
  const paths = {
    journal: join(dataDir, "journal"),
    state: join(dataDir, "state"),
    index: join(dataDir, "index"),
    tree: keysOf(dataDir) === undefined ? join(dataDir, SAVED_TREE_NAME) : undefined,
    analytics: join(dataDir, "analytics.json"),
    modules: join(dataDir, "modules"),
  };
  for (const path of [paths.state, paths.index]) mkdirSync(path, { recursive: true, mode: 0o700 });
  return paths;
}

/** @param bytesMax 0: none are kept. */
export function moduleFilesIn(paths: DataPaths, bytesMax: number): ModuleFilesOptions | undefined {
  return bytesMax === 0 ? undefined : { directory: paths.modules, bytesMax };
}
