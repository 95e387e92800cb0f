/** The built daemon as a real process on a data directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { BUILT } from "./engine.ts";

export interface DaemonProcess {
  readonly ipc: string;
  readonly binaryIpc: string;
  readonly child: ChildProcess;
  /** What it wrote to stderr so far. */
  stderr(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts `polytorus serve` and resolves when it listens. Rejects with its output when it ends before that. */
export async function startDaemon(
  dataDir: string,
  options: { args?: string[]; environment?: Record<string, string> } = {},
): Promise<DaemonProcess> {
  const child = spawn(
    process.execPath,
    [new URL("main.js", BUILT).pathname, "serve", "--data-dir", dataDir, ...(options.args ?? ["--http", "off"])],
    {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...options.environment },
    },
  );
  let output = "";
  const daemon: DaemonProcess = {
    ipc: join(dataDir, "engine.ipc"),
    binaryIpc: join(dataDir, "engine.bin.ipc"),
    child,
    stderr: () => output,
    kill: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await once(child, "exit");
    },
  };
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('"msg":"listening"')) resolve();
    });
    child.once("exit", (code) => reject(new Error(`the daemon ended with code ${code}:\n${output}`)));
  });
  return daemon;
}
