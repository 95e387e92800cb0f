/**
 * Listening on a Unix socket, whose file mode is who may use it.
 * Always
 *  - There is no moment in which the file is more open than asked for: the umask holds while it is created.
 *  - A socket that someone listens on, and a file that is no socket, are never removed.
 */
import { createHash } from "node:crypto";
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { EngineError } from "../errors.ts";

export interface UnixSocketOptions {
  readonly path: string;
  /** Permission bits of the socket file; 0o600 when left out. */
  readonly mode?: number | undefined;
  /** Name or number of the group that the file belongs to: a node under another user. */
  readonly group?: string | number | undefined;
}

/** sockaddr_un holds 108 bytes on Linux, the last of which is a zero. */
const PATH_BYTES_MAX = 107;
const PROBE_TIMEOUT_MS = 1_000;

/** Resolves when `server` listens. @throws EngineError CONFIGURATION_ERROR naming path and reason. */
export async function listenOnUnixSocket(server: Server, options: UnixSocketOptions): Promise<void> {
  const { path, mode = 0o600 } = options;
  checkLength(path);
  const group = options.group === undefined ? undefined : requireGroup(options.group);
  makeDirectory(dirname(path), group);
  await removeStale(path);
  const listening = new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", reject);
  });
  const umask = process.umask(0o777 & ~mode);
  try {
    server.listen(path);
  } finally {
    process.umask(umask);
  }
  try {
    await listening;
  } catch (problem) {
    throw new EngineError(
      "CONFIGURATION_ERROR",
      `cannot listen on ${path}: ${reasonOf(problem)}`,
      { path },
      { cause: problem },
    );
  }
  if (group !== undefined) {
    chownSync(path, process.getuid?.() ?? -1, group);
    chmodSync(path, mode);
  }
}

function checkLength(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= PATH_BYTES_MAX) return;
  const digest = createHash("sha256").update(path).digest("hex").slice(0, 8);
  const shorter = join(tmpdir(), `polytorus-${digest}`, basename(path).slice(-32));
  throw new EngineError(
    "CONFIGURATION_ERROR",
    `the socket path has ${length} bytes, the system allows ${PATH_BYTES_MAX}: use a shorter one, such as ${shorter}`,
    { path, bytes: length, max: PATH_BYTES_MAX, suggestion: shorter },
  );
}

/** Directories that are missing are made for the owner alone, and for the group where there is one. */
function makeDirectory(directory: string, group: number | undefined): void {
  const first = mkdirSync(directory, { recursive: true, mode: group === undefined ? 0o700 : 0o750 });
  if (first !== undefined && group !== undefined) chownSync(directory, process.getuid?.() ?? -1, group);
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new EngineError("CONFIGURATION_ERROR", `${path} is there and is no socket; it is left alone`, { path });
  if (await isListenedOn(path)) {
    throw new EngineError(
      "CONFIGURATION_ERROR",
      `another process listens on ${path}: stop it, or choose another path`,
      { path },
    );
  }
  unlinkSync(path);
}

function isListenedOn(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(path);
    const finish = (isLive: boolean) => {
      probe.destroy();
      resolve(isLive);
    };
    probe.setTimeout(PROBE_TIMEOUT_MS, () => finish(true));
    probe.once("connect", () => finish(true));
    probe.once("error", (problem: NodeJS.ErrnoException) => {
      if (problem.code === "ECONNREFUSED" || problem.code === "ENOENT") finish(false);
      else
        reject(
          new EngineError(
            "CONFIGURATION_ERROR",
            `cannot tell whether ${path} is in use: ${reasonOf(problem)}`,
            { path },
            { cause: problem },
          ),
        );
    });
  });
}

function requireGroup(group: string | number): number {
  const id = typeof group === "number" || /^\d+$/.test(group) ? Number(group) : groupIdOf(group);
  if (id === undefined)
    throw new EngineError("CONFIGURATION_ERROR", `there is no group ${group} on this machine`, { group });
  return id;
}

function groupIdOf(name: string): number | undefined {
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${name}:`));
  const id = line?.split(":")[2];
  return id === undefined ? undefined : Number(id);
}

function reasonOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}
