/**
 * What an ERC-20 is deployed with. The descriptor is the contract's code: canonical JSON of what never changes, so that
 * tokens deployed alike share one code hash; supply, owner, pause and all the rest are state.
 */
import { canonicalJson } from "../../encoding/canonical-json.ts";
import { parseAddress } from "../../encoding/hex.ts";
import { EngineError, type ErrorCode, RejectedError } from "../../errors.ts";
import { nearestNames } from "./nearest-names.ts";

const REVISION = 1;
/** OpenZeppelin has no limit; a name is stored once under the code hash and answered by every `name()`. */
const TEXT_BYTES_MAX = 256;
const DECIMALS_MAX = 255;
const UINT256_LIMIT = 1n << 256n;
const KEYS: readonly string[] = [
  "type",
  "name",
  "symbol",
  "decimals",
  "initialSupply",
  "owner",
  "mintable",
  "burnable",
  "pausable",
  "cap",
];

export interface Erc20Descriptor {
  readonly name: string;
  readonly symbol: string;
  readonly decimals: number;
  readonly mintable: boolean;
  readonly burnable: boolean;
  readonly pausable: boolean;
  /** Undefined when the supply is bounded by uint256 only. */
  readonly cap: bigint | undefined;
}

/** What the constructor takes besides. */
export interface Erc20ConstructorArguments {
  readonly initialSupply: bigint;
  /** Undefined when the deployment names none: then it is the sender. */
  readonly owner: Uint8Array | undefined;
}

/**
 * @param contract the `contract` object of a deployment.
 * @throws RejectedError VALIDATION_ERROR, INVALID_AMOUNT or INVALID_ADDRESS with the path, `contract.decimals`.
 */
export function parseErc20Deployment(contract: Record<string, unknown>): Erc20Descriptor & Erc20ConstructorArguments {
  for (const key of Object.keys(contract)) if (!KEYS.includes(key)) refuseKey(key);
  return {
    name: requireText(contract, "name"),
    symbol: requireText(contract, "symbol"),
    decimals: requireDecimals(contract["decimals"]),
    mintable: getFlag(contract, "mintable"),
    burnable: getFlag(contract, "burnable"),
    pausable: getFlag(contract, "pausable"),
    cap: contract["cap"] === undefined ? undefined : requireAmount(contract, "cap"),
    initialSupply: requireAmount(contract, "initialSupply"),
    owner: contract["owner"] === undefined ? undefined : requireAddress(contract["owner"]),
  };
}

export function encodeErc20Code(descriptor: Erc20Descriptor): Uint8Array {
  const { name, symbol, decimals, mintable, burnable, pausable } = descriptor;
  const cap = descriptor.cap?.toString();
  const code = { type: "erc20", revision: REVISION, name, symbol, decimals, mintable, burnable, pausable, cap };
  return Buffer.from(canonicalJson(code), "utf8");
}

/** @param code what `encodeErc20Code` made. @throws EngineError FORMAT_UNSUPPORTED for another revision. */
export function decodeErc20Code(code: Uint8Array): Erc20Descriptor {
  const { type, revision, cap, ...rest } = JSON.parse(Buffer.from(code).toString("utf8"));
  if (type !== "erc20" || revision !== REVISION) {
    throw new EngineError("FORMAT_UNSUPPORTED", `code of type ${type}, revision ${revision} is unknown`, {
      type,
      revision,
    });
  }
  return { ...rest, cap: cap === undefined ? undefined : BigInt(cap) };
}

function refuse(code: ErrorCode, key: string, expected: string, value: unknown): never {
  const path = `contract.${key}`;
  const received = value === undefined ? "nothing" : (JSON.stringify(value)?.slice(0, 80) ?? typeof value);
  throw new RejectedError(code, `${path}: expected ${expected}, received ${received}`, { path, expected, received });
}

function refuseKey(key: string): never {
  const path = `contract.${key.slice(0, 80)}`;
  throw new RejectedError("VALIDATION_ERROR", `${path}: an erc20 has no such option`, {
    path,
    expected: KEYS,
    nearest: nearestNames(key, KEYS),
  });
}

function requireText(contract: Record<string, unknown>, key: string): string {
  const text = contract[key];
  const bytes = typeof text === "string" ? Buffer.from(text, "utf8") : undefined;
  // A lone surrogate becomes U+FFFD in UTF-8: the name answered would be another than the one signed.
  if (bytes === undefined || bytes.length > TEXT_BYTES_MAX || bytes.toString("utf8") !== text) {
    refuse("VALIDATION_ERROR", key, `a string of at most ${TEXT_BYTES_MAX} bytes of UTF-8`, text);
  }
  return bytes.toString("utf8");
}

function requireDecimals(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= DECIMALS_MAX) return value;
  return refuse("VALIDATION_ERROR", "decimals", `a whole number from 0 to ${DECIMALS_MAX}`, value);
}

function getFlag(contract: Record<string, unknown>, key: string): boolean {
  const value = contract[key];
  if (value === undefined || typeof value === "boolean") return value === true;
  return refuse("VALIDATION_ERROR", key, "true or false", value);
}

function requireAmount(contract: Record<string, unknown>, key: string): bigint {
  const value = contract[key];
  const isWhole = typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  const isDecimal = typeof value === "string" && /^(0|[1-9][0-9]{0,77})$/.test(value);
  const amount = isWhole || isDecimal ? BigInt(value) : UINT256_LIMIT;
  if (amount < UINT256_LIMIT) return amount;
  return refuse("INVALID_AMOUNT", key, "base units from 0 to 2^256-1, as a decimal string", value);
}

function requireAddress(value: unknown): Uint8Array {
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  return address ?? refuse("INVALID_ADDRESS", "owner", "an address: 0x and 40 hex digits", value);
}
