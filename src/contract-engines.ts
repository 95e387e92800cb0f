/** Which contracts a daemon runs: what the executor and the re-execution of `block verify` are both made with. */
import { BuiltinEngine } from "./engines/builtin/builtin-engine.ts";
import { type HeldInputs, PrivacyContractEngine } from "./engines/privacy/privacy-engine.ts";
import { CosmWasmAbi } from "./engines/wasm/cosmwasm/cosmwasm-abi.ts";
import { PolytorusAbi } from "./engines/wasm/polytorus/polytorus-abi.ts";
import { WasiAbi } from "./engines/wasm/wasi/wasi-abi.ts";
import { WasmContractEngine, type WasmEngineOptions } from "./engines/wasm/wasm-engine.ts";
import type { ContractEngine } from "./execution/host.ts";
import type { ChainParameters } from "./execution/parameters.ts";

/**
 * @param wasm how WebAssembly is compiled and kept; left out: compiled by this thread, and not kept.
 * @param held the keys and ciphertexts that a transaction may name; left out where blocks are run again.
 */
export function contractEngines(
  { addressPrefix, denom }: ChainParameters,
  wasm: Omit<WasmEngineOptions, "abis"> = {},
  held?: HeldInputs,
): ContractEngine[] {
  const abis = [new PolytorusAbi(), new CosmWasmAbi({ addressPrefix, denom }), new WasiAbi()];
  return [new BuiltinEngine(), new WasmContractEngine({ ...wasm, abis }), new PrivacyContractEngine(held)];
}
