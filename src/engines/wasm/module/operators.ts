/**
 * The operators that the engine admits, by opcode: immediates, effect on the operand stack, price, and whether floats take
 * part. Those of prefix 0xFC stand at 256 and up. What is not in the table is refused: SIMD, threads, exceptions, tail calls,
 * references, table writes, memory.init.
 */
import { GAS } from "./gas-schedule.ts";

/** What follows the opcode. */
export const Immediate = {
  none: 0,
  blockType: 1,
  label: 2,
  branchTable: 3,
  functionIndex: 4,
  callIndirect: 5,
  localIndex: 6,
  globalIndex: 7,
  memoryArgument: 8,
  i32: 9,
  i64: 10,
  f32: 11,
  f64: 12,
  selectTypes: 13,
  memoryIndex: 14,
  memoryIndexPair: 15,
  prefix: 16,
} as const;

/** The NaN that an operator makes has bits that the standard leaves open. */
export const Nan = { defined: 0, f32: 1, f64: 2 } as const;

export interface Operator {
  readonly name: string;
  readonly immediate: number;
  /** "ii>i": i, I, f, F for i32, i64, f32, f64. Those of variable effect are handled where they are read. */
  readonly effect: string;
  readonly gas: number;
  readonly usesFloats: boolean;
  readonly nan: number;
}

export const PREFIX = 0xfc;
const PREFIXED_AT = 256;
const OPERATORS = 288;

const table: (Operator | undefined)[] = new Array(OPERATORS).fill(undefined);

function define(code: number, name: string, effect: string, gas: number, immediate: number = Immediate.none): void {
  const isFloatResult = effect.endsWith(">f") || effect.endsWith(">F");
  const isComputed = /\.(add|sub|mul|div|min|max|sqrt|ceil|floor|trunc|nearest|demote_f64|promote_f32)$/.test(name);
  table[code] = {
    name,
    immediate,
    effect,
    gas,
    usesFloats: /f32|f64/.test(name),
    nan: isFloatResult && isComputed ? (effect.endsWith("f") ? Nan.f32 : Nan.f64) : Nan.defined,
  };
}

/** Consecutive opcodes of one effect. */
function sequence(first: number, effect: string, type: string, names: string, gas: number, immediate?: number): void {
  for (const [i, name] of names.split(" ").entries()) define(first + i, `${type}.${name}`, effect, gas, immediate);
}

const { structure, simple, memoryAccess, division, float, floatDivision, truncation, memoryOperation } = GAS;

define(0x00, "unreachable", ">", simple);
define(0x01, "nop", ">", structure);
define(0x02, "block", ">", structure, Immediate.blockType);
define(0x03, "loop", ">", structure, Immediate.blockType);
define(0x04, "if", "i>", simple, Immediate.blockType);
define(0x05, "else", ">", structure);
define(0x0b, "end", ">", structure);
define(0x0c, "br", ">", simple, Immediate.label);
define(0x0d, "br_if", "i>", simple, Immediate.label);
define(0x0e, "br_table", "i>", GAS.branchTable, Immediate.branchTable);
define(0x0f, "return", ">", simple);
define(0x10, "call", ">", GAS.call, Immediate.functionIndex);
define(0x11, "call_indirect", "i>", GAS.callIndirect, Immediate.callIndirect);
// The type of drop and select is open; their effect counts values only.
define(0x1a, "drop", "i>", simple);
define(0x1b, "select", "iii>i", simple);
define(0x1c, "select_t", "iii>i", simple, Immediate.selectTypes);
define(0x20, "local.get", ">i", simple, Immediate.localIndex);
define(0x21, "local.set", "i>", simple, Immediate.localIndex);
define(0x22, "local.tee", "i>i", simple, Immediate.localIndex);
define(0x23, "global.get", ">i", simple, Immediate.globalIndex);
define(0x24, "global.set", "i>", simple, Immediate.globalIndex);

define(0x28, "i32.load", "i>i", memoryAccess, Immediate.memoryArgument);
define(0x29, "i64.load", "i>I", memoryAccess, Immediate.memoryArgument);
define(0x2a, "f32.load", "i>f", memoryAccess, Immediate.memoryArgument);
define(0x2b, "f64.load", "i>F", memoryAccess, Immediate.memoryArgument);
sequence(0x2c, "i>i", "i32", "load8_s load8_u load16_s load16_u", memoryAccess, Immediate.memoryArgument);
sequence(
  0x30,
  "i>I",
  "i64",
  "load8_s load8_u load16_s load16_u load32_s load32_u",
  memoryAccess,
  Immediate.memoryArgument,
);
define(0x36, "i32.store", "ii>", memoryAccess, Immediate.memoryArgument);
define(0x37, "i64.store", "iI>", memoryAccess, Immediate.memoryArgument);
define(0x38, "f32.store", "if>", memoryAccess, Immediate.memoryArgument);
define(0x39, "f64.store", "iF>", memoryAccess, Immediate.memoryArgument);
sequence(0x3a, "ii>", "i32", "store8 store16", memoryAccess, Immediate.memoryArgument);
sequence(0x3c, "iI>", "i64", "store8 store16 store32", memoryAccess, Immediate.memoryArgument);
define(0x3f, "memory.size", ">i", simple, Immediate.memoryIndex);
define(0x40, "memory.grow", "i>i", memoryOperation, Immediate.memoryIndex);

define(0x41, "i32.const", ">i", simple, Immediate.i32);
define(0x42, "i64.const", ">I", simple, Immediate.i64);
define(0x43, "f32.const", ">f", simple, Immediate.f32);
define(0x44, "f64.const", ">F", simple, Immediate.f64);

