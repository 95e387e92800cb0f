/** The other end of thread-compiler.ts: compiles what it is sent, function by function, and answers the module. */
import { setFlagsFromString } from "node:v8";
import type { CompileAnswer, CompileThreadData } from "./thread-compiler.ts";

/** Called by the thread's entry with its `workerData`. */
export function serveCompiler({ port, signal }: CompileThreadData): void {
  port.on("message", (bytes: Uint8Array<ArrayBuffer>) => {
    port.postMessage(compileWhole(bytes));
    Atomics.add(signal, 0, 1);
    Atomics.notify(signal, 0);
  });
}

/**
 * V8 would compile each function at its first call. Its flags are the process's: a module that another thread compiles
 * meanwhile is compiled as a whole too, which is harmless.
 */
function compileWhole(bytes: Uint8Array<ArrayBuffer>): CompileAnswer {
  setFlagsFromString("--no-wasm-lazy-compilation");
  try {
    return { module: new WebAssembly.Module(bytes) };
  } catch (problem) {
    return { problem: problem instanceof Error ? problem.message : String(problem) };
  } finally {
    setFlagsFromString("--wasm-lazy-compilation");
  }
}
