/** WASI programs written as WebAssembly text, and the chain that runs them. */
import { decodeErc20Error } from "../../src/encoding/erc20-abi.ts";
import type { Receipt } from "../../src/encoding/receipt.ts";
import { PolytorusAbi } from "../../src/engines/wasm/polytorus/polytorus-abi.ts";
import { WasiAbi } from "../../src/engines/wasm/wasi/wasi-abi.ts";
import { WasmChain, type WasmChainOptions, wasmOf } from "./wasm-chain.ts";

const PREVIEW1_TYPES: Record<string, string> = {
  args_get: "(param i32 i32) (result i32)",
  args_sizes_get: "(param i32 i32) (result i32)",
  environ_sizes_get: "(param i32 i32) (result i32)",
  clock_time_get: "(param i32 i64 i32) (result i32)",
  clock_res_get: "(param i32 i32) (result i32)",
  fd_allocate: "(param i32 i64 i64) (result i32)",
  fd_filestat_get: "(param i32 i32) (result i32)",
  fd_pwrite: "(param i32 i32 i32 i64 i32) (result i32)",
  fd_read: "(param i32 i32 i32 i32) (result i32)",
  fd_readdir: "(param i32 i32 i32 i64 i32) (result i32)",
  fd_seek: "(param i32 i64 i32 i32) (result i32)",
  fd_write: "(param i32 i32 i32 i32) (result i32)",
  path_open: "(param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)",
  poll_oneoff: "(param i32 i32 i32 i32) (result i32)",
  proc_exit: "(param i32)",
  random_get: "(param i32 i32) (result i32)",
};

const HOST_TYPES: Record<string, string> = {
  state_get: "(param i32 i32 i32 i32) (result i32)",
  state_set: "(param i32 i32 i32 i32)",
  log: "(param i32 i32 i32 i32)",
  call: "(param i32 i32 i32 i32 i64 i32) (result i32)",
  result_length: "(result i32)",
  result_read: "(param i32 i32 i32)",
};

/**
 * A program: what it uses is imported by its name (`$fd_read`). It has `$read` (standard input to an address: length) and
 * `$write` (descriptor, address, length: errno), which use the 16 bytes at 0.
 */
export function programText(start: string, parts: { rest?: string; memory?: string } = {}): string {
  const { rest = "", memory = "2" } = parts;
  const body = `
    (func $read (param $at i32) (result i32)
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (i32.const 8192))
      (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (i32.load (i32.const 8)))
    (func $write (param $fd i32) (param $at i32) (param $length i32) (result i32)
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (local.get $length))
      (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
    ${rest}
    (func (export "_start") ${start})`;
  const imports = (module: string, types: Record<string, string>) =>
    Object.entries(types)
      .filter(([name]) => new RegExp(`\\$${name}\\b`).test(body))
      .map(([name, type]) => `(import "${module}" "${name}" (func $${name} ${type}))`)
      .join("\n");
  return `(module
    ${imports("wasi_snapshot_preview1", PREVIEW1_TYPES)}
    ${imports("polytorus", HOST_TYPES)}
    (memory (export "memory") ${memory})
    ${body})`;
}

export function program(start: string, parts?: { rest?: string; memory?: string }): Uint8Array<ArrayBuffer> {
  return wasmOf(programText(start, parts));
}

/** Answers what it read. */
export const ECHO = "(drop (call $write (i32.const 1) (i32.const 1024) (call $read (i32.const 1024))))";

export function wasiChain(options: WasmChainOptions = {}): WasmChain {
  return new WasmChain({ abis: [new PolytorusAbi(), new WasiAbi()], ...options });
}

/** What a receipt answers, as text: of a revert, its reason. */
export function answerText({ status, returnData }: Pick<Receipt, "status" | "returnData">): string {
  if (status === "reverted") return decodeErc20Error(returnData)?.message ?? "";
  return Buffer.from(returnData).toString("utf8");
}
