/** Value types of WebAssembly as the engine admits them: the four numbers. */
import { ModuleRejected } from "./module-rejected.ts";

export type ValueType = "i32" | "i64" | "f32" | "f64";

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
/** A block without results. */
export const EMPTY = 0x40;

const NAMES: Readonly<Record<number, ValueType>> = { [I32]: "i32", [I64]: "i64", [F32]: "f32", [F64]: "f64" };
const BYTES: Readonly<Record<ValueType, number>> = { i32: I32, i64: I64, f32: F32, f64: F64 };

export function byteOf(type: ValueType): number {
  return BYTES[type];
}

/** @throws ModuleRejected for references, vectors and whatever comes later. */
export function valueType(byte: number, offset: number): ValueType {
  const type = NAMES[byte];
  if (type !== undefined) return type;
  throw new ModuleRejected(
    "type-not-allowed",
    offset,
    `expected i32, i64, f32 or f64, received the type byte 0x${byte.toString(16).padStart(2, "0")}`,
    { byte },
  );
}

export function isSameType(a: FunctionType, b: FunctionType): boolean {
  return describeType(a) === describeType(b);
}

/** "(i32, i64) -> i32" */
export function describeType(type: FunctionType): string {
  return `(${type.params.join(", ")}) -> ${type.results.length === 1 ? type.results[0] : `(${type.results.join(", ")})`}`;
}
