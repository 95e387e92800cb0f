/** Which contracts a daemon runs: what the executor and the re-execution of `block verify` are both made with. */
import { BuiltinEngine } from "./engines/builtin/builtin-engine.ts";
import { PolytorusAbi } from "./engines/wasm/polytorus/polytorus-abi.ts";
import { WasmContractEngine } from "./engines/wasm/wasm-engine.ts";
import type { ContractEngine } from "./execution/host.ts";

export function contractEngines(): ContractEngine[] {
  return [new BuiltinEngine(), new WasmContractEngine({ abis: [new PolytorusAbi()] })];
}
