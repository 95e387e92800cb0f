/** anvil, Foundry's development node, on its IPC socket: JSON-RPC arrays, history pruned. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EvmDevnet, type Transaction } from "./evm-devnet.ts";
import { ended, endWithBench } from "./program.ts";

const BATCH = 100;
const START_TIMEOUT_MS = 20_000;

const FLAGS = [
  "--no-mining",
  "--prune-history",
  "--auto-impersonate",
  "--order",
  "fifo",
  "--disable-block-gas-limit",
  "--disable-min-priority-fee",
  "--block-base-fee-per-gas",
  "0",
  "--quiet",
];

interface Answer {
  id: number;
  result?: unknown;
  error?: { message: string };
}

export class Anvil extends EvmDevnet {
  readonly name = "anvil";
  readonly version: string;
  readonly acknowledges = "in memory; blocks, receipts, logs, state root";
  readonly #process: ChildProcess;
  readonly #socket: Socket;
  readonly #pending = new Map<number, { resolve: (line: string) => void; reject: (problem: Error) => void }>();
  #nextId = 1;
  #input = "";

  /** @param directory for its socket. */
  static async start(binary: string, directory: string, holders: number): Promise<Anvil> {
    const version = execFileSync(binary, ["--version"], { encoding: "utf8" }).split("\n")[0]!;
    const ipc = join(directory, "anvil.ipc");
    const child = spawn(binary, ["--ipc", ipc, "--port", "0", ...FLAGS], {
      cwd: directory,
      stdio: ["ignore", "ignore", "inherit"],
    });
    endWithBench(child);
    const anvil = new Anvil(version, child, await openWhenReady(ipc, child), holders);
    await anvil.setUp();
    return anvil;
  }

  private constructor(version: string, child: ChildProcess, socket: Socket, holders: number) {
    super(holders);
    this.version = version.replace(/^anvil (Version: )?/, "");
    this.#process = child;
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#receive(text));
    socket.on("close", () => {
      for (const { reject } of this.#pending.values()) reject(new Error("anvil closed the connection"));
    });
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    this.#process.kill("SIGKILL");
    await ended(this.#process);
  }

  /** In arrays of BATCH, all outstanding at once. */
  protected override async submit(transactions: readonly Transaction[]): Promise<string> {
    const batches: Promise<string>[] = [];
    for (let first = 0; first < transactions.length; first += BATCH)
      batches.push(this.#submitBatch(transactions.slice(first, first + BATCH)));
    const [answer] = await Promise.all(batches);
    return (JSON.parse(answer!) as Answer[])[0]!.result as string;
  }

  async #submitBatch(transactions: readonly Transaction[]): Promise<string> {
    const id = this.#nextId++;
    const requests = transactions.map(
      (transaction) =>
        `{"jsonrpc":"2.0","id":${id},"method":"eth_sendTransaction","params":[${JSON.stringify(transaction)}]}`,
    );
    const answer = await this.#send(`[${requests.join(",")}]\n`, id);
    const error = answer.indexOf('"error"');
    if (error >= 0) throw new Error(`anvil refused a transaction: ${answer.slice(error, error + 300)}`);
    return answer;
  }

  protected override async call(method: string, params: readonly unknown[]): Promise<unknown> {
    const id = this.#nextId++;
    const { result, error } = JSON.parse(
      await this.#send(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`, id),
    ) as Answer;
    if (error !== undefined) throw new Error(`anvil answered ${method} with: ${error.message}`);
    return result;
  }

  #send(text: string, id: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#socket.write(text, "latin1");
    });
  }

  /** One answer a line; every part of an array has the id of the whole. */
  #receive(text: string): void {
    const lines = (this.#input + text).split("\n");
    this.#input = lines.pop()!;
    for (const line of lines) {
      const id = Number(/"id":(\d+)/.exec(line.slice(0, 64))?.[1]);
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      pending?.resolve(line);
    }
  }
}

async function openWhenReady(ipc: string, child: ChildProcess): Promise<Socket> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const socket = connect(ipc);
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (isOpen) return socket;
    await sleep(50);
  }
  child.kill("SIGKILL");
  throw new Error(`anvil did not open its socket within ${START_TIMEOUT_MS / 1000} s`);
}
