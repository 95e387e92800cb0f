/** Names and types of TypeScript for those of an ABI. */
import { NUMBER_BITS_MAX } from "../../client/contract-client.ts";
import type { AbiFunction, AbiInput } from "../../encoding/abi.ts";
import { type AbiType, abiTypeName, isDynamicAbiType } from "../../encoding/abi-types.ts";

/** May not name a parameter in a module (ECMA-262, reserved words and those of strict mode), or is in use there. */
const RESERVED = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends false " +
    "finally for function if implements import in instanceof interface let new null package private protected public " +
    "return static super switch this throw true try typeof undefined var void while with yield options client code init"
  ).split(" "),
);

/** Members of the class that clients extend, and of every object. */
const TAKEN_MEMBERS = new Set([
  "address",
  "eventsOf",
  "errorOf",
  "queryContract",
  "sendTransaction",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "then",
]);

/** What an argument may be: numbers also for wide types, as far as they are safe integers. */
export function argumentType(type: AbiType): string {
  if (type.kind === "array") return `readonly ${wrapped(argumentType(type.item))}[]`;
  return type.kind === "uint" || type.kind === "int" ? "bigint | number" : resultType(type);
}

/** What a result is. */
export function resultType(type: AbiType): string {
  switch (type.kind) {
    case "array":
      return `${wrapped(resultType(type.item))}[]`;
    case "bool":
      return "boolean";
    case "uint":
    case "int":
      return type.bits <= NUMBER_BITS_MAX ? "number" : "bigint";
    default:
      return "string";
  }
}

function wrapped(type: string): string {
  return /[ |]/.test(type) ? `(${type})` : type;
}

/** What an event's argument is: an indexed one of dynamic type or an array is its hash. */
export function eventArgumentType({ type, indexed }: AbiInput): string {
  return indexed && (isDynamicAbiType(type) || type.kind === "array") ? "string" : resultType(type);
}

/** What a function answers: nothing, a value, or a tuple, labelled where all parts have names. */
export function answerType({ outputs }: AbiFunction): string {
  if (outputs.length === 0) return "undefined";
  if (outputs.length === 1) return resultType(outputs[0]!.type);
  const isNamed = outputs.every(({ name }) => name !== "");
  return `[${outputs.map(({ name, type }) => (isNamed ? `${name}: ${resultType(type)}` : resultType(type))).join(", ")}]`;
}

/** Names of parameters: none twice, none reserved, none empty. */
export function parameterNames(inputs: readonly AbiInput[]): string[] {
  return distinctNames(inputs, RESERVED);
}

/** Names of an object's members: none twice, none empty. */
export function memberNames(inputs: readonly AbiInput[]): string[] {
  return distinctNames(inputs, new Set());
}

function distinctNames(inputs: readonly AbiInput[], reserved: ReadonlySet<string>): string[] {
  const used = new Set(reserved);
  return inputs.map(({ name }, index) => {
    let unique = name === "" ? `arg${index}` : name;
    while (used.has(unique)) unique += "_";
    used.add(unique);
    return unique;
  });
}

/** A method a function, by signature. Functions that share a name have their types in it. */
export function methodNames(functions: readonly AbiFunction[]): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  for (const { name } of functions) counts.set(name, (counts.get(name) ?? 0) + 1);
  const used = new Set<string>(TAKEN_MEMBERS);
  const names = new Map<string, string>();
  for (const fn of functions) {
    const types = fn.inputTypes.map((type) => abiTypeName(type).replace(/\W/g, "_")).join("_");
    let unique = counts.get(fn.name) === 1 ? fn.name : `${fn.name}_${types}`;
    while (used.has(unique)) unique += "_";
    used.add(unique);
    names.set(fn.signature, unique);
  }
  return names;
}

/** A class name: `my-token` is MyToken. Falls back to Contract. */
export function className(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const joined = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
  return joined === "" ? "Contract" : /^[0-9]/.test(joined) ? `Contract${joined}` : joined;
}
