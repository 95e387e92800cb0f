/** Work without the rights of whoever runs the tests: for root every directory is writable. */
import { execFile } from "node:child_process";
import { chmodSync, lstatSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

const NOBODY = 65_534;

/** Does `work` in this process. */
export function asNobody<T>(work: () => T): T {
  if (process.getuid?.() !== 0) return work();
  process.seteuid!(NOBODY);
  try {
    return work();
  } finally {
    process.seteuid!(0);
  }
}

/** Runs a program. Takes write permission off the named paths and opens them for reading. Answers what the program printed. */
export async function runAsNobody(script: string, { readable }: { readable: readonly string[] }): Promise<string> {
  for (const path of [dirname(script), script, ...readable])
    chmodSync(path, lstatSync(path).isDirectory() ? 0o555 : 0o444);
  const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  try {
    return (await promisify(execFile)(process.execPath, [script], { ...identity, cwd: "/" })).stdout;
  } finally {
    for (const path of [dirname(script), ...readable].filter((each) => lstatSync(each).isDirectory()))
      chmodSync(path, 0o755);
  }
}
