/**
 * Values of the specification's test scripts as bits, and adapters that pass bits through JavaScript: a NaN that crosses as a
 * number may come out as another.
 */
import { ModuleWriter } from "../../src/engines/wasm/module/module-writer.ts";
import type { FunctionType, ValueType } from "../../src/engines/wasm/module/wasm-types.ts";
import type { List } from "./wasm-script.ts";

/** Bits of a value, or which NaNs are accepted. */
export interface Expected {
  readonly type: ValueType;
  readonly bits: bigint | "nan:canonical" | "nan:arithmetic";
}

const scratch = new DataView(new ArrayBuffer(8));

/** Reads (i32.const 1), (f64.const nan:0x4), …; undefined for references and vectors. */
export function parseConstant(list: List): Expected | undefined {
  const [head, literal] = list.items;
  if (head?.kind !== "atom" || literal?.kind !== "atom") return undefined;
  const type = /^(i32|i64|f32|f64)\.const$/.exec(head.text)?.[1] as ValueType | undefined;
  if (type === undefined) return undefined;
  const text = literal.text.replaceAll("_", "");
  if (text === "nan:canonical" || text === "nan:arithmetic") return { type, bits: text };
  return { type, bits: type[0] === "i" ? integerBits(text, type) : floatBits(text, type) };
}

function integerBits(text: string, type: ValueType): bigint {
  const magnitude = BigInt(text.replace(/^[+-]/, ""));
  return BigInt.asUintN(type === "i32" ? 32 : 64, text.startsWith("-") ? -magnitude : magnitude);
}

function floatBits(text: string, type: ValueType): bigint {
  const sign = text.startsWith("-") ? 1n : 0n;
  const body = text.replace(/^[+-]/, "");
  const [fraction, width] = type === "f32" ? [23n, 32n] : [52n, 64n];
  const infinity = ((1n << (width - 1n - fraction)) - 1n) << fraction;
  const withSign = (bits: bigint) => bits | (sign << (width - 1n));
  if (body === "inf") return withSign(infinity);
  if (body === "nan") return withSign(infinity | (1n << (fraction - 1n)));
  if (body.startsWith("nan:")) return withSign(infinity | BigInt(body.slice(4)));
  return withSign(body.startsWith("0x") ? hexFloatBits(body, type) : decimalBits(body, type));
}

/** Number() rounds to the nearest double; where a float32 would be rounded twice, the vectors use hexadecimal. */
function decimalBits(body: string, type: ValueType): bigint {
  if (type === "f64") {
    scratch.setFloat64(0, Number(body));
    return scratch.getBigUint64(0);
  }
  scratch.setFloat32(0, Number(body));
  return BigInt(scratch.getUint32(0));
}

/** 0x1.8p3 exactly, to nearest, ties to even. */
function hexFloatBits(body: string, type: ValueType): bigint {
  const [, whole, part = "", exponentText = "0"] = /^0x([0-9a-f]*)\.?([0-9a-f]*)(?:p([+-]?\d+))?$/i.exec(body)!;
  let digits = BigInt(`0x${whole}${part}`);
  let exponent = Number(exponentText) - 4 * part.length;
  if (digits === 0n) return 0n;
  const [fraction, bias] = type === "f32" ? [23, 127] : [52, 1023];
  const length = digits.toString(2).length;
  const lowest = Math.max(exponent + length - 1 - fraction, 1 - bias - fraction);
  const shift = lowest - exponent;
  if (shift > 0) {
    const half = 1n << BigInt(shift - 1);
    const rest = digits & ((1n << BigInt(shift)) - 1n);
    digits >>= BigInt(shift);
    if (rest > half || (rest === half && (digits & 1n) === 1n)) digits += 1n;
  } else digits <<= BigInt(-shift);
  exponent = lowest;
  // The hidden bit adds one to the exponent field; a carry out of the fraction does so too.
  const field = BigInt(exponent + fraction + bias - 1);
  const isNormal = digits >> BigInt(fraction) !== 0n;
  return isNormal ? (field << BigInt(fraction)) + digits : digits;
}

export function isExpected(expected: Expected, bits: bigint): boolean {
  if (typeof expected.bits === "bigint") return expected.bits === bits;
  const [fraction, width] = expected.type === "f32" ? [23n, 32n] : [52n, 64n];
  const canonical = (((1n << (width - 1n - fraction)) - 1n) << fraction) | (1n << (fraction - 1n));
  const magnitude = bits & ((1n << (width - 1n)) - 1n);
  return expected.bits === "nan:canonical" ? magnitude === canonical : (magnitude & canonical) === canonical;
}

const asInteger = (type: ValueType): ValueType => (type === "f32" ? "i32" : type === "f64" ? "i64" : type);
const TO_FLOAT: Record<string, number> = { f32: 0xbe, f64: 0xbf };
const TO_INTEGER: Record<string, number> = { f32: 0xbc, f64: 0xbd };

/** A function that takes and returns bits as integers and calls `target`, which is of `type` with at most one result. */
export function integerAdapter(target: CallableFunction, type: FunctionType): CallableFunction {
  if (![...type.params, ...type.results].some((value) => value[0] === "f")) return target;
  const out = new ModuleWriter(512);
  const section = new ModuleWriter(512);
  const write = (id: number, fill: () => void) => {
    section.length = 0;
    fill();
    out.section(id, section);
  };
  out.raw(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  write(1, () => {
    section.u8(2);
    section.functionType(type);
    section.functionType({ params: type.params.map(asInteger), results: type.results.map(asInteger) });
  });
  write(2, () => section.raw(1, 1, 0x74, 1, 0x74, 0, 0));
  write(3, () => section.raw(1, 1));
  write(7, () => section.raw(1, 1, 0x61, 0, 1));
  const code = new ModuleWriter(512);
  code.u8(0);
  for (const [i, param] of type.params.entries()) {
    code.raw(0x20, i);
    if (TO_FLOAT[param] !== undefined) code.u8(TO_FLOAT[param]);
  }
  code.raw(0x10, 0);
  const [result] = type.results;
  if (result !== undefined && TO_INTEGER[result] !== undefined) code.u8(TO_INTEGER[result]);
  code.u8(0x0b);
  write(10, () => {
    section.u8(1);
    section.sized(code);
  });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(out.take()), {
    t: { t: target as (...values: unknown[]) => unknown },
  });
  return instance.exports["a"] as CallableFunction;
}
