/**
 * A genesis file: what a chain starts with. JSON, for instance
 *   { "chainId": 1337,
 *     "parameters": { "transactionGasMax": "1000000000000", "codeBytesMax": "2 MiB" },
 *     "balances": { "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266": "1000000000000000000" } }
 * Every member may be left out. Parameters are those of execution/parameters.ts; what is not given keeps its default.
 */
import { readFileSync } from "node:fs";
import { parseAddress, toHex } from "../encoding/hex.ts";
import { nearest } from "./nearest.ts";
import { type ConfigProblem, ConfigurationError } from "./problem.ts";
import { parseBytes, parseWholeNumber } from "./quantity.ts";

export interface Genesis {
  readonly chainId: number | undefined;
  readonly parameters: GenesisParameters;
  /** In byte order of their addresses. */
  readonly balances: readonly { readonly address: Uint8Array; readonly balance: bigint }[];
}

export interface GenesisParameters {
  readonly protocolVersion?: number;
  readonly transactionGasMax?: number;
  readonly blockGasMax?: number;
  readonly callDepthMax?: number;
  readonly stateKeyBytesMax?: number;
  readonly stateValueBytesMax?: number;
  readonly codeBytesMax?: number;
  readonly logsMax?: number;
  readonly addressPrefix?: string;
  readonly denom?: string;
}

/** Inclusive ranges. The least that a transaction can cost bounds gas below; one journal entry bounds sizes above. */
const PARAMETER_RANGES: Record<string, { from: number; to: number; isBytes?: true }> = {
  protocolVersion: { from: 1, to: 1 },
  transactionGasMax: { from: 21_000, to: Number.MAX_SAFE_INTEGER },
  blockGasMax: { from: 21_000, to: Number.MAX_SAFE_INTEGER },
  callDepthMax: { from: 1, to: 64 },
  stateKeyBytesMax: { from: 64, to: 64 * 1024, isBytes: true },
  stateValueBytesMax: { from: 64, to: 16 * 1024 * 1024, isBytes: true },
  codeBytesMax: { from: 1_024, to: 16 * 1024 * 1024, isBytes: true },
  logsMax: { from: 1, to: 1_048_576 },
};

/** An address of 20 bytes has 39 characters behind its prefix, and Bech32 ends at 90; a denomination is as in the Cosmos SDK. */
const PARAMETER_TEXTS: Record<string, { pattern: RegExp; expected: string }> = {
  addressPrefix: {
    pattern: /^[a-z][a-z0-9]{0,31}$/,
    expected: "1 to 32 lower-case letters and digits, a letter first",
  },
  denom: {
    pattern: /^[a-zA-Z][a-zA-Z0-9/:._-]{2,127}$/,
    expected: "3 to 128 letters, digits and /:._-, a letter first",
  },
};

const MEMBERS = ["chainId", "parameters", "balances"];
const UINT256_LIMIT = 1n << 256n;

/** @throws ConfigurationError naming every problem. */
export function readGenesis(path: string): Genesis {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (problem) {
    throw new ConfigurationError([{ key: "chain.genesis", origin: path, message: (problem as Error).message }]);
  }
  return parseGenesis(json, path);
}

/** @param origin where the JSON came from, for what is wrong with it. @throws ConfigurationError naming every problem. */
export function parseGenesis(json: unknown, origin: string): Genesis {
  const problems: ConfigProblem[] = [];
  const report = (key: string, message: string): void => void problems.push({ key, origin, message });
  const members = asObject(json, "genesis", report);
  for (const name of Object.keys(members)) if (!MEMBERS.includes(name)) report(name, unknown(name, MEMBERS));
  const chainId =
    members["chainId"] === undefined
      ? undefined
      : wholeNumber(members["chainId"], "chainId", { from: 1, to: Number.MAX_SAFE_INTEGER }, report);
  const parameters = parseParameters(asObject(members["parameters"] ?? {}, "parameters", report), report);
  const balances = parseBalances(asObject(members["balances"] ?? {}, "balances", report), report);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { chainId, parameters, balances };
}

type Report = (key: string, message: string) => void;

function parseParameters(members: Record<string, unknown>, report: Report): GenesisParameters {
  const parameters: Record<string, number | string> = {};
  for (const [name, value] of Object.entries(members)) {
    const key = `parameters.${name}`;
    const range = Object.hasOwn(PARAMETER_RANGES, name) ? PARAMETER_RANGES[name] : undefined;
    const text = Object.hasOwn(PARAMETER_TEXTS, name) ? PARAMETER_TEXTS[name] : undefined;
    if (range !== undefined) parameters[name] = wholeNumber(value, key, range, report);
    else if (text === undefined)
      report(key, unknown(name, [...Object.keys(PARAMETER_RANGES), ...Object.keys(PARAMETER_TEXTS)]));
    else if (typeof value === "string" && text.pattern.test(value)) parameters[name] = value;
    else report(key, `expected ${text.expected}, received ${JSON.stringify(value)}`);
  }
  return parameters;
}

function parseBalances(members: Record<string, unknown>, report: Report): Genesis["balances"] {
  const balances = new Map<string, { address: Uint8Array; balance: bigint }>();
  let total = 0n;
  for (const [text, amount] of Object.entries(members)) {
    const key = `balances.${text}`;
    const address = parseAddress(text);
    if (address === undefined) {
      report(key, "is no address: 0x and 40 hex digits, in lower case or with a right EIP-55 checksum");
      continue;
    }
    const digits = typeof amount === "number" && Number.isSafeInteger(amount) ? String(amount) : amount;
    if (typeof digits !== "string" || !/^(0|[1-9]\d{0,77})$/.test(digits)) {
      report(key, `expected an amount in base units as a decimal string, received ${JSON.stringify(amount)}`);
      continue;
    }
    if (balances.has(toHex(address))) report(key, "stands twice");
    balances.set(toHex(address), { address, balance: BigInt(digits) });
    total += BigInt(digits);
  }
  if (total >= UINT256_LIMIT) report("balances", "add up to 2^256 or more");
  return [...balances].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}

function wholeNumber(
  value: unknown,
  key: string,
  range: { from: number; to: number; isBytes?: true },
  report: Report,
): number {
  const parse = range.isBytes ? parseBytes : parseWholeNumber;
  const parsed = typeof value === "number" || typeof value === "string" ? parse(value) : undefined;
  if (parsed !== undefined && Number.isSafeInteger(parsed) && parsed >= range.from && parsed <= range.to) return parsed;
  report(key, `expected a whole number from ${range.from} to ${range.to}, received ${JSON.stringify(value)}`);
  return range.from;
}

function asObject(value: unknown, key: string, report: Report): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  report(key, `expected a JSON object, received ${JSON.stringify(value)}`);
  return {};
}

function unknown(name: string, known: readonly string[]): string {
  const suggestion = nearest(name, known);
  return suggestion === undefined ? "is not known here" : `is not known here; did you mean ${suggestion}?`;
}
