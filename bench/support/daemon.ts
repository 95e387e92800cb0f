/**
 * The daemon as users run it: dist/main.js in a process of its own, on a data directory below os.tmpdir().
 *   start ─▶ ready (it answered engine_info) ─▶ stop (SIGTERM, waits) or kill (SIGKILL)
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, connect } from "../../src/client/client.ts";
import { memoryOf, processorSecondsOf } from "./machine.ts";
import { ended, endWithBench, ROOT } from "./program.ts";

const MAIN = join(ROOT, "dist/main.js");
/** Rebuilding the tree of millions of leaves takes seconds. */
const START_TIMEOUT_MS = 120_000;
/** Stopping writes the tree and lets the follower catch up. */
const STOP_TIMEOUT_MS = 120_000;
const LOG_LINES_KEPT = 20;

/** Settings of whoever runs the bench must not reach the daemon: nor Node, which reads all of NODE_EXTRA_CA_CERTS at its start. */
const FOREIGN_SETTING = /^(POLYTORUS_|POSTGRES_|REDIS_|NODE_|DATABASE_URL$)/;

export interface Health {
  status: string;
  backends: {
    log: { durableSeq: number; bytes: number };
    state: { appliedSeq?: number; flushMs?: number };
    /** Where the state tree came from at the start: empty, loaded (saved tree), rebuilt (from LMDB). */
    executor: { tree: string; native: boolean };
  };
}

/**
 * Entries and bytes of journal that the state store has yet to apply. Computed from the ends of both, because the store
 * itself reports only when it has written: right after a write it is hardly ever behind.
 * @param since an earlier report: the mean length of an entry is taken over what was written after it.
 */
export function backlogOf(health: Health, since?: Health): { entries: number; bytes: number } {
  const { log, state } = health.backends;
  const from = since?.backends.log ?? { durableSeq: -1, bytes: 0 };
  const entries = log.durableSeq - (state.appliedSeq ?? log.durableSeq);
  const mean = (log.bytes - from.bytes) / Math.max(1, log.durableSeq - from.durableSeq);
  return { entries, bytes: entries * mean };
}

interface Listening {
  ipc: string;
  binaryIpc: string;
  http: string;
}

/** A fresh directory for one run. It goes away with `remove`, or when the bench ends, by a signal too. */
export class Workspace {
  readonly path = mkdtempSync(join(tmpdir(), "polytorus-bench-"));

  constructor() {
    process.once("exit", () => this.remove());
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
  }

  directory(name: string): string {
    return join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class Daemon {
  readonly ipc: string;
  readonly binaryPath: string;
  readonly url: string;
  /** From spawning node to the first answer. */
  readonly startMs: number;
  /** For what is no measurement. */
  readonly client: Client;
  readonly #process: ChildProcess;

  /** @throws Error with the end of the daemon's log when it does not come up. */
  static async start(dataDir: string, flags: readonly string[] = []): Promise<Daemon> {
    if (!existsSync(MAIN)) throw new Error("dist/main.js is missing: run `node scripts/build.mjs`");
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !FOREIGN_SETTING.test(name)));
    const args = ["serve", "--data-dir", dataDir, "--http", "127.0.0.1:0", ...flags];
    const startedAt = performance.now();
    const child = spawn(MAIN, args, { cwd: tmpdir(), env, stdio: ["ignore", "ignore", "pipe"] });
    endWithBench(child);
    const listening = await announcement(child);
    const client = await connect({ ipc: listening.ipc });
    await client.call("engine_info", {});
    return new Daemon(child, listening, client, performance.now() - startedAt);
  }

  private constructor(child: ChildProcess, { ipc, binaryIpc, http }: Listening, client: Client, startMs: number) {
    this.#process = child;
    this.ipc = ipc;
    this.binaryPath = binaryIpc;
    this.url = http;
    this.client = client;
    this.startMs = startMs;
  }

  async health(): Promise<Health> {
    return (await (await fetch(`${this.url}/health`)).json()) as Health;
  }

  memory(): { residentBytes: number; anonymousBytes: number } {
    return memoryOf(this.#process.pid!);
  }

  processorSeconds(): number {
    return processorSecondsOf(this.#process.pid!);
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    if (this.#process.exitCode !== 0)
      throw new Error(`the daemon stopped with ${this.#process.signalCode ?? this.#process.exitCode}`);
  }

  /** As if the process had crashed: nothing is finished or saved. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const lateKill = setTimeout(() => this.#process.kill("SIGKILL"), STOP_TIMEOUT_MS);
    this.#process.kill(signal);
    await ended(this.#process);
    clearTimeout(lateKill);
    await this.client.close().catch(() => undefined);
  }
}

/** What the daemon says when it listens. */
async function announcement(child: ChildProcess): Promise<Listening> {
  const lines: string[] = [];
  const found = new Promise<Listening>((resolve, reject) => {
    createInterface({ input: child.stderr! }).on("line", (line) => {
      if (lines.push(line) > LOG_LINES_KEPT) lines.shift();
      if (line.includes('"msg":"listening"')) resolve(JSON.parse(line) as Listening);
    });
    child.once("exit", (code, signal) =>
      reject(new Error(`the daemon ended with ${signal ?? code}:\n${lines.join("\n")}`)),
    );
  });
  const late = new AbortController();
  const timeout = sleep(START_TIMEOUT_MS, undefined, { signal: late.signal }).then(() => {
    child.kill("SIGKILL");
    throw new Error(`the daemon was not ready after ${START_TIMEOUT_MS / 1000} s:\n${lines.join("\n")}`);
  });
  timeout.catch(() => undefined);
  try {
    return await Promise.race([found, timeout]);
  } finally {
    late.abort();
  }
}
