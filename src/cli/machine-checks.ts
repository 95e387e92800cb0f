/** One check each of what the daemon needs from the machine. They look, and change nothing. */

import { accessSync, constants, existsSync, statSync } from "node:fs";
import { readFile, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { grouped } from "../client/amounts.ts";
import type { Config } from "../config/config.ts";
import { formatFileMode } from "../config/quantity.ts";
import { toEngineError } from "../errors.ts";
import { inspectEncryption } from "./seams.ts";

export interface Check {
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly found: string;
  /** What to do; absent when nothing is wrong. */
  readonly fix?: string;
}

const NODE_MINIMUM = [20, 19] as const;
/** Segments, the state store and the workers' files, beside the connections. */
const FILES_BESIDE_CONNECTIONS = 256;
/** Each of the two Unix sockets may have as many connections as that; HTTP twice as many, to tell the second half of them so. */
const SERVERS_BOUNDS = 4;
/** Before any block that this software made: 2025-01-01. A clock there was never set. */
const CLOCK_MINIMUM_MS = 1_735_689_600_000;
/** A head this far ahead of the clock is more than two clocks' ordinary difference. */
const CLOCK_DRIFT_MAX_MS = 2_000;
const MIB = 2 ** 20;

export function checkNode(version: string): Check {
  const [major, minor] = version.split(".").map(Number) as [number, number];
  const isEnough = major > NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor >= NODE_MINIMUM[1]);
  if (isEnough) return { name: "node", status: "ok", found: version };
  return { name: "node", status: "failed", found: version, fix: `install Node ${NODE_MINIMUM.join(".")} or newer` };
}

const INSTRUCTION_SETS = { avx512: "AVX-512", shani: "SHA-NI", portable: "portable code" };

export async function checkNative(): Promise<Check> {
  const { isAddon, loadAddon } = await import("../native/addon.ts");
  const addon = loadAddon();
  if (isAddon(addon))
    return {
      name: "native addon",
      status: "ok",
      found: `loaded, SHA-256 by ${INSTRUCTION_SETS[addon.isa]}`,
    };
  return {
    name: "native addon",
    status: "warning",
    found: `not in use: ${addon.missing}`,
    fix: "all but encryption and circuits on ciphertexts works without it, slower; for these and its speed do what is said above",
  };
}

export function checkDataDir(dataDir: string): Check {
  const name = "data directory";
  let existing = dataDir;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch {
    return {
      name,
      status: "failed",
      found: `${existing} is not writable for this user`,
      fix: `chown it, or choose another with --data-dir`,
    };
  }
  return { name, status: "ok", found: existing === dataDir ? `${dataDir} is writable` : `${dataDir} can be made` };
}

export async function checkEncryption(dataDir: string, keyFile: string | undefined): Promise<Check> {
  const name = "encryption";
  try {
    const { isEncrypted, keyId } = await inspectEncryption(dataDir, keyFile);
    if (keyId === undefined) return { name, status: "ok", found: "off: whoever has the disk can read it" };
    return { name, status: "ok", found: `${isEncrypted ? "on" : "on once a daemon has started"}, under key ${keyId}` };
  } catch (problem) {
    const { message, hint } = toEngineError(problem);
    return { name, status: "failed", found: message, fix: hint };
  }
}

/** Its length was checked with the configuration; here, who may open it. */
export function checkSocket(ipc: Config["ipc"]): Check {
  const name = "socket";
  const length = `${Buffer.byteLength(ipc.path)} of 107 bytes`;
  if (!existsSync(ipc.path))
    return {
      name,
      status: "ok",
      found: `${ipc.path} (${length}), made with mode ${formatFileMode(ipc.mode)} when the daemon starts`,
    };
  const stats = statSync(ipc.path);
  if (!stats.isSocket())
    return {
      name,
      status: "failed",
      found: `${ipc.path} is there and is no socket`,
      fix: "move it away, or set ipc.path",
    };
  const mode = stats.mode & 0o777;
  const found = `${ipc.path} (${length}) has mode ${formatFileMode(mode)}`;
  if ((mode & 0o007) === 0) return { name, status: "ok", found };
  return {
    name,
    status: "warning",
    found: `${found}: every user may submit as any sender`,
    fix: "set ipc.mode to 0600, or 0660 with ipc.group, and start the daemon again",
  };
}

export async function checkDisk(config: Config): Promise<Check> {
  const name = "disk space";
  let existing = config.dataDir;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  const free = bavail * bsize;
  const found = `${grouped(Math.floor(free / MIB))} MiB free at ${existing}`;
  const fix = "free some, or choose another --data-dir: the daemon stops when its journal cannot be written";
  // The next journal segment must fit, and the state store beside it.
  if (free < config.journal.segmentBytes) return { name, status: "failed", found, fix };
  if (free < config.journal.backlogMaxBytes + config.journal.segmentBytes)
    return { name, status: "warning", found, fix };
  return { name, status: "ok", found };
}

export async function checkFileLimit(connectionsMax: number): Promise<Check> {
  const name = "open files";
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return { name, status: "ok", found: "the limit is not known on this system" };
  const needed = SERVERS_BOUNDS * connectionsMax + FILES_BESIDE_CONNECTIONS;
  if (soft === "unlimited" || Number(soft) >= needed) return { name, status: "ok", found: `up to ${soft}` };
  return {
    name,
    status: "warning",
    found: `up to ${soft}, ${needed} may be needed`,
    fix: `ulimit -n ${needed}, or LimitNOFILE= of the unit`,
  };
}

/** @param headMs the time of the latest block, where a daemon answers. */
export function checkClock(nowMs: number, headMs: number | undefined): Check {
  const found = new Date(nowMs).toISOString();
  const fix = "set the clock (timedatectl set-ntp true)";
  if (nowMs < CLOCK_MINIMUM_MS) return { name: "clock", status: "failed", found: `${found}: it was never set`, fix };
  if (headMs !== undefined && headMs > nowMs + CLOCK_DRIFT_MAX_MS) {
    return {
      name: "clock",
      status: "warning",
      found: `${found} is behind the latest block (${new Date(headMs).toISOString()})`,
      fix,
    };
  }
  return { name: "clock", status: "ok", found };
}
