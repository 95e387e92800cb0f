/**
 * The types of the Ethereum contract ABI, as the Solidity documentation's "Contract ABI Specification" defines them:
 * address, uintN, intN, bool, string, bytes, bytesN, and arrays of these. Tuples and fixed-point numbers are refused.
 */
import { RejectedError } from "../errors.ts";

export type AbiType =
  | { readonly kind: "address" | "bool" | "string" | "bytes" }
  | { readonly kind: "uint" | "int"; readonly bits: number }
  | { readonly kind: "fixedBytes"; readonly size: number }
  | { readonly kind: "array"; readonly item: AbiType; readonly length: number | undefined };

export const WORD_BYTES = 32;

/** A type name is at most this long: `uint256[1024][1024]` is 19. */
const TYPE_CHARS_MAX = 64;
/** Real interfaces nest two or three deep; the codec recurses once a level. */
const ARRAY_DEPTH_MAX = 8;
/** What a static type may take in place. Bounds `T[1024][1024]…`, whose size is a product. */
const HEAD_BYTES_MAX = 64 * 1024;

/** @throws RejectedError VALIDATION_ERROR when `name` is no type of the ABI, or one of those that are not supported. */
export function parseAbiType(name: string, path = "type"): AbiType {
  const type = name.length <= TYPE_CHARS_MAX ? readType(name, 0) : undefined;
  if (type === undefined || abiHeadBytes(type) > HEAD_BYTES_MAX) {
    const expected = "an ABI type: address, bool, string, bytes, bytesN, uintN, intN, or an array of one";
    throw new RejectedError("VALIDATION_ERROR", `${path}: expected ${expected}, received ${name.slice(0, 80)}`, {
      path,
      expected,
      received: name.slice(0, 80),
    });
  }
  return type;
}

function readType(name: string, depth: number): AbiType | undefined {
  const array = /^(.+)\[([1-9][0-9]{0,4})?\]$/.exec(name);
  if (array !== null) {
    const item = depth < ARRAY_DEPTH_MAX ? readType(array[1]!, depth + 1) : undefined;
    return item && { kind: "array", item, length: array[2] === undefined ? undefined : Number(array[2]) };
  }
  if (name === "address" || name === "bool" || name === "string" || name === "bytes") return { kind: name };
  const sized = /^(uint|int|bytes)([1-9][0-9]{0,2})?$/.exec(name);
  if (sized === null) return undefined;
  const size = sized[2] === undefined ? 256 : Number(sized[2]);
  if (sized[1] === "bytes") return size <= WORD_BYTES ? { kind: "fixedBytes", size } : undefined;
  return size <= 256 && size % 8 === 0 ? { kind: sized[1] as "uint" | "int", bits: size } : undefined;
}

/** The canonical name, which is what selectors and topics hash: `uint` is `uint256`. */
export function abiTypeName(type: AbiType): string {
  switch (type.kind) {
    case "uint":
    case "int":
      return `${type.kind}${type.bits}`;
    case "fixedBytes":
      return `bytes${type.size}`;
    case "array":
      return `${abiTypeName(type.item)}[${type.length ?? ""}]`;
    default:
      return type.kind;
  }
}

/** True when the value stands in the tail, behind an offset. */
export function isDynamicAbiType(type: AbiType): boolean {
  if (type.kind === "array") return type.length === undefined || isDynamicAbiType(type.item);
  return type.kind === "string" || type.kind === "bytes";
}

/** Bytes that the type takes in the head: its value, or the offset of it. */
export function abiHeadBytes(type: AbiType): number {
  if (type.kind !== "array" || type.length === undefined || isDynamicAbiType(type)) return WORD_BYTES;
  return type.length * abiHeadBytes(type.item);
}
