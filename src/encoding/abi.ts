/**
 * Descriptors of functions, events and errors after the Ethereum contract ABI, from human-readable signatures or JSON ABI.
 *   "function transfer(address to, uint256 value) returns (bool)" ──▶ AbiFunction ──▶ selector, calldata, result
 *   "event Transfer(address indexed from, address indexed to, uint256 value)" ──▶ AbiEvent ──▶ topic, arguments
 * Tuples are not supported and are refused (abi-types.ts).
 */

import { RejectedError } from "../errors.ts";
import { decodeParameters, encodeParameters } from "./abi-codec.ts";
import { type AbiType, abiTypeName, isDynamicAbiType, parseAbiType } from "./abi-types.ts";
import { equalBytes, readU32 } from "./bytes.ts";
import { toHex } from "./hex.ts";
import { signatureHash } from "./signature-hash.ts";

export const SELECTOR_BYTES = 4;
const SIGNATURE_CHARS_MAX = 4096;
const PARAMETERS_MAX = 255;
/** Three indexed parameters and the event's own topic: what a log holds on Ethereum. */
const INDEXED_MAX = 3;

/** Ethereum's JSON ABI: functions, events and errors. */
export type ContractAbi = readonly AbiItem[];

export interface AbiItem {
  type: "function" | "event" | "error" | "constructor";
  name?: string;
  stateMutability?: "view" | "pure" | "nonpayable" | "payable";
  inputs: AbiParameter[];
  outputs?: AbiParameter[];
}

export interface AbiParameter {
  name: string;
  type: string;
  indexed?: boolean;
}

export type StateMutability = NonNullable<AbiItem["stateMutability"]>;

export interface AbiInput {
  /** Empty when the signature names none. */
  readonly name: string;
  readonly type: AbiType;
  readonly indexed: boolean;
}

interface AbiDescriptor {
  readonly name: string;
  /** What is hashed: `transfer(address,uint256)`. */
  readonly signature: string;
  readonly inputs: readonly AbiInput[];
  readonly inputTypes: readonly AbiType[];
}

export interface AbiFunction extends AbiDescriptor {
  readonly kind: "function";
  /** The first 4 bytes of the signature's Keccak-256. */
  readonly selector: Uint8Array;
  readonly stateMutability: StateMutability;
  readonly outputs: readonly AbiInput[];
  readonly outputTypes: readonly AbiType[];
}

export interface AbiEvent extends AbiDescriptor {
  readonly kind: "event";
  /** The signature's Keccak-256. */
  readonly topic: Uint8Array;
}

export interface AbiError extends AbiDescriptor {
  readonly kind: "error";
  readonly selector: Uint8Array;
}

/** `function name(type name, …) [view|pure|payable] [returns (type name, …)]` @throws RejectedError VALIDATION_ERROR */
export function parseAbiFunction(text: string): AbiFunction {
  return abiFunctionOf(parseSignature(text, "function"));
}

/** `event name(type [indexed] name, …)` @throws RejectedError VALIDATION_ERROR */
export function parseAbiEvent(text: string): AbiEvent {
  return abiEventOf(parseSignature(text, "event"));
}

/** `error name(type name, …)` @throws RejectedError VALIDATION_ERROR */
export function parseAbiError(text: string): AbiError {
  return abiErrorOf(parseSignature(text, "error"));
}

function refuse(path: string, expected: string, received: string): never {
  const shown = received.slice(0, 80);
  throw new RejectedError("VALIDATION_ERROR", `${path}: expected ${expected}, received ${shown}`, {
    path,
    expected,
    received: shown,
  });
}

const SIGNATURE = /^(\w+) +([A-Za-z_$][\w$]*) *\(([^()]*)\)((?: +[a-z]+)*?)(?: *returns *\(([^()]*)\))?$/;
const MUTABILITIES: readonly string[] = ["view", "pure", "nonpayable", "payable"];
const VISIBILITIES: readonly string[] = ["external", "public"];

