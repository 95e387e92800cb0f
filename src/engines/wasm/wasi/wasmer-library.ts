/**
 * The library that serves WASI: wasmer-js, @wasmer/wasi, which is a WebAssembly program itself. It is loaded when the first
 * contract needs it, and then synchronously: its own `init` waits for a compilation of bytes that lie in its file.
 *
 *   openWasiSystem(memory, arguments, stdin) ──▶ WasiSystem: imports ▸ stdout, stderr ──▶ close
 *
 * Always
 *  - The outermost system of a thread begins with a new instance of the library: nothing that earlier calls left in its
 *    memory shows in a later one. Systems within it, of contracts that contracts call, share that instance.
 *  - It is handed the guest's memory alone, never the guest: it runs nothing of it.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { hostFault } from "../host-fault.ts";
import { PREVIEW1 } from "./preview1.ts";

type WasiFunction = (...args: (number | bigint)[]) => number;

/** The part of @wasmer/wasi 1.2.2 that is used; its own description needs the browser's. */
interface WasmerSystem {
  getImports(module: WebAssembly.Module): Record<string, Record<string, WasiFunction>>;
  instantiate(instance: WebAssembly.Instance): WebAssembly.Instance;
  setStdinBuffer(bytes: Uint8Array): void;
  getStdoutBuffer(): Uint8Array;
  getStderrBuffer(): Uint8Array;
  free(): void;
}

interface WasmerWasi {
  readonly WASI: new (config: {
    args: readonly string[];
    env: Record<string, string>;
    preopens: Record<string, string>;
  }) => WasmerSystem;
  initSync(module: WebAssembly.Module): unknown;
}

interface LoadedLibrary {
  readonly wasi: WasmerWasi;
  readonly module: WebAssembly.Module;
  readonly carrier: WebAssembly.Module;
}

export interface WasiSystem {
  readonly imports: Readonly<Record<string, WasiFunction>>;
  stdout(): Uint8Array;
  stderr(): Uint8Array;
  close(): void;
}

const INLINED = /data:application\/wasm;base64,([A-Za-z0-9+/=]+)/;

/**
 * (module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
 *         (import "$m" "m" (memory 0))
 *         (export "memory" (memory 0)))
 * The library takes a memory only as the export of an instance, and tells WASI's version by its module's imports.
 */
const CARRIER = Buffer.from(
  "0061736d0100000001050160017f00022c0216776173695f736e617073686f745f70726576696577310970726f635f65786974" +
    "000002246d016d020000070a01066d656d6f72790200",
  "hex",
);

const require = createRequire(import.meta.url);

let loaded: LoadedLibrary | undefined;
/** Systems that are open on this thread. */
let depth = 0;

function load(): LoadedLibrary {
  try {
    const inlined = INLINED.exec(readFileSync(require.resolve("@wasmer/wasi"), "latin1"))?.[1];
    if (inlined === undefined) throw new Error("its file has no WebAssembly in it");
    return {
      wasi: require("@wasmer/wasi") as WasmerWasi,
      module: new WebAssembly.Module(new Uint8Array(Buffer.from(inlined, "base64"))),
      carrier: new WebAssembly.Module(new Uint8Array(CARRIER)),
    };
  } catch (problem) {
    throw hostFault("@wasmer/wasi cannot be loaded", problem);
  }
}

/** @param memory of the guest. Answers a system that is to be closed, the newest first. */
export function openWasiSystem(memory: WebAssembly.Memory, args: readonly string[], stdin: Uint8Array): WasiSystem {
  loaded ??= load();
  const { wasi, module, carrier } = loaded;
  if (depth === 0) wasi.initSync(module);
  const system = new wasi.WASI({ args, env: {}, preopens: { "/": "/" } });
  const imports = system.getImports(carrier)[PREVIEW1]!;
  const own = { [PREVIEW1]: { proc_exit: () => undefined }, $m: { m: memory } };
  system.instantiate(new WebAssembly.Instance(carrier, own));
  system.setStdinBuffer(stdin);
  depth++;
  return {
    imports,
    stdout: () => system.getStdoutBuffer(),
    stderr: () => system.getStderrBuffer(),
    close() {
      depth--;
      try {
        system.free();
      } catch {
        // It stopped in the middle of something: a new copy of the library takes its place, and the collector has this one.
        loaded = undefined;
        delete require.cache[require.resolve("@wasmer/wasi")];
      }
    },
  };
}
