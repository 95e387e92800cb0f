/**
 * Contracts that a manifest describes: circuits, encrypted state, and entrypoints that apply the ones to the other.
 * Besides the manifest's, each has two entrypoints: `registerInput`, by which a ciphertext becomes one that contracts may
 * be called with on the owner's behalf, and `allowDecrypt`, by which whoever may decrypt a value lets another do so.
 */
import { keyOf, parseOwner, requireKnownKeys } from "./deployment.ts";
import { EntrypointPlan } from "./entrypoint-plan.ts";
import { EntrypointProgram } from "./entrypoint-program.ts";
import { parseManifest, refuse } from "./manifest.ts";
import { placeCircuits } from "./placed-circuits.ts";
import type { PrivacyContract, PrivacyProgram } from "./privacy-program.ts";
import { STANDARD_ENTRYPOINTS } from "./standard-entrypoints.ts";

const KEYS: readonly string[] = ["type", "manifest", "keyId", "parameterSet", "owner"];
const REVISION = 1;

export const circuitContract: PrivacyContract = {
  type: "privacy",
  admitDeploy(contract) {
    requireKnownKeys(contract, KEYS);
    parseOwner(contract);
    const manifest = parseManifest(contract["manifest"]);
    // The name stands outside as well: it is what a list of contracts shows.
    const code = {
      type: "privacy",
      revision: REVISION,
      name: manifest.name,
      ...keyOf(contract),
      manifest: contract["manifest"],
    };
    compile(code);
    return code;
  },
  compile,
};

function compile(code: Record<string, unknown>): PrivacyProgram {
  const manifest = parseManifest(code["manifest"]);
  const circuits = placeCircuits(manifest.circuits);
  const plans = manifest.entrypoints.map((entrypoint) => new EntrypointPlan(entrypoint, manifest, circuits));
  const taken = plans.find(({ name }) => STANDARD_ENTRYPOINTS.some((standard) => standard.name === name));
  if (taken !== undefined)
    refuse(`contract.manifest.entrypoints.${taken.name}`, "a name that no standard entrypoint has", taken.name);
  return new EntrypointProgram(code, circuits, plans);
}