function parseSignature(text: string, type: AbiItem["type"]): AbiItem {
  const match = text.length <= SIGNATURE_CHARS_MAX ? SIGNATURE.exec(text.trim()) : null;
  if (match === null || match[1] !== type) return refuse("signature", `${type} name(type name, …)`, text);
  const item: AbiItem = { type, name: match[2]!, inputs: parseParameters(match[3]!) };
  const words = match[4]!.split(" ").filter((word) => word !== "" && !VISIBILITIES.includes(word));
  if (type !== "function") {
    if (words.length > 0 || match[5] !== undefined) return refuse("signature", `nothing after the parameters`, text);
    return item;
  }
  if (words.length > 1 || words.some((word) => !MUTABILITIES.includes(word))) {
    return refuse("signature", "at most one of view, pure, payable", words.join(" "));
  }
  item.stateMutability = (words[0] as StateMutability | undefined) ?? "nonpayable";
  item.outputs = parseParameters(match[5] ?? "");
  return item;
}

function parseParameters(list: string): AbiParameter[] {
  if (list.trim() === "") return [];
  return list.split(",").map((part) => {
    const [type, ...rest] = part.trim().split(/ +/);
    const words = rest.filter((word) => word !== "memory" && word !== "calldata");
    const indexed = words[0] === "indexed";
    const name = words[indexed ? 1 : 0] ?? "";
    if (words.length > (indexed ? 2 : 1)) return refuse("signature", "a type and a name", part);
    return indexed ? { name, type: type!, indexed } : { name, type: type! };
  });
}

/** @throws RejectedError VALIDATION_ERROR for types that are not supported, and items without name or inputs. */
export function abiFunctionOf(item: AbiItem): AbiFunction {
  const { hash, ...descriptor } = describe(item, "function");
  const outputs = fromParameters(item.outputs ?? [], `${descriptor.name}.outputs`);
  return {
    kind: "function",
    ...descriptor,
    selector: hash.slice(0, SELECTOR_BYTES),
    stateMutability: item.stateMutability ?? "nonpayable",
    outputs,
    outputTypes: outputs.map(({ type }) => type),
  };
}

/** @throws RejectedError VALIDATION_ERROR, also for more than three indexed parameters. */
export function abiEventOf(item: AbiItem): AbiEvent {
  const { hash, ...descriptor } = describe(item, "event");
  if (descriptor.inputs.filter(({ indexed }) => indexed).length > INDEXED_MAX) {
    refuse(`${descriptor.name}.inputs`, `at most ${INDEXED_MAX} indexed parameters`, descriptor.signature);
  }
  return { kind: "event", ...descriptor, topic: hash };
}

/** @throws RejectedError VALIDATION_ERROR */
export function abiErrorOf(item: AbiItem): AbiError {
  const { hash, ...descriptor } = describe(item, "error");
  return { kind: "error", ...descriptor, selector: hash.slice(0, SELECTOR_BYTES) };
}

function describe(item: AbiItem, type: AbiItem["type"]): AbiDescriptor & { hash: Uint8Array } {
  const { name } = item;
  if (item.type !== type) refuse("type", type, String(item.type));
  if (typeof name !== "string" || name === "") return refuse("name", `the name of the ${type}`, String(name));
  const inputs = fromParameters(item.inputs, `${name}.inputs`);
  const inputTypes = inputs.map((input) => input.type);
  const signature = `${name}(${inputTypes.map(abiTypeName).join(",")})`;
  return { name, signature, inputs, inputTypes, hash: signatureHash(signature) };
}

function fromParameters(parameters: readonly AbiParameter[], path: string): AbiInput[] {
  if (!Array.isArray(parameters) || parameters.length > PARAMETERS_MAX) {
    return refuse(path, `an array of at most ${PARAMETERS_MAX} parameters`, String(parameters));
  }
  return parameters.map(({ name, type, indexed }, index) => {
    const at = `${path}[${index}]`;
    if (typeof type !== "string") return refuse(`${at}.type`, "the name of a type", String(type));
    return { name: String(name ?? ""), type: parseAbiType(type, `${at}.type`), indexed: indexed === true };
  });
}

