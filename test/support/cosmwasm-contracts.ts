/** Compiled CosmWasm contracts, as @oraichain/common-contracts-build ships them: cw-plus and cw-nfts, unchanged. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const FOLDER = join(
  dirname(createRequire(import.meta.url).resolve("@oraichain/common-contracts-build/package.json")),
  "data",
);

export type ContractName =
  | "cw1-whitelist"
  | "cw1-subkeys"
  | "cw20-base"
  | "cw3-fixed-multisig"
  | "cw3-flex-multisig"
  | "cw4-group"
  | "cw4-stake"
  | "cw721-base";

export function contractPath(name: ContractName): string {
  return join(FOLDER, `${name}.wasm`);
}

export function contractBytes(name: ContractName): Uint8Array {
  return new Uint8Array(readFileSync(contractPath(name)));
}
