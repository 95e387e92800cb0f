/** What every privacy contract is deployed with: the key that its values are encrypted under, and its owner. */
import { fromHex, parseAddress } from "../../encoding/hex.ts";
import { RejectedError } from "../../errors.ts";
import { refuse } from "./manifest.ts";

const KEY_ID_BYTES = 32;
const TEXT_MAX = 64;

/** @throws RejectedError VALIDATION_ERROR naming the key that is not known. */
export function requireKnownKeys(contract: Record<string, unknown>, known: readonly string[]): void {
  for (const key of Object.keys(contract))
    if (!known.includes(key)) refuse(`contract.${key.slice(0, 80)}`, `one of ${known.join(", ")}`, key);
}

export function keyOf(contract: Record<string, unknown>): { keyId: string; parameterSet: string } {
  const { keyId, parameterSet } = contract;
  if (typeof keyId !== "string" || fromHex(keyId)?.length !== KEY_ID_BYTES)
    return refuse("contract.keyId", "the id of an evaluation key: 0x and 64 hex digits", keyId);
  if (typeof parameterSet !== "string" || parameterSet === "" || parameterSet.length > TEXT_MAX)
    return refuse("contract.parameterSet", "the parameter set of the key", parameterSet);
  return { keyId: keyId.toLowerCase(), parameterSet };
}

/** Undefined when the deployment names none: then it is the sender. */
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
