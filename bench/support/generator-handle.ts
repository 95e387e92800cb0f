/** The bench's end of the load generator's process. */
import type { ChildProcess } from "node:child_process";
import type { CallMessage, GeneratorCalls, GeneratorMessage } from "./generator-protocol.ts";
import { ended, forkProgram } from "./program.ts";

export type OnTick = (tick: { operations: number; seconds: number; p99Ms: number }) => void;

export class GeneratorHandle {
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, { resolve: (value: unknown) => void; reject: (problem: Error) => void }>();
  #nextId = 1;
  #onTick: OnTick = () => {};

  static async start(): Promise<GeneratorHandle> {
    return new GeneratorHandle(await forkProgram("bench/support/generator.ts"));
  }

  private constructor(child: ChildProcess) {
    this.#process = child;
    child.on("message", (message: GeneratorMessage) => {
      if ("tick" in message) {
        this.#onTick(message.tick);
        return;
      }
      const call = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if ("error" in message) call?.reject(new Error(message.error));
      else call?.resolve(message.value);
    });
    child.once("exit", (code, signal) => {
      for (const { reject } of this.#pending.values())
        reject(new Error(`the load generator ended (${signal ?? code})`));
    });
  }

  ask<Name extends keyof GeneratorCalls>(
    name: Name,
    request: Parameters<GeneratorCalls[Name]>[0],
    onTick: OnTick = () => {},
  ): Promise<ReturnType<GeneratorCalls[Name]>> {
    const id = this.#nextId++;
    this.#onTick = onTick;
    const message: CallMessage<Name> = { id, name, request };
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#process.send(message);
    });
  }

  async close(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await ended(this.#process);
  }
}
