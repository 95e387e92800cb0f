/**
 * StagedDirectory: a data directory in the making, inside the one that it will be: `D/staged`, complete and checked before
 * anything of it counts. All or nothing: only a directory with the file FORMAT is a data directory, and FORMAT comes last.
 *   stage ─▶ D/staged/{journal,state,…} ─▶ install: FORMAT of what was there goes, its parts move to D/replaced-TIME,
 *                                          D/staged's parts move to D, FORMAT comes
 * Inside, because a data directory is often a mount of its own, and names move within one file system only.
 * Always
 *  - What stood there is never deleted, and is not touched without `replace`.
 *  - A process that ended in between left either the old directory as it was, or one that no daemon starts on; the next run
 *    puts the rest in place before it does anything else.
 */
import * as fs from "node:fs";
import { join, resolve } from "node:path";
import { EngineError } from "../../errors.ts";
import { AUDIT_DIRECTORY } from "../audit-format.ts";
import { DataDir } from "../data-dir.ts";
import { DataDirLock } from "../data-dir-lock.ts";
import { unlockDataDir } from "../encryption/unlocked.ts";
import { replaceFile, systemFiles } from "../files.ts";

const STAGED = "staged";
const INSTALLING = "INSTALLING";
const FORMAT = "FORMAT";
/** Scheduled backups of what was there still go where they are to be. */
const OUTBOX = "outbox";
const REPLACED = /^replaced-\d/;

/** What the file INSTALLING says. */
interface Installing {
  /** Where what stands there goes, in the directory; undefined when nothing does. */
  readonly replaced?: string | undefined;
  /** It went. */
  readonly isAside: boolean;
}

export class StagedDirectory {
  /** Where the parts are made. */
  readonly path: string;
  readonly directory: string;
  readonly #lock: DataDirLock;

  /**
   * Takes the directory, which nobody else may use meanwhile.
   * @param replace whether it may hold something.
   * @param keyFile what it is, or will be, encrypted under; what is staged is encrypted with it.
   * @throws EngineError DATA_DIR_LOCKED, DATA_WOULD_BE_LOST, ENCRYPTION_KEY_REFUSED, CONFIGURATION_ERROR when it is something
   *         else's.
   */
  static open(target: string, replace: boolean, keyFile?: string): StagedDirectory {
    const directory = resolve(target);
    systemFiles.makeDirectory(directory);
    requireOurs(directory);
    const lock = DataDirLock.acquire(directory);
    try {
      const staged = new StagedDirectory(directory, lock);
      const wasCut = fs.existsSync(join(staged.path, INSTALLING));
      if (wasCut) staged.install();
      if (!replace && partsOf(directory).length > 0) throw inUse(directory, wasCut);
      unlockDataDir(directory, keyFile);
      systemFiles.makeDirectory(staged.path);
      return staged;
    } catch (problem) {
      lock.release();
      throw problem;
    }
  }

  private constructor(directory: string, lock: DataDirLock) {
    this.directory = directory;
    this.path = join(directory, STAGED);
    this.#lock = lock;
  }

  /** Throws away what an earlier run left. */
  clear(): void {
    for (const name of fs.readdirSync(this.path)) fs.rmSync(join(this.path, name), { recursive: true, force: true });
  }

  /** Puts what was staged in the place of what is there. Answers where that went, if there was anything. */
  install(): string | undefined {
    const plan = this.#plan();
    const { replaced } = plan;
    // Without it no daemon starts here, until all of the new one is in place.
    fs.rmSync(join(this.directory, FORMAT), { force: true });
    syncDirectory(this.directory);
    if (replaced !== undefined && !plan.isAside) {
      const aside = join(this.directory, replaced);
      systemFiles.makeDirectory(aside);
      for (const name of partsOf(this.directory)) fs.renameSync(join(this.directory, name), join(aside, name));
      syncDirectory(aside);
      syncDirectory(this.directory);
      this.#note({ replaced, isAside: true });
    }
    for (const name of fs.readdirSync(this.path))
      if (!name.startsWith(INSTALLING)) fs.renameSync(join(this.path, name), join(this.directory, name));
    syncDirectory(this.directory);
    DataDir.mark(this.directory);
    fs.rmSync(this.path, { recursive: true });
    return replaced === undefined ? undefined : join(this.directory, replaced);
  }

  /** What was staged stays, for another run to go on from. */
  close(): void {
    this.#lock.release();
  }

  /** Gives up: nothing is left of what was staged. */
  discard(): void {
    fs.rmSync(this.path, { recursive: true, force: true });
    this.#lock.release();
  }

  /** How far putting in place is, from an earlier run or from here. */
  #plan(): Installing {
    const path = join(this.path, INSTALLING);
    if (fs.existsSync(path)) return JSON.parse(fs.readFileSync(path, "utf8")) as Installing;
    const plan = { replaced: partsOf(this.directory).length > 0 ? replacedName() : undefined, isAside: false };
    this.#note(plan);
    return plan;
  }

  #note(plan: Installing): void {
    replaceFile(join(this.path, INSTALLING), Buffer.from(JSON.stringify(plan)));
  }
}

function inUse(directory: string, wasCut: boolean): EngineError {
  const what = wasCut
    ? `${directory} holds what an earlier run put there: it was cut while it moved things into place, and is complete now`
    : `${directory} holds ${partsOf(directory).join(", ")}`;
  const problem = `${what}; --force moves what is there aside, to a directory in it`;
  return new EngineError("DATA_WOULD_BE_LOST", problem, { directory });
}

/** What a data directory holds, but for its mark, lock, audit log and outbox, and what this module keeps there. */
function partsOf(directory: string): string[] {
  const kept = [STAGED, AUDIT_DIRECTORY, OUTBOX];
  const isPart = (name: string) => !kept.includes(name) && !REPLACED.test(name) && !DataDir.isMark(name);
  return fs.readdirSync(directory).filter(isPart);
}

/** @throws EngineError CONFIGURATION_ERROR: nobody's home directory becomes a data directory by a slip. */
function requireOurs(directory: string): void {
  if (fs.existsSync(join(directory, FORMAT)) || fs.existsSync(join(directory, STAGED))) return;
  const foreign = partsOf(directory)[0];
  if (foreign === undefined) return;
  const problem = `${directory} is not a data directory, and not empty: it holds ${foreign}`;
  throw new EngineError("CONFIGURATION_ERROR", problem, { directory, foreign });
}

function replacedName(): string {
  return `replaced-${new Date().toISOString().replace(/[-:]|\.\d+/g, "")}`;
}

function syncDirectory(path: string): void {
  systemFiles.syncDirectory(path).now();
}
