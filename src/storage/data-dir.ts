/**
 * DataDir: the directory that a daemon keeps everything in. Made with mode 0700, marked with the version of its format,
 * and locked against a second daemon (data-dir-lock.ts says how) for as long as it is open.
 *   FORMAT        "polytorus data directory, format 1": written durably before anything else is
 *   LOCK.<n>      who uses it
 *   audit/        what administrators did: the one part that commands write to beside a daemon
 *   journal/, …   what storage keeps: each part knows its own place
 * A directory that holds other files is refused: nobody's home directory becomes a data directory by a slip.
 */
import * as fs from "node:fs";
import { join, resolve } from "node:path";
import { EngineError, StorageError } from "../errors.ts";
import { DataDirLock } from "./data-dir-lock.ts";
import { ENVELOPE_NAME } from "./encryption/envelope.ts";
import { errorCode, replaceFile, systemFiles } from "./files.ts";

const FORMAT_VERSION = 1;
const FORMAT_NAME = "FORMAT";
const FORMAT_DRAFT_NAME = `${FORMAT_NAME}.tmp`;
const FORMAT_TEXT = /^polytorus data directory, format (\d{1,9})\n$/;

export class DataDir {
  /** Absolute. */
  readonly path: string;
  readonly #lock: DataDirLock;

  private constructor(path: string, lock: DataDirLock) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Opens the data directory, or makes one where there is nothing.
   * @throws EngineError DATA_DIR_LOCKED naming the process, FORMAT_UNSUPPORTED naming both versions, CONFIGURATION_ERROR
   *         when the directory is something else's.
   * @throws StorageError when it can't be read or written.
   */
  static open(path: string): DataDir {
    const full = resolve(path);
    try {
      systemFiles.makeDirectory(full);
      const isMarked = checkFormat(full);
      const lock = DataDirLock.acquire(full);
      if (!isMarked) writeFormat(full);
      return new DataDir(full, lock);
    } catch (thrown) {
      if (thrown instanceof EngineError) throw thrown;
      const facts = { retryable: false, directory: full };
      throw new StorageError(`cannot open the data directory ${full}: ${String(thrown)}`, facts, { cause: thrown });
    }
  }

  /** Makes and marks the directory where there is nothing, without using it. @throws as `open`, less DATA_DIR_LOCKED. */
  static ensure(path: string): void {
    const full = resolve(path);
    systemFiles.makeDirectory(full);
    if (!checkFormat(full)) writeFormat(full);
  }

  /** Makes a directory that was filled by other means a data directory, durably. */
  static mark(directory: string): void {
    writeFormat(directory);
  }

  /** Whether a name in it is of the directory itself, and not of what is kept in it. */
  static isMark(name: string): boolean {
    return name === FORMAT_NAME || name === ENVELOPE_NAME || name === FORMAT_DRAFT_NAME || DataDirLock.owns(name);
  }

  /** Lets another daemon have it. */
  close(): void {
    this.#lock.release();
  }
}

/** Whether the directory carries the mark; it may not when nobody's files are in it but ours from an interrupted start. */
function checkFormat(directory: string): boolean {
  const text = readFormat(directory);
  if (text === undefined) {
    const foreign = fs.readdirSync(directory).find((name) => !DataDir.isMark(name));
    if (foreign === undefined) return false;
    const problem = `${directory} is not a data directory, and not empty: it holds ${foreign}`;
    throw new EngineError("CONFIGURATION_ERROR", problem, { directory, foreign });
  }
  const found = FORMAT_TEXT.exec(text)?.[1];
  if (found === undefined) {
    const problem = `${join(directory, FORMAT_NAME)} does not state a format`;
    throw new EngineError("FORMAT_UNSUPPORTED", problem, { directory, supported: FORMAT_VERSION });
  }
  if (Number(found) !== FORMAT_VERSION) {
    const problem = `${directory} has format ${found}; this version reads ${FORMAT_VERSION}`;
    throw new EngineError("FORMAT_UNSUPPORTED", problem, {
      directory,
      found: Number(found),
      supported: FORMAT_VERSION,
    });
  }
  return true;
}

function readFormat(directory: string): string | undefined {
  try {
    return fs.readFileSync(join(directory, FORMAT_NAME), "utf8");
  } catch (thrown) {
    if (errorCode(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}

function writeFormat(directory: string): void {
  replaceFile(join(directory, FORMAT_NAME), Buffer.from(`polytorus data directory, format ${FORMAT_VERSION}\n`));
}
