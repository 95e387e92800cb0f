/** A Redis for a bench: of its own, as redis-server comes but for saving to disk, on a free port of this machine. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { processorSecondsOf } from "./machine.ts";
import { ended, endWithBench } from "./program.ts";

const TRIES = 100;

export class RedisServer {
  readonly port: number;
  readonly client: Redis;
  readonly #process: ChildProcess;

  /** @throws Error when redis-server is not installed, or does not come up. */
  static async start(): Promise<RedisServer> {
    const port = await freePort();
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", tmpdir()];
    const child = spawn("redis-server", args, { stdio: "ignore" });
    const failed = new Promise<never>((_, reject) => child.once("error", reject));
    failed.catch(() => undefined);
    endWithBench(child);
    const client = new Redis({ port, host: "127.0.0.1", lazyConnect: true, retryStrategy: () => null });
    // It is not there at once; a command that fails later tells so itself.
    client.on("error", () => undefined);
    for (let tries = 0; tries < TRIES; tries++) {
      const isUp = await Promise.race([
        client.connect().then(
          () => true,
          () => false,
        ),
        failed,
      ]);
      if (isUp) return new RedisServer(port, client, child);
      await sleep(50);
    }
    throw new Error("redis-server did not come up");
  }

  private constructor(port: number, client: Redis, child: ChildProcess) {
    this.port = port;
    this.client = client;
    this.#process = child;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  processorSeconds(): number {
    return processorSecondsOf(this.#process.pid!);
  }

  async stop(): Promise<void> {
    this.client.disconnect();
    this.#process.kill("SIGTERM");
    await ended(this.#process);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
