/**
 * A contract's interface in the polytorus ABI: Ethereum's JSON ABI, given with the deployment, or embedded by the SDK's
 * build as the custom section "polytorus.abi". It describes, it does not bind: the code decides what a call means.
 */
import {
  type AbiItem,
  type AbiParameter,
  abiErrorOf,
  abiEventOf,
  abiFunctionOf,
  toAbiItem,
} from "../../../encoding/abi.ts";
import { type AbiType, abiTypeName, parseAbiType } from "../../../encoding/abi-types.ts";
import { toHex } from "../../../encoding/hex.ts";
import { type ErrorCode, RejectedError } from "../../../errors.ts";
import type { ContractAbi } from "../../../execution/host.ts";
import type { InstrumentedModule } from "../module/instrument.ts";

export const ABI_SECTION = "polytorus.abi";
/** A large contract has some hundred entries of a few hundred bytes. */
const SECTION_BYTES_MAX = 256 * 1024;
const ITEMS_MAX = 1_000;
const CONSTRUCTOR_PARAMETERS_MAX = 255;

/** The interface as it is kept: known members only, types by their canonical names. @throws RejectedError */
export function admitInterface(contract: Record<string, unknown>, module: InstrumentedModule): ContractAbi {
  if (contract["abi"] !== undefined) return admitItems(contract["abi"], "contract.abi");
  const section = module.customSections.find(({ name }) => name === ABI_SECTION);
  if (section === undefined) return [];
  const path = `contract.code, section ${ABI_SECTION}`;
  if (section.bytes.length > SECTION_BYTES_MAX)
    refuse("CODE_REJECTED", path, `at most ${SECTION_BYTES_MAX} bytes`, section.bytes.length);
  let items: unknown;
  try {
    items = JSON.parse(Buffer.from(section.bytes).toString("utf8"));
  } catch {
    refuse("CODE_REJECTED", path, "JSON", "something else");
  }
  return admitItems(items, path);
}

function admitItems(items: unknown, path: string): ContractAbi {
  if (!Array.isArray(items) || items.length > ITEMS_MAX)
    return refuse("VALIDATION_ERROR", path, `an array of at most ${ITEMS_MAX} items`, items);
  const selectors = new Set<string>();
  return items.map((item, index) => {
    const at = `${path}[${index}]`;
    const admitted = admitItem(item, at);
    if (admitted.type === "constructor" || admitted.type === "function") {
      const key = admitted.type === "constructor" ? admitted.type : toHex(abiFunctionOf(admitted).selector);
      if (selectors.has(key))
        refuse("VALIDATION_ERROR", at, "another name or other parameters than an item before", key);
      selectors.add(key);
    }
    return admitted;
  });
}

function admitItem(item: unknown, path: string): AbiItem {
  const { type } = (item ?? {}) as AbiItem;
  try {
    switch (type) {
      case "function":
        return toAbiItem(abiFunctionOf(item as AbiItem));
      case "event":
        return toAbiItem(abiEventOf(item as AbiItem));
      case "error":
        return toAbiItem(abiErrorOf(item as AbiItem));
      case "constructor":
        return constructorItem(item as AbiItem);
      default:
        return refuse("VALIDATION_ERROR", `${path}.type`, "function, event, error or constructor", type);
    }
  } catch (problem) {
    if (!(problem instanceof RejectedError) || problem.facts["path"] === `${path}.type`) throw problem;
    const inner = `${path}.${String(problem.facts["path"])}`;
    throw new RejectedError("VALIDATION_ERROR", `${path}: ${problem.message}`, { ...problem.facts, path: inner });
  }
}

function constructorItem(item: AbiItem): AbiItem {
  const types = constructorTypes(item);
  const inputs = types.map(
    (type, index): AbiParameter => ({
      name: String(item.inputs[index]?.name ?? ""),
      type: abiTypeName(type),
    }),
  );
  return {
    type: "constructor",
    inputs,
    stateMutability: item.stateMutability === "payable" ? "payable" : "nonpayable",
  };
}

/** @throws RejectedError for types that are not supported. */
export function constructorTypes(item: AbiItem): AbiType[] {
  const { inputs } = item;
  if (!Array.isArray(inputs) || inputs.length > CONSTRUCTOR_PARAMETERS_MAX)
    return refuse("VALIDATION_ERROR", "inputs", `an array of at most ${CONSTRUCTOR_PARAMETERS_MAX} parameters`, inputs);
  return inputs.map((input: AbiParameter | null, index) => {
    const type: unknown = input?.type;
    if (typeof type !== "string")
      return refuse("VALIDATION_ERROR", `inputs[${index}].type`, "the name of a type", type);
    return parseAbiType(type, `inputs[${index}].type`);
  });
}

export function refuse(code: ErrorCode, path: string, expected: string, value: unknown): never {
  const received = (typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing")).slice(0, 80);
  throw new RejectedError(code, `${path}: expected ${expected}, received ${received}`, { path, expected, received });
}
