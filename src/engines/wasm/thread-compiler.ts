/**
 * ThreadCompiler: V8's compilation of admitted modules on a thread of its own, every function at once, so that no function
 * is compiled for the first time inside a transaction. The caller waits, as it would while compiling itself; but what does
 * not end, or ends the thread, costs that thread and not the executor's.
 *   compile(bytes) ── message ──▶ compile-thread.ts ── WebAssembly.Module (shared machine code), signal ──▶ compile returns
 * Always
 *  - Whether a module is admitted was decided before. What fails here is a fault of this machine: INTERNAL_ERROR.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { hostFault } from "./host-fault.ts";

/** Within the admission's limits (module/limits.ts) compiling takes tens of milliseconds. */
const TIMEOUT_MS = 5_000;

export interface CompileThreadData {
  port: MessagePort;
  /** [0] counts answers. */
  signal: Int32Array;
}

export type CompileAnswer = { module: WebAssembly.Module } | { problem: string };

interface CompileThread {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly signal: Int32Array;
}

export class ThreadCompiler {
  readonly #script: URL;
  readonly #timeoutMs: number;
  #thread: CompileThread | undefined;

  /** @param script an entry that calls `serveCompiler`. */
  constructor(script: URL, timeoutMs = TIMEOUT_MS) {
    this.#script = script;
    this.#timeoutMs = timeoutMs;
  }

  /** Starts the thread, unless it runs: it takes as long to start as to rewrite a large module. */
  readonly prepare = (): void => {
    this.#thread ??= startThread(this.#script);
  };

  /** @throws EngineError INTERNAL_ERROR; the next call has a new thread. */
  readonly compile = (bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module => {
    this.#thread ??= startThread(this.#script);
    const { port, signal } = this.#thread;
    const answered = Atomics.load(signal, 0);
    port.postMessage(bytes);
    if (Atomics.wait(signal, 0, answered, this.#timeoutMs) === "timed-out") {
      this.close();
      throw hostFault(`the compiler's thread did not answer within ${this.#timeoutMs} ms`);
    }
    const answer = receiveMessageOnPort(port)?.message as CompileAnswer | undefined;
    if (answer !== undefined && "module" in answer) return answer.module;
    this.close();
    throw hostFault(`V8 does not compile an admitted module: ${answer?.problem ?? "no answer"}`);
  };

  /** Ends the thread, whatever it does. */
  close(): void {
    this.#thread?.port.close();
    void this.#thread?.worker.terminate();
    this.#thread = undefined;
  }
}

function startThread(script: URL): CompileThread {
  const { port1, port2 } = new MessageChannel();
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const workerData: CompileThreadData = { port: port2, signal };
  const worker = new Worker(script, { workerData, transferList: [port2] });
  // It waits without keeping the process; that it has ended shows as an answer that does not come.
  worker.unref();
  worker.on("error", () => {});
  port1.unref();
  return { worker, port: port1, signal };
}
