/** A contract's entrypoints by its JSON ABI, and what people type for their arguments. */
import { addressIn } from "../../client/addresses.ts";

export interface Input {
  readonly name: string;
  readonly type: string;
}

export interface Entrypoint {
  readonly name: string;
  readonly inputs: readonly Input[];
  readonly outputs: readonly Input[];
  readonly isView: boolean;
  readonly isPayable: boolean;
}

interface AbiEntry {
  readonly type?: unknown;
  readonly name?: unknown;
  readonly inputs?: unknown;
  readonly outputs?: unknown;
  readonly stateMutability?: unknown;
}

/** Items that are not understood are left out. */
export function entrypointsOf(abi: readonly unknown[]): Entrypoint[] {
  return (abi as readonly AbiEntry[]).flatMap((item) => {
    if (item?.type !== "function" || typeof item.name !== "string") return [];
    return [
      {
        name: item.name,
        inputs: parametersOf(item.inputs),
        outputs: parametersOf(item.outputs),
        isView: item.stateMutability === "view" || item.stateMutability === "pure",
        isPayable: item.stateMutability === "payable",
      },
    ];
  });
}

function parametersOf(list: unknown): Input[] {
  if (!Array.isArray(list)) return [];
  return list.map((item: { name?: unknown; type?: unknown }) => ({
    name: String(item.name ?? ""),
    type: String(item.type),
  }));
}

/** `transfer(address to, uint256 value) → bool` */
export function signatureOf({ inputs, outputs }: Entrypoint): string {
  const list = (parameters: readonly Input[]): string =>
    parameters.map(({ type, name }) => (name === "" ? type : `${type} ${name}`)).join(", ");
  return `(${list(inputs)})${outputs.length === 0 ? "" : ` → ${list(outputs)}`}`;
}

/** A line an item, as one reads them in a source: `event Transfer(address indexed from, …)`. */
export function declarationsOf(abi: readonly unknown[]): string[] {
  const list = (parameters: unknown): string =>
    parametersOf(parameters)
      .map(({ type, name }, at) => {
        const { indexed } = (parameters as { indexed?: unknown }[])[at]!;
        return [type, indexed === true ? "indexed" : "", name].filter((word) => word !== "").join(" ");
      })
      .join(", ");
  return (abi as readonly AbiEntry[]).map((item) => {
    const { type, name = "", inputs, outputs, stateMutability } = item;
    const mutability =
      typeof stateMutability === "string" && stateMutability !== "nonpayable" ? ` ${stateMutability}` : "";
    const returns = Array.isArray(outputs) && outputs.length > 0 ? ` returns (${list(outputs)})` : "";
    return `${type}${name === "" ? "" : ` ${name}`}(${list(inputs)})${mutability}${returns}`;
  });
}

/** Under the names that the contract gives them, where it has one such entrypoint; else as they stand. */
export function namedArguments(
  abi: readonly unknown[],
  entrypoint: string,
  args: readonly unknown[],
): Record<string, unknown> | unknown[] {
  const fitting = entrypointsOf(abi).filter(({ name, inputs }) => name === entrypoint && inputs.length === args.length);
  const names = fitting.length === 1 ? fitting[0]!.inputs.map(({ name }) => name) : [];
  const isNamed = names.length === new Set(names).size && !names.includes("");
  return isNamed && names.length > 0 ? Object.fromEntries(names.map((name, at) => [name, args[at]])) : [...args];
}

/** What JSON-RPC takes for what was typed. @throws Error that says what was expected. */
export function argumentOf({ type }: Input, typed: string): unknown {
  if (type.endsWith("]")) return listOf(type, typed);
  const text = type === "string" ? typed : typed.trim();
  if (type === "bool") {
    if (text !== "true" && text !== "false") throw new Error("true or false is expected");
    return text === "true";
  }
  if (type === "address") {
    const address = addressIn(text);
    if (address === undefined) throw new Error("an address is expected: 0x and 40 hex digits");
    // As it was typed: capital letters are a checksum, which the daemon looks at.
    return text.startsWith("0x") ? text : address;
  }
  if (/^u?int\d*$/.test(type)) {
    const digits = text.replaceAll(/[_,\s]/g, "");
    if (!/^-?\d+$/.test(digits)) throw new Error("a whole number in base units is expected");
    return digits;
  }
  if (/^bytes\d*$/.test(type) && !/^0x([0-9a-f]{2})*$/i.test(text))
    throw new Error("0x and an even number of hex digits are expected");
  return text;
}

function listOf(type: string, typed: string): unknown {
  let list: unknown;
  try {
    list = JSON.parse(/^u?int/.test(type) ? withQuotedNumbers(typed) : typed);
  } catch {
    // Said below.
  }
  if (!Array.isArray(list)) throw new Error(`${type} is expected as a JSON array: ["…", "…"]`);
  return list;
}

/** [1, "2"] → ["1", "2"]: as numbers of JavaScript they would lose digits. */
function withQuotedNumbers(json: string): string {
  return json.replaceAll(/"(?:[^"\\]|\\.)*"|-?\d+(?![\d.eE])/g, (token) =>
    token.startsWith('"') ? token : `"${token}"`,
  );
}
