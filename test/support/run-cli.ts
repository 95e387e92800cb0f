/** Runs the built command line as a user does: a process with arguments, an environment and two pipes. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const CLI = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The envelope of --json. */
  json(): Envelope;
}

export interface Envelope {
  status: "ok" | "error";
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever the command answers.
  result: any;
  error: { code: string; message: string; hint: string; details: unknown } | null;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly environment?: NodeJS.ProcessEnv;
}

/** Starts it; nothing of this process's own POLYTORUS_ variables or databases gets through. */
export function startCli(args: readonly string[], options: CliOptions = {}): ChildProcess {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(POLYTORUS_|DATABASE_URL|POSTGRES_|REDIS_|NO_COLOR|FORCE_COLOR)/.test(name),
  );
  return spawn(process.execPath, [CLI, ...args], {
    cwd: options.cwd,
    env: { ...Object.fromEntries(kept), ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = startCli(args, options);
  let stdout = "";
  let stderr = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
  });
  return { code, signal, stdout, stderr, json: () => JSON.parse(stdout) as Envelope };
}