sequence(0x45, "i>i", "i32", "eqz", simple);
sequence(0x46, "ii>i", "i32", "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u", simple);
sequence(0x50, "I>i", "i64", "eqz", simple);
sequence(0x51, "II>i", "i64", "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u", simple);
sequence(0x5b, "ff>i", "f32", "eq ne lt gt le ge", simple);
sequence(0x61, "FF>i", "f64", "eq ne lt gt le ge", simple);
sequence(0x67, "i>i", "i32", "clz ctz popcnt", simple);
sequence(0x6a, "ii>i", "i32", "add sub mul", simple);
sequence(0x6d, "ii>i", "i32", "div_s div_u rem_s rem_u", division);
sequence(0x71, "ii>i", "i32", "and or xor shl shr_s shr_u rotl rotr", simple);
sequence(0x79, "I>I", "i64", "clz ctz popcnt", simple);
sequence(0x7c, "II>I", "i64", "add sub mul", simple);
sequence(0x7f, "II>I", "i64", "div_s div_u rem_s rem_u", division);
sequence(0x83, "II>I", "i64", "and or xor shl shr_s shr_u rotl rotr", simple);
sequence(0x8b, "f>f", "f32", "abs neg", simple);
sequence(0x8d, "f>f", "f32", "ceil floor trunc nearest", float);
sequence(0x91, "f>f", "f32", "sqrt", floatDivision);
sequence(0x92, "ff>f", "f32", "add sub mul", float);
sequence(0x95, "ff>f", "f32", "div", floatDivision);
sequence(0x96, "ff>f", "f32", "min max", float);
sequence(0x98, "ff>f", "f32", "copysign", simple);
sequence(0x99, "F>F", "f64", "abs neg", simple);
sequence(0x9b, "F>F", "f64", "ceil floor trunc nearest", float);
sequence(0x9f, "F>F", "f64", "sqrt", floatDivision);
sequence(0xa0, "FF>F", "f64", "add sub mul", float);
sequence(0xa3, "FF>F", "f64", "div", floatDivision);
sequence(0xa4, "FF>F", "f64", "min max", float);
sequence(0xa6, "FF>F", "f64", "copysign", simple);
sequence(0xa7, "I>i", "i32", "wrap_i64", simple);
sequence(0xa8, "f>i", "i32", "trunc_f32_s trunc_f32_u", truncation);
sequence(0xaa, "F>i", "i32", "trunc_f64_s trunc_f64_u", truncation);
sequence(0xac, "i>I", "i64", "extend_i32_s extend_i32_u", simple);
sequence(0xae, "f>I", "i64", "trunc_f32_s trunc_f32_u", truncation);
sequence(0xb0, "F>I", "i64", "trunc_f64_s trunc_f64_u", truncation);
sequence(0xb2, "i>f", "f32", "convert_i32_s convert_i32_u", float);
sequence(0xb4, "I>f", "f32", "convert_i64_s convert_i64_u", float);
sequence(0xb6, "F>f", "f32", "demote_f64", float);
sequence(0xb7, "i>F", "f64", "convert_i32_s convert_i32_u", float);
sequence(0xb9, "I>F", "f64", "convert_i64_s convert_i64_u", float);
sequence(0xbb, "f>F", "f64", "promote_f32", float);
sequence(0xbc, "f>i", "i32", "reinterpret_f32", simple);
sequence(0xbd, "F>I", "i64", "reinterpret_f64", simple);
sequence(0xbe, "i>f", "f32", "reinterpret_i32", simple);
sequence(0xbf, "I>F", "f64", "reinterpret_i64", simple);
sequence(0xc0, "i>i", "i32", "extend8_s extend16_s", simple);
sequence(0xc2, "I>I", "i64", "extend8_s extend16_s extend32_s", simple);
define(PREFIX, "prefix", ">", structure, Immediate.prefix);

sequence(PREFIXED_AT + 0, "f>i", "i32", "trunc_sat_f32_s trunc_sat_f32_u", truncation);
sequence(PREFIXED_AT + 2, "F>i", "i32", "trunc_sat_f64_s trunc_sat_f64_u", truncation);
sequence(PREFIXED_AT + 4, "f>I", "i64", "trunc_sat_f32_s trunc_sat_f32_u", truncation);
sequence(PREFIXED_AT + 6, "F>I", "i64", "trunc_sat_f64_s trunc_sat_f64_u", truncation);
define(PREFIXED_AT + 10, "memory.copy", "iii>", memoryOperation, Immediate.memoryIndexPair);
define(PREFIXED_AT + 11, "memory.fill", "iii>", memoryOperation, Immediate.memoryIndex);

export const OPERATORS_BY_CODE: readonly (Operator | undefined)[] = table;

/** The index of a prefixed operator; those beyond the table share its last entry, which is empty. */
export function prefixedIndex(subcode: number): number {
  return subcode < OPERATORS - PREFIXED_AT ? PREFIXED_AT + subcode : OPERATORS - 1;
}

const column = (of: (operator: Operator) => number): Uint8Array =>
  Uint8Array.from(table, (operator) => (operator === undefined ? 0 : of(operator)));

/** The columns that scanning reads for every instruction. */
export const ADMITTED = column(() => 1);
export const IMMEDIATE = column((operator) => operator.immediate);
export const POPS = column((operator) => operator.effect.indexOf(">"));
export const PUSHES = column((operator) => operator.effect.length - operator.effect.indexOf(">") - 1);
export const PRICE = column((operator) => operator.gas);
export const USES_FLOATS = column((operator) => (operator.usesFloats ? 1 : 0));
export const NAN = column((operator) => operator.nan);
