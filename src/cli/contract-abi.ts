/** Checks a call's arguments against the contract's ABI before anything is sent, and names types for help. */
import { nearest } from "../config/nearest.ts";
import { parseAddress } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";

interface Parameter {
  readonly name: string;
  readonly type: string;
}

export interface AbiFunctionItem {
  readonly name: string;
  readonly inputs: readonly Parameter[];
  readonly outputs: readonly Parameter[];
  readonly isView: boolean;
}

const UINT256_LIMIT = 1n << 256n;

/** The functions of an ABI in Ethereum's JSON form; entries that are malformed are left out. */
export function functionsOf(abi: readonly unknown[]): AbiFunctionItem[] {
  return abi.flatMap((item) => {
    const entry = item as {
      type?: unknown;
      name?: unknown;
      inputs?: unknown;
      outputs?: unknown;
      stateMutability?: unknown;
    };
    if (entry.type !== "function" || typeof entry.name !== "string") return [];
    const isView = entry.stateMutability === "view" || entry.stateMutability === "pure";
    return [{ name: entry.name, inputs: parametersOf(entry.inputs), outputs: parametersOf(entry.outputs), isView }];
  });
}

function parametersOf(list: unknown): Parameter[] {
  if (!Array.isArray(list)) return [];
  return list.map((item: { name?: unknown; type?: unknown }) => ({
    name: String(item.name ?? ""),
    type: String(item.type),
  }));
}

/** `transfer(address to, uint256 value) → bool`. */
export function signatureOf(item: AbiFunctionItem): string {
  const list = (parameters: readonly Parameter[]): string =>
    parameters.map(({ type, name }) => (name === "" ? type : `${type} ${name}`)).join(", ");
  return `${item.name}(${list(item.inputs)})${item.outputs.length === 0 ? "" : ` → ${list(item.outputs)}`}`;
}

/**
 * The arguments as JSON-RPC takes them. @throws EngineError UNKNOWN_ENTRYPOINT with the nearest name, or
 * VALIDATION_ERROR naming the argument. A contract without an ABI takes what it is given.
 */
export function checkedArguments(abi: readonly unknown[], entrypoint: string, args: readonly string[]): unknown[] {
  const functions = functionsOf(abi);
  if (functions.length === 0) return [...args];
  const named = functions.filter(({ name }) => name === entrypoint);
  if (named.length === 0) {
    const suggestion = nearest(
      entrypoint,
      functions.map(({ name }) => name),
    );
    const names = functions.map(({ name }) => name).join(", ");
    const message = suggestion === undefined ? `it has ${names}` : `did you mean ${suggestion}?`;
    throw new EngineError("UNKNOWN_ENTRYPOINT", `the contract has no entrypoint ${entrypoint}; ${message}`, {
      entrypoint,
      suggestion: suggestion ?? null,
    });
  }
  const item = named.find(({ inputs }) => inputs.length === args.length);
  if (item === undefined) {
    const expected = named.map(signatureOf).join(" or ");
    throw new EngineError(
      "VALIDATION_ERROR",
      `${expected} takes ${named[0]!.inputs.length} arguments, received ${args.length}`,
      {
        path: "args",
        expected,
        received: args.length,
      },
    );
  }
  return args.map((text, i) => checkedArgument(item, i, text));
}

function checkedArgument(item: AbiFunctionItem, index: number, text: string): unknown {
  const { name, type } = item.inputs[index]!;
  const expected = mismatch(type, text);
  if (expected !== undefined) {
    const label = name === "" ? `argument ${index + 1}` : name;
    throw new EngineError(
      "VALIDATION_ERROR",
      `${label} of ${signatureOf(item)}: expected ${expected}, received ${JSON.stringify(text)}`,
      {
        path: `args[${index}]`,
        expected,
        received: text,
      },
    );
  }
  return type === "bool" ? text === "true" : text;
}

/** What the type expects when `text` is not it; the daemon checks ranges and the types that are not named here. */
function mismatch(type: string, text: string): string | undefined {
  if (type === "address")
    return parseAddress(text) === undefined
      ? "an address (0x and 40 hex digits; mixed case needs a right checksum)"
      : undefined;
  if (type === "bool") return text === "true" || text === "false" ? undefined : "true or false";
  if (/^uint\d*$/.test(type)) {
    const isWhole = /^(0|[1-9]\d{0,77})$/.test(text) && BigInt(text) < UINT256_LIMIT;
    return isWhole ? undefined : "a whole number in decimal (base units)";
  }
  if (/^bytes\d*$/.test(type))
    return /^0x(?:[0-9a-f]{2})*$/i.test(text) ? undefined : "0x and an even number of hex digits";
  return undefined;
}
