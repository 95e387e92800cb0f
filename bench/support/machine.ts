/** What every figure must stand beside: on what it was measured, and of which commit. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

/** Prints processor, cores, memory, Node, kernel, load, commit, and whether sources differ from it. */
export function printBanner(question: string, options: Readonly<Record<string, unknown>> = {}): void {
  const settings = Object.entries(options).map(([name, value]) => `${name} ${String(value)}`);
  process.stdout.write(
    `${question}\n` +
      `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
      `Node ${process.version}, Linux ${release()}, load ${loadavg()[0]?.toFixed(2)} before\n` +
      `commit ${commit()}, ${new Date().toISOString().slice(0, 10)}${settings.length > 0 ? `, ${settings.join(", ")}` : ""}\n\n`,
  );
}

function commit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty", "--exclude=*"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

/** Memory of a process in bytes; LMDB's map counts as resident, never as anonymous. */
export function memoryOf(pid: number): { residentBytes: number; anonymousBytes: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
  return { residentBytes: bytes("Rss"), anonymousBytes: bytes("Anonymous") };
}

/** Processor time that a process has used since its start, all threads, in seconds. */
export function processorSecondsOf(pid: number): number {
  const TICKS_PER_SECOND = 100;
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is a name in parentheses that may hold spaces; utime and stime are the 14th and 15th.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
