/**
 * Contracts that a manifest describes: circuits, encrypted state, and entrypoints that apply the ones to the other.
 * Besides the manifest's, each has two entrypoints: `registerInput`, by which a ciphertext becomes one that contracts may
 * be called with on the owner's behalf, and `allowDecrypt`, by which whoever may decrypt a value lets another do so.
 */
import { type ContractAbi, toAbiItem } from "../../encoding/abi.ts";
import { fromHex, parseAddress } from "../../encoding/hex.ts";
import { RejectedError } from "../../errors.ts";
import type { CallInput, HostContext, Outcome } from "../../execution/host.ts";
import { CallTable } from "./call-values.ts";
import { EncryptedFrame } from "./encrypted-frame.ts";
import { EntrypointPlan } from "./entrypoint-plan.ts";
import { type Manifest, parseManifest, refuse } from "./manifest.ts";
import { placeCircuits } from "./placed-circuits.ts";
import type { AdmittedEntrypoint, PlacedCircuit, PrivacyContract, PrivacyProgram } from "./privacy-program.ts";
import { EmptyRefusal, PRIVACY_ERRORS, Refusal } from "./refusal.ts";
import { type PrivacyEntrypoint, STANDARD_ENTRYPOINTS } from "./standard-entrypoints.ts";

const KEYS: readonly string[] = ["type", "manifest", "keyId", "parameterSet", "owner"];
const REVISION = 1;
const KEY_ID_BYTES = 32;
const TEXT_MAX = 64;
const OWNER_KEY = Buffer.from("owner", "latin1");

export const circuitContract: PrivacyContract = {
  type: "privacy",
  admitDeploy(contract) {
    for (const key of Object.keys(contract))
      if (!KEYS.includes(key)) refuse(`contract.${key}`, `one of ${KEYS.join(", ")}`, key);
    const code = { type: "privacy", revision: REVISION, ...keyOf(contract), manifest: contract["manifest"] };
    parseOwner(contract);
    new CircuitProgram(code);
    return code;
  },
  compile: (code) => new CircuitProgram(code),
};

export function keyOf(contract: Record<string, unknown>): { keyId: string; parameterSet: string } {
  const { keyId, parameterSet } = contract;
  if (typeof keyId !== "string" || fromHex(keyId)?.length !== KEY_ID_BYTES)
    return refuse("contract.keyId", "the id of an evaluation key: 0x and 64 hex digits", keyId);
  if (typeof parameterSet !== "string" || parameterSet === "" || parameterSet.length > TEXT_MAX)
    return refuse("contract.parameterSet", "the parameter set of the key", parameterSet);
  return { keyId: keyId.toLowerCase(), parameterSet };
}

export function parseOwner(contract: Record<string, unknown>): Uint8Array | undefined {
  const { owner } = contract;
  if (owner === undefined) return undefined;
  const parsed = typeof owner === "string" ? parseAddress(owner) : undefined;
  if (parsed !== undefined) return parsed;
  throw new RejectedError("INVALID_ADDRESS", "contract.owner: expected an address", {
    path: "contract.owner",
    expected: "an address",
    received: owner,
  });
}

class CircuitProgram implements PrivacyProgram {
  readonly abi: ContractAbi;
  readonly keyId: Uint8Array;
  readonly parameterSet: string;
  readonly circuits: readonly PlacedCircuit[];
  readonly #table: CallTable<PrivacyEntrypoint>;

  constructor(code: Record<string, unknown>) {
    const manifest: Manifest = parseManifest(code["manifest"]);
    const { keyId, parameterSet } = keyOf(code);
    this.keyId = fromHex(keyId)!;
    this.parameterSet = parameterSet;
    this.circuits = placeCircuits(manifest.circuits);
    const plans = manifest.entrypoints.map((entrypoint) => new EntrypointPlan(entrypoint, manifest, this.circuits));
    const taken = plans.find(({ name }) => STANDARD_ENTRYPOINTS.some((standard) => standard.name === name));
    if (taken !== undefined)
      refuse(`contract.manifest.entrypoints.${taken.name}`, "a name that no standard entrypoint has", taken.name);
    this.#table = new CallTable<PrivacyEntrypoint>([...plans, ...STANDARD_ENTRYPOINTS]);
    this.abi = [...this.#table.functions, ...Object.values(PRIVACY_ERRORS)].map(toAbiItem);
  }

  deploy(host: HostContext, contract: Record<string, unknown>): Outcome {
    if (host.value !== 0n) throw new EmptyRefusal();
    host.set(OWNER_KEY, parseOwner(contract) ?? host.sender.slice());
    return { status: "success", returnData: new Uint8Array(0) };
  }

  admitCall(input: CallInput): AdmittedEntrypoint {
    return this.#table.admit(input);
  }

  execute(host: HostContext, codeHash: Uint8Array, input: CallInput): Outcome {
    const call = host.value === 0n ? this.#table.read(input) : undefined;
    if (call === undefined) throw new EmptyRefusal();
    const owner = host.get(OWNER_KEY)!;
    if (call.entry.isOwnerOnly && Buffer.compare(owner, host.caller) !== 0)
      throw new Refusal(PRIVACY_ERRORS.CallerNotAllowed, [host.caller]);
    const frame = new EncryptedFrame(host, { keyId: this.keyId, codeHash }, input.form);
    const handles = call.entry.run(frame, owner, call.values);
    frame.close();
    return { status: "success", returnData: Buffer.concat(handles) };
  }
}
