/** Entry of the thread that compiles admitted WebAssembly modules: the executor can end it, whatever it does. */
import { workerData } from "node:worker_threads";
import { serveCompiler } from "../engines/wasm/compile-thread.ts";
import type { CompileThreadData } from "../engines/wasm/thread-compiler.ts";

serveCompiler(workerData as CompileThreadData);
