/**
 * DataDirLock: one daemon at a time in a data directory, without help from the operating system's locks, which Node
 * does not offer.
 *
 * The holder is the highest of the files LOCK.1, LOCK.2, …; each says who made it. A daemon that finds the highest one's
 * maker gone makes the next; making a file that must not exist yet is atomic, so of several that try, one succeeds. It then
 * looks whether a higher one came about meanwhile, and gives way if so. Numbers never go down: giving the lock back
 * empties the file and leaves it. So a daemon that paused anywhere in between can't wake up believing in an old state.
 *
 * The maker is gone
 *  - on this boot, in this process namespace: when no process has its number and its start time, or it is a zombie. The
 *    start time tells it from a later process with the same number.
 *  - on another boot, or in another process namespace (an earlier run of this container): when the host name is ours, for
 *    a boot or a container's run has ended before the next one starts.
 *  - on another host, or in another container: unknown, so the lock is refused; a person deletes the file.
 * Where there is no /proc, the process number alone decides.
 * kill -9 and power loss leave the file behind, and the next daemon finds its maker gone. A file that does not parse is
 * what power loss made of one: a living maker's file is complete, because it is linked into place when it is.
 */
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { errorCode } from "./files.ts";

const NAME = /^LOCK\.(\d{1,15})$/;
const FILE_MODE = 0o600;

interface Holder {
  pid: number;
  host: string;
  /** Unset where there is no /proc. In clock ticks since boot. */
  startTime?: string | undefined;
  bootId?: string | undefined;
  pidNamespace?: string | undefined;
}

export class DataDirLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws EngineError DATA_DIR_LOCKED, naming the process that holds it. */
  static acquire(directory: string): DataDirLock {
    for (;;) {
      const highest = highestLock(directory);
      const holder = highest === 0 ? undefined : readHolder(pathOf(directory, highest));
      if (holder !== undefined && !isGone(holder)) throw lockedBy(holder, pathOf(directory, highest));
      const path = pathOf(directory, highest + 1);
      if (!make(directory, path)) continue;
      if (highestLock(directory) === highest + 1) {
        removeBelow(directory, highest + 1);
        return new DataDirLock(path);
      }
      fs.rmSync(path, { force: true });
    }
  }

  release(): void {
    fs.truncateSync(this.#path);
  }

  /** Whether a file in the data directory belongs to its lock. */
  static owns(name: string): boolean {
    return name.startsWith("LOCK.");
  }
}

function pathOf(directory: string, number: number): string {
  return join(directory, `LOCK.${number}`);
}

function lockNumbers(directory: string): number[] {
  return fs.readdirSync(directory).flatMap((name) => {
    const digits = NAME.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
}

/** 0 when there is none. */
function highestLock(directory: string): number {
  return Math.max(0, ...lockNumbers(directory));
}

function removeBelow(directory: string, number: number): void {
  for (const lower of lockNumbers(directory)) {
    if (lower < number) fs.rmSync(pathOf(directory, lower), { force: true });
  }
}

/** Makes the lock file, complete from the first moment; answers false when it exists. */
function make(directory: string, path: string): boolean {
  const draft = join(directory, `LOCK.draft-${randomUUID()}`);
  try {
    fs.writeFileSync(draft, JSON.stringify(self()), { mode: FILE_MODE });
    fs.linkSync(draft, path);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === "EEXIST") return false;
    throw thrown;
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

/** Undefined when the lock was given back, is gone, or is what power loss left of one. */
function readHolder(path: string): Holder | undefined {
  try {
    const parsed: unknown = JSON.parse(fs.readFileSync(path, "utf8"));
    return isHolder(parsed) ? parsed : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError || errorCode(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}

function isHolder(value: unknown): value is Holder {
  return (
    typeof value === "object" && value !== null && "pid" in value && Number.isSafeInteger(value.pid) && "host" in value
  );
}

function self(): Holder {
  return {
    pid: process.pid,
    host: hostname(),
    startTime: processOf("self")?.startTime,
    bootId: tryRead("/proc/sys/kernel/random/boot_id"),
    pidNamespace: pidNamespace(),
  };
}

function isGone(holder: Holder): boolean {
  const here = self();
  if (holder.bootId !== here.bootId || holder.pidNamespace !== here.pidNamespace) return holder.host === here.host;
  if (holder.startTime === undefined) return !isRunning(holder.pid);
  const found = processOf(String(holder.pid));
  return found === undefined || found.isZombie || found.startTime !== holder.startTime;
}

/** proc(5): /proc/PID/stat, where the name in parentheses may hold anything; state is field 3, start time field 22. */
function processOf(pid: string): { isZombie: boolean; startTime: string | undefined } | undefined {
  const stat = tryRead(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields && { isZombie: fields[0] === "Z" || fields[0] === "X", startTime: fields[19] };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return errorCode(thrown) !== "ESRCH";
  }
}

function pidNamespace(): string | undefined {
  try {
    return fs.readlinkSync("/proc/self/ns/pid");
  } catch {
    return undefined;
  }
}

function tryRead(path: string): string | undefined {
  try {
    return fs.readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

function lockedBy(holder: Holder, path: string): EngineError {
  const isHere = holder.host === hostname();
  const who = `process ${holder.pid}${isHere ? "" : ` on host ${holder.host}`}`;
  const remedy = isHere ? "" : `; if that host or container is gone, delete ${path}`;
  const facts = { pid: holder.pid, host: holder.host, file: path };
  return new EngineError("DATA_DIR_LOCKED", `${who} uses this data directory${remedy}`, facts);
}
