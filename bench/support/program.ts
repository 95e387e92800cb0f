/** Programs of a bench that run in processes of their own: bundled from TypeScript as scripts/run.mjs bundles a bench. */
import { type ChildProcess, fork } from "node:child_process";
import { basename, join } from "node:path";
import { build } from "esbuild";

/** The repository: scripts/run.mjs runs every bench from it. */
export const ROOT = process.cwd();

/** @param file of the repository, ending in .ts. @returns its process, with a message channel to it. */
export async function forkProgram(file: string, args: readonly string[] = []): Promise<ChildProcess> {
  const outfile = join(ROOT, "node_modules/.cache/polytorus/programs", `${basename(file, ".ts")}.mjs`);
  await build({
    absWorkingDir: ROOT,
    entryPoints: [file],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    packages: "external",
    logLevel: "warning",
  });
  return fork(outfile, [...args], { cwd: ROOT, serialization: "advanced", execArgv: [] });
}

/** However the bench ends, this process does too. */
export function endWithBench(child: ChildProcess): void {
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
}

/** Resolves when the process has ended. */
export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}
