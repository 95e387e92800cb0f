/** Compiling on a thread of its own: what comes back runs here, and a thread that fails is a fault, then another thread. */
import { pathToFileURL } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { toHex } from "../../src/encoding/hex.ts";
import { instrumentModule } from "../../src/engines/wasm/module/instrument.ts";
import { PolytorusAbi } from "../../src/engines/wasm/polytorus/polytorus-abi.ts";
import { ThreadCompiler } from "../../src/engines/wasm/thread-compiler.ts";
import { bundle } from "../support/bundle.ts";
import { ALICE, BOB } from "../support/engine.ts";
import { contractText, WasmChain, wasmOf } from "../support/wasm-chain.ts";

const SERVE = `import { workerData } from "node:worker_threads";
import { serveCompiler } from "./src/engines/wasm/compile-thread.ts";
serveCompiler(workerData);`;
/** Falls silent at a module of fewer than a hundred bytes, ends itself at one of fewer than two hundred. */
const FAIL = `import { workerData } from "node:worker_threads";
import { serveCompiler } from "./src/engines/wasm/compile-thread.ts";
const { port } = workerData;
const on = port.on.bind(port);
port.on = (name, listener) => on(name, (bytes) => {
  if (bytes.length < 100) for (;;);
  if (bytes.length < 200) process.exit(1);
  listener(bytes);
});
serveCompiler(workerData);`;

async function compilerOf(code: string, timeoutMs?: number): Promise<ThreadCompiler> {
  const compiler = new ThreadCompiler(pathToFileURL(await bundle({ code })), timeoutMs);
  onTestFinished(() => compiler.close());
  return compiler;
}

const contract = wasmOf(
  contractText({ call: "(call $return_data (i32.const 8) (i32.const 2))", rest: `(data (i32.const 8) "ok")` }),
);

it("gives a module that runs on the thread that asked", async () => {
  const { compile } = await compilerOf(SERVE);
  const chain = new WasmChain({ wasm: { compile } });
  for (let i = 0; i < 3; i++) {
    const address = chain.install(ALICE, contract);
    expect(toHex(chain.callRaw(BOB, address).returnData)).toBe(toHex(Buffer.from("ok")));
  }
});

it("says what V8 has against the bytes, and compiles the next ones", async () => {
  const { compile } = await compilerOf(SERVE);
  expect(() => compile(new Uint8Array(4))).toThrow(/V8 does not compile an admitted module/);
  expect(compile(wasmOf("(module)"))).toBeInstanceOf(WebAssembly.Module);
});

it("is a fault at the time limit when the thread hangs or dies, and the next module has a new thread", async () => {
  const { compile } = await compilerOf(FAIL, 3_000);
  const good = instrumentModule(contract, new PolytorusAbi().policy).bytes;
  for (const bad of [wasmOf("(module)"), wasmOf(`(module (func (export "${"x".repeat(100)}")))`)]) {
    expect(() => compile(bad)).toThrow(/did not answer within 3000 ms/);
    expect(compile(good)).toBeInstanceOf(WebAssembly.Module);
  }
});
