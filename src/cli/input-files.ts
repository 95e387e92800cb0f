/** Files and JSON that commands are given, and what is wrong with them by the option or argument that named them. */
import { readFileSync } from "node:fs";
import { toHex } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";

const CODE_HASH = /^0x[0-9a-f]{64}$/i;
const WASM_MAGIC = Buffer.from([0x00, 0x61, 0x73, 0x6d]);

/** @param option how the user named it: `FILE`, `--abi`. @throws EngineError VALIDATION_ERROR */
export function readInput(path: string, option: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new EngineError("VALIDATION_ERROR", `${option}: cannot read ${path}: ${why}`, { path: option });
  }
}

/**
 * The code that a deployment or an upgrade names: a module's file, or the hash of code that the chain has.
 * @throws EngineError VALIDATION_ERROR when the file is not there, or no WebAssembly module.
 */
export function codeOf(path: string): { code: string } | { codeHash: string } {
  if (CODE_HASH.test(path)) return { codeHash: path };
  const code = readInput(path, "FILE");
  if (code.subarray(0, WASM_MAGIC.length).equals(WASM_MAGIC)) return { code: toHex(code) };
  throw new EngineError("VALIDATION_ERROR", `FILE: ${path} does not begin like a WebAssembly module`, {
    path: "FILE",
    expected: "a compiled .wasm",
  });
}

/** @throws EngineError VALIDATION_ERROR */
export function parseJson(text: string, option: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new EngineError("VALIDATION_ERROR", `${option}: expected JSON: ${why}`, {
      path: option,
      received: text.slice(0, 80),
    });
  }
}
