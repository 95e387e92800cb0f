/** The bench's end of a null server's process: what wire, parser and load generator can do when nothing is executed. */
import type { ChildProcess } from "node:child_process";
import { ended, forkProgram } from "./program.ts";

export type NullWire = "ndjson" | "binary" | "http";

export class NullServer {
  /** Path of the Unix socket, or URL. */
  readonly address: string;
  readonly #process: ChildProcess;

  /** @param path of its Unix socket; ignored for http, which takes a free port of 127.0.0.1. */
  static async start(wire: NullWire, path: string): Promise<NullServer> {
    const child = await forkProgram("bench/support/null-server-program.ts", [wire, path]);
    const address = await new Promise<string>((resolve, reject) => {
      child.once("message", (listening: { address: string }) => resolve(listening.address));
      child.once("exit", (code) => reject(new Error(`the null server ended with ${code}`)));
    });
    return new NullServer(child, address);
  }

  private constructor(child: ChildProcess, address: string) {
    this.#process = child;
    this.address = address;
  }

  async close(): Promise<void> {
    this.#process.kill("SIGKILL");
    await ended(this.#process);
  }
}