/** The descriptor as Ethereum's JSON ABI has it. */
export function toAbiItem(descriptor: AbiFunction | AbiEvent | AbiError): AbiItem {
  const isEvent = descriptor.kind === "event";
  const parameter = ({ name, type, indexed }: AbiInput): AbiParameter =>
    isEvent ? { name, type: abiTypeName(type), indexed } : { name, type: abiTypeName(type) };
  const item: AbiItem = { type: descriptor.kind, name: descriptor.name, inputs: descriptor.inputs.map(parameter) };
  if (descriptor.kind === "function") {
    item.stateMutability = descriptor.stateMutability;
    item.outputs = descriptor.outputs.map(parameter);
  }
  return item;
}

/** A selector as a signed number, its first byte the low one: V8 keeps it unboxed as the key of a Map. */
export function selectorKey(bytes: Uint8Array, at = 0): number {
  return readU32(bytes, at) | 0;
}

/** Calldata: the selector and the encoded arguments. @throws RejectedError as `encodeParameters`. */
export function encodeCall(fn: AbiFunction, args: readonly unknown[]): Uint8Array {
  return concat(fn.selector, encodeParameters(fn.inputTypes, args));
}

/** Revert data: the selector and the encoded arguments. */
export function encodeError(error: AbiError, args: readonly unknown[]): Uint8Array {
  return concat(error.selector, encodeParameters(error.inputTypes, args));
}

function concat(selector: Uint8Array, parameters: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(SELECTOR_BYTES + parameters.length);
  bytes.set(selector);
  bytes.set(parameters, SELECTOR_BYTES);
  return bytes;
}

/** The arguments of calldata or revert data whose selector is the descriptor's; undefined when they do not decode. */
export function decodeArguments(descriptor: AbiFunction | AbiError, data: Uint8Array): unknown[] | undefined {
  if (!equalBytes(data.subarray(0, SELECTOR_BYTES), descriptor.selector)) return undefined;
  return decodeParameters(descriptor.inputTypes, data, SELECTOR_BYTES);
}

/**
 * What a function returned, as JSON: nothing is null, one value stands alone, several make an array.
 * @returns undefined when the data does not decode.
 */
export function decodeResult(fn: AbiFunction, returnData: Uint8Array): unknown {
  const values = decodeParameters(fn.outputTypes, returnData);
  if (values === undefined || values.length > 1) return values;
  return values.length === 0 ? null : values[0];
}

/**
 * The arguments of a log in the order of the event's parameters. An indexed argument of dynamic type is its hash, as hex.
 * @returns undefined when topics or data are not those of the event.
 */
export function decodeLog(event: AbiEvent, topics: readonly Uint8Array[], data: Uint8Array): unknown[] | undefined {
  const indexed = event.inputs.filter((input) => input.indexed);
  if (topics.length !== indexed.length + 1 || !equalBytes(topics[0]!, event.topic)) return undefined;
  const plain = event.inputs.filter((input) => !input.indexed);
  const fromData = decodeParameters(
    plain.map(({ type }) => type),
    data,
  );
  const fromTopics = indexed.map(({ type }, index) => decodeTopic(type, topics[index + 1]!));
  if (fromData === undefined || fromTopics.includes(undefined)) return undefined;
  return event.inputs.map((input) => (input.indexed ? fromTopics.shift() : fromData.shift()));
}

function decodeTopic(type: AbiType, topic: Uint8Array): unknown {
  if (isDynamicAbiType(type) || type.kind === "array") return toHex(topic);
  return decodeParameters([type], topic)?.[0];
}

/** Values under the names of their parameters; under their position where a parameter has no name. */
export function namedArguments(inputs: readonly AbiInput[], values: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(inputs.map(({ name }, index) => [name === "" ? String(index) : name, values[index]]));
}
