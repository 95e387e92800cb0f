/**
 * The code of a WebAssembly contract, as it is stored under its hash: the module as its author compiled it, and
 * everything that decides what running it means.
 *
 *     0  4    "ptw1"
 *     4  u8   version of the metering: the same module under another version may use other gas
 *     5  u8   ABI: 1 polytorus · 2 cosmwasm · 3 wasi
 *     6  u32  length of the interface
 *    10  …    interface: canonical JSON of the contract's ABI, or nothing; then the module
 */
import { readU32, writeU32 } from "../../encoding/bytes.ts";
import { canonicalJson } from "../../encoding/canonical-json.ts";
import { EngineError } from "../../errors.ts";
import type { ContractAbi } from "../../execution/host.ts";

const MAGIC = Buffer.from("ptw1", "latin1");
const HEADER_BYTES = 10;

export interface CodeContainer {
  readonly meteringVersion: number;
  readonly abiId: number;
  readonly abi: ContractAbi;
  /** In place. */
  readonly module: Uint8Array;
}

export function encodeCodeContainer({ meteringVersion, abiId, abi, module }: CodeContainer): Uint8Array<ArrayBuffer> {
  const text = abi.length === 0 ? Buffer.alloc(0) : Buffer.from(canonicalJson(abi), "utf8");
  const bytes = new Uint8Array(HEADER_BYTES + text.length + module.length);
  bytes.set(MAGIC);
  bytes[4] = meteringVersion;
  bytes[5] = abiId;
  writeU32(bytes, 6, text.length);
  bytes.set(text, HEADER_BYTES);
  bytes.set(module, HEADER_BYTES + text.length);
  return bytes;
}

/** Whether the code is a WebAssembly contract's. */
export function isCodeContainer(code: Uint8Array): boolean {
  return code.length >= HEADER_BYTES && MAGIC.every((byte, index) => code[index] === byte);
}

/** @throws EngineError INTERNAL_ERROR: only admitted code is stored. */
export function decodeCodeContainer(code: Uint8Array): CodeContainer {
  const moduleAt = HEADER_BYTES + (isCodeContainer(code) ? readU32(code, 6) : 0);
  if (!isCodeContainer(code) || moduleAt > code.length)
    throw new EngineError(
      "INTERNAL_ERROR",
      `expected the code of a WebAssembly contract, received ${code.length} bytes`,
    );
  const text = Buffer.from(code.buffer, code.byteOffset + HEADER_BYTES, moduleAt - HEADER_BYTES).toString("utf8");
  return {
    meteringVersion: code[4]!,
    abiId: code[5]!,
    abi: text === "" ? [] : (JSON.parse(text) as ContractAbi),
    module: code.subarray(moduleAt),
  };
}
