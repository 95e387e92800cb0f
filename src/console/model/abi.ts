/** A contract's entrypoints by its JSON ABI, and what people type for their arguments. */
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

/** What JSON-RPC takes for what was typed. @throws Error that says what was expected. */
export function argumentOf({ type }: Input, typed: string): unknown {
  if (type.endsWith("]")) return listOf(type, typed);
  const text = type === "string" ? typed : typed.trim();
  if (type === "bool") {
    if (text !== "true" && text !== "false") throw new Error("true or false is expected");
    return text === "true";
  }
  if (type === "address" && !/^(0x[0-9a-f]{40}|[a-z]+1[02-9ac-hj-np-z]{38})$/i.test(text))
    throw new Error("an address is expected: 0x and 40 hex digits");
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
    list = JSON.parse(typed);
  } catch {
    // Said below.
  }
  if (!Array.isArray(list)) throw new Error(`${type} is expected as a JSON array: ["…", "…"]`);
  return list;
}
