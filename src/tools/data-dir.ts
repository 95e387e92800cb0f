/** Tools for a data directory that no daemon uses. */
import { existsSync, lstatSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ClosedDataDir } from "../cli/seams.ts";
import { EngineError } from "../errors.ts";
import { AUDIT_DIRECTORY } from "../storage/audit-format.ts";
import { DataDir } from "../storage/data-dir.ts";

/** What goes last: while it is there, all else can be made anew from it. */
const JOURNAL = "journal";
/** A directory that begins like this is being deleted. */
const CLEARED = "cleared-";

export function closedDataDir(dataDir: string): ClosedDataDir {
  if (!existsSync(dataDir))
    throw new EngineError("VALIDATION_ERROR", `there is no data directory ${dataDir}`, { path: "data-dir" });
  const directory = DataDir.open(dataDir);
  const parts = readdirSync(directory.path)
    .filter((name) => !DataDir.isMark(name) && name !== AUDIT_DIRECTORY)
    .sort((a, b) => Number(a === JOURNAL) - Number(b === JOURNAL) || (a < b ? -1 : 1))
    .map((name) => ({ name, ...sizeOf(join(directory.path, name)) }));
  return {
    parts,
    clear: () => {
      for (const { name } of parts) {
        // Renamed first: a kill in the middle of deleting leaves no half of anything.
        const away = join(directory.path, name.startsWith(CLEARED) ? name : `${CLEARED}${name}`);
        renameSync(join(directory.path, name), away);
        rmSync(away, { recursive: true, force: true });
      }
    },
    close: () => directory.close(),
  };
}

function sizeOf(path: string): { files: number; bytes: number } {
  const stats = lstatSync(path);
  if (!stats.isDirectory()) return { files: 1, bytes: stats.size };
  const sizes = readdirSync(path).map((name) => sizeOf(join(path, name)));
  return {
    files: sizes.reduce((sum, { files }) => sum + files, 0),
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
