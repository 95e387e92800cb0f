/** A contract as contracts/build.mjs leaves it: compiled when its build is missing or older than its sources. */
import { readFileSync } from "node:fs";
import type { ContractAbi } from "../../../src/encoding/abi.ts";
import { buildContract } from "../../build.mjs";

export interface Artifact {
  readonly name: string;
  readonly code: Uint8Array<ArrayBuffer>;
  readonly abi: ContractAbi;
}

/** @param contract a name in contracts/, or the path of a contract's folder. */
export async function loadArtifact(contract: string): Promise<Artifact> {
  const paths = await buildContract(contract);
  return {
    name: paths.name,
    code: Uint8Array.from(readFileSync(paths.wasm)),
    abi: JSON.parse(readFileSync(paths.abi, "utf8")) as ContractAbi,
  };
}
