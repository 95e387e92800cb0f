/**
 * A contract's ABI as a client is generated from it. It may come from a chain, where anyone writes it: what is no
 * identifier is refused, so that no name becomes code.
 */
import {
  type AbiError,
  type AbiEvent,
  type AbiFunction,
  type AbiInput,
  type AbiItem,
  abiErrorOf,
  abiEventOf,
  abiFunctionOf,
  type ContractAbi,
  toAbiItem,
} from "../../encoding/abi.ts";
import { abiTypeName, parseAbiType } from "../../encoding/abi-types.ts";
import { RejectedError } from "../../errors.ts";

const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]{0,127}$/;
const ITEMS_MAX = 1_000;

export interface ContractModel {
  /** Parameters of a deployment. */
  readonly deployment: readonly AbiInput[];
  readonly functions: readonly AbiFunction[];
  readonly events: readonly AbiEvent[];
  readonly errors: readonly AbiError[];
  /** The same ABI with nothing but what is known of each item. */
  readonly abi: ContractAbi;
}

/**
 * @param abi Ethereum's JSON ABI; items of other types (fallback, receive) are left out.
 * @throws RejectedError VALIDATION_ERROR naming the item.
 */
export function readContractModel(abi: unknown): ContractModel {
  if (!Array.isArray(abi) || abi.length > ITEMS_MAX)
    return refuse("abi", `an array of at most ${ITEMS_MAX} items`, abi);
  const items = abi as AbiItem[];
  const of = (type: string) => items.filter((item) => item?.type === type);
  const functions = of("function").map((item) => checked(abiFunctionOf(item)));
  const events = of("event").map((item) => checked(abiEventOf(item)));
  const errors = of("error").map((item) => checked(abiErrorOf(item)));
  const [constructorItem] = of("constructor");
  const deployment = constructorItem === undefined ? [] : deploymentOf(constructorItem);
  return {
    deployment,
    functions,
    events,
    errors,
    abi: [...functions, ...events, ...errors].map(toAbiItem),
  };
}

function deploymentOf({ inputs }: AbiItem): AbiInput[] {
  if (!Array.isArray(inputs)) return refuse("constructor.inputs", "an array", inputs);
  return inputs.map((input, index) => {
    const at = `constructor.inputs[${index}]`;
    const type = typeof input?.type === "string" ? input.type : refuse(`${at}.type`, "the name of a type", input?.type);
    return checkedInput({ name: String(input.name ?? ""), type: parseAbiType(type, at), indexed: false }, at);
  });
}

function checked<D extends AbiFunction | AbiEvent | AbiError>(descriptor: D): D {
  const { name, inputs } = descriptor;
  if (!IDENTIFIER.test(name)) refuse(`${descriptor.kind} name`, "an identifier", name);
  const outputs = descriptor.kind === "function" ? descriptor.outputs : [];
  for (const input of [...inputs, ...outputs]) checkedInput(input, `${name}.${abiTypeName(input.type)}`);
  return descriptor;
}

function checkedInput(input: AbiInput, path: string): AbiInput {
  if (input.name !== "" && !IDENTIFIER.test(input.name)) refuse(`${path} name`, "an identifier", input.name);
  return input;
}

function refuse(path: string, expected: string, value: unknown): never {
  const received = (typeof value === "string" ? JSON.stringify(value) : typeof value).slice(0, 80);
  throw new RejectedError("VALIDATION_ERROR", `${path}: expected ${expected}, received ${received}`, {
    path,
    expected,
    received,
  });
}
