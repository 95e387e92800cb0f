/**
 * A slow interpreter of modules over i32, i64 and memory. It counts gas the plain way: the price of every instruction when it
 * is executed. What the rewriter charges in blocks, ahead and from a local, has to come to the same.
 */
import {
  BULK_BYTES_SHIFT,
  CLEARED_LOCALS_SHIFT,
  GAS_PER_GROWN_PAGE,
} from "../../src/engines/wasm/module/gas-schedule.ts";
import { ModuleReader } from "../../src/engines/wasm/module/module-reader.ts";
import { type ModuleShape, SectionId, typeOfFunction } from "../../src/engines/wasm/module/module-shape.ts";
import { Immediate, OPERATORS_BY_CODE, type Operator, prefixedIndex } from "../../src/engines/wasm/module/operators.ts";
import type { FunctionType, ValueType } from "../../src/engines/wasm/module/wasm-types.ts";
import { INTEGER_OPERATORS } from "./wasm-integer-operators.ts";

export type Value = number | bigint;
export class Trap extends Error {}
export class OutOfGas extends Error {}

const PAGE = 65_536;

interface Instruction {
  readonly operator: Operator;
  /** Immediates: indices, constants, offsets. */
  readonly values: readonly Value[];
  /** For block, loop, if: how many values a branch to it takes, and where it ends or has its else. */
  arity: number;
  results: number;
  end: number;
  otherwise: number;
}

interface Label {
  readonly continuation: number;
  readonly arity: number;
  readonly height: number;
  readonly isLoop: boolean;
}

export class Interpreter {
  gas: bigint;
  readonly memory: Uint8Array;
  readonly globals: Value[];
  pages: number;
  readonly #shape: ModuleShape;
  readonly #table: (number | undefined)[];
  readonly #bodies: Instruction[][];
  readonly #limitPages: number;
  readonly #host: (argument: number, interpreter: Interpreter) => number;

  /** @param slackPages the memory reaches beyond what the module declares. */
  constructor(
    shape: ModuleShape,
    gas: bigint,
    options: { slackPages: number; limitPages: number; host: (argument: number, interpreter: Interpreter) => number },
  ) {
    this.#shape = shape;
    this.gas = gas;
    this.pages = shape.memory!.initial;
    this.#limitPages = options.limitPages;
    this.#host = options.host;
    this.memory = new Uint8Array((this.pages + options.slackPages) * PAGE);
    this.globals = shape.globals.map((global) => constantAt(shape.bytes, global.initStart, global.initEnd));
    this.#table = readTable(shape);
    this.#bodies = shape.bodies.map((body) => decodeBody(shape, body.code, body.end));
  }

  /** @throws Trap, or OutOfGas as soon as more was executed than there was gas for. */
  call(index: number, args: readonly Value[]): Value[] {
    const type = typeOfFunction(this.#shape, index)!;
    const defined = index - this.#shape.imports.length;
    if (defined < 0) return [this.#host(args[0] as number, this)];
    const body = this.#shape.bodies[defined]!;
    this.#pay(body.locals >> CLEARED_LOCALS_SHIFT);
    const locals = [...args, ...declaredLocals(this.#shape, defined)];
    return this.#run(this.#bodies[defined]!, locals, type);
  }

  #pay(price: number | bigint): void {
    this.gas -= BigInt(price);
    if (this.gas < 0n) throw new OutOfGas();
  }

  #run(code: readonly Instruction[], locals: Value[], type: FunctionType): Value[] {
    const stack: Value[] = [];
    const arity = type.results.length;
    const labels: Label[] = [{ continuation: code.length, arity, height: 0, isLoop: false }];
    for (let at = 0; at < code.length; ) {
      const instruction = code[at++]!;
      const { operator, values } = instruction;
      this.#pay(operator.gas);
      const name = operator.name;
      const branch = (depth: number) => {
        const target = labels[labels.length - 1 - depth]!;
        const carried = target.arity === 0 ? [] : stack.slice(-target.arity);
        stack.length = target.height;
        stack.push(...carried);
        labels.length -= target.isLoop ? depth : depth + 1;
        at = target.continuation;
      };
      const enter = (isLoop: boolean) => {
        const { arity, end } = instruction;
        labels.push({ continuation: isLoop ? at : end + 1, arity: isLoop ? 0 : arity, height: stack.length, isLoop });
      };
      switch (name) {
        case "unreachable":
          throw new Trap(name);
        case "nop":
          break;
        case "block":
        case "loop":
          enter(name === "loop");
          break;
        case "if": {
          const condition = stack.pop();
          enter(false);
          if (condition === 0) at = instruction.otherwise >= 0 ? instruction.otherwise + 1 : instruction.end;
          break;
        }
        case "else":
          at = instruction.end;
          break;
        case "end":
          labels.pop();
          break;
        case "br":
          branch(values[0] as number);
          break;
        case "br_if":
          if (stack.pop() !== 0) branch(values[0] as number);
          break;
        case "br_table": {
          const choice = (stack.pop() as number) >>> 0;
          branch(values[Math.min(choice, values.length - 1)] as number);
          break;
        }
        case "return":
          return arity === 0 ? [] : stack.slice(-arity);
        case "call":
          this.#callFrom(stack, values[0] as number);
          break;
        case "call_indirect":
          this.#callIndirect(stack, values[0] as number);
          break;
        default:
          this.#simple(instruction, stack, locals);
      }
    }
    return arity === 0 ? [] : stack.slice(-arity);
  }

  #callFrom(stack: Value[], index: number): void {
    const { params } = typeOfFunction(this.#shape, index)!;
    const args = stack.splice(stack.length - params.length);
    stack.push(...this.call(index, args));
  }

  #callIndirect(stack: Value[], typeIndex: number): void {
    const index = this.#table[(stack.pop() as number) >>> 0];
    if (index === undefined) throw new Trap("table");
    const expected = JSON.stringify(this.#shape.types[typeIndex]);
    if (JSON.stringify(typeOfFunction(this.#shape, index)) !== expected) throw new Trap("signature");
    this.#callFrom(stack, index);
  }

  #simple({ operator, values }: Instruction, stack: Value[], locals: Value[]): void {
    const { name } = operator;
    const index = values[0] as number;
    if (name === "local.get") stack.push(locals[index]!);
    else if (name === "local.set") locals[index] = stack.pop()!;
    else if (name === "local.tee") locals[index] = stack.at(-1)!;
    else if (name === "global.get") stack.push(this.globals[index]!);
    else if (name === "global.set") this.globals[index] = stack.pop()!;
    else if (name === "drop") stack.pop();
    else if (name === "select") {
      const [first, second, condition] = stack.splice(-3);
      stack.push(condition !== 0 ? first! : second!);
    } else if (name.endsWith(".const")) stack.push(values[0]!);
    else if (name.includes(".load") || name.includes(".store")) this.#access(name, values[1] as number, stack);
    else if (name.startsWith("memory.")) this.#memory(name, stack);
    else {
      const operation = INTEGER_OPERATORS[name];
      if (operation === undefined) throw new Error(`the interpreter has no ${name}`);
      const result = operation(...(stack.splice(stack.length - operation.length) as never[]));
      if (result === undefined) throw new Trap(name);
      stack.push(result);
    }
  }

  #access(name: string, offset: number, stack: Value[]): void {
    const [, type, kind, width, sign] = /^(i32|i64)\.(load|store)(\d*)_?(.?)$/.exec(name)!;
    const bits = width === "" ? Number(type!.slice(1)) : Number(width);
    const stored = kind === "store" ? stack.pop()! : 0;
    const at = ((stack.pop() as number) >>> 0) + offset;
    if (at + bits / 8 > this.memory.length) throw new Trap(name);
    if (kind === "store") {
      const value = BigInt.asUintN(bits, BigInt(stored));
      for (let i = 0; i < bits / 8; i++) this.memory[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
      return;
    }
    let value = 0n;
    for (let i = 0; i < bits / 8; i++) value |= BigInt(this.memory[at + i]!) << BigInt(8 * i);
    if (sign !== "u") value = BigInt.asIntN(bits, value);
    stack.push(type === "i32" ? Number(BigInt.asIntN(32, value)) : BigInt.asIntN(64, value));
  }

  #memory(name: string, stack: Value[]): void {
    if (name === "memory.size") {
      stack.push(this.pages);
      return;
    }
    if (name === "memory.grow") {
      const delta = (stack.pop() as number) >>> 0;
      if (this.pages + delta > this.#limitPages) {
        stack.push(-1);
        return;
      }
      this.#pay(delta * GAS_PER_GROWN_PAGE);
      stack.push(this.pages);
      this.pages += delta;
      return;
    }
    const [to, from, length] = stack.splice(-3).map((value) => (value as number) >>> 0) as [number, number, number];
    this.#pay(length >>> BULK_BYTES_SHIFT);
    const isCopy = name === "memory.copy";
    if (to + length > this.memory.length || (isCopy && from + length > this.memory.length)) throw new Trap(name);
    if (isCopy) this.memory.copyWithin(to, from, from + length);
    else this.memory.fill(from & 0xff, to, to + length);
  }
}

function decodeBody(shape: ModuleShape, start: number, end: number): Instruction[] {
  const reader = new ModuleReader(shape.bytes, start, end);
  const code: Instruction[] = [];
  const open: number[] = [];
  while (reader.at < end) {
    let opcode = reader.u8();
    if (opcode === 0xfc) opcode = prefixedIndex(reader.u32());
    const operator = OPERATORS_BY_CODE[opcode]!;
    const instruction: Instruction = { operator, values: [], arity: 0, results: 0, end: -1, otherwise: -1 };
    const index = code.push(instruction) - 1;
    if (operator.immediate === Immediate.blockType) {
      instruction.arity = reader.u8() === 0x40 ? 0 : 1;
      open.push(index);
    } else Object.assign(instruction, { values: readImmediates(reader, operator) });
    if (operator.name === "else") code[open.at(-1)!]!.otherwise = index;
    if (operator.name === "end" && open.length > 0) {
      const opened = code[open.pop()!]!;
      opened.end = index;
      if (opened.otherwise >= 0) code[opened.otherwise]!.end = index;
    }
  }
  return code;
}

function readImmediates(reader: ModuleReader, operator: Operator): Value[] {
  switch (operator.immediate) {
    case Immediate.none:
      return [];
    case Immediate.i32:
      return [Number(readSigned(reader, 32))];
    case Immediate.i64:
      return [readSigned(reader, 64)];
    case Immediate.branchTable:
      return Array.from({ length: reader.u32() + 1 }, () => reader.u32());
    case Immediate.memoryArgument:
    case Immediate.callIndirect:
    case Immediate.memoryIndexPair:
      return [reader.u32(), reader.u32()];
    default:
      return [reader.u32()];
  }
}

function readSigned(reader: ModuleReader, bits: number): bigint {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = reader.u8();
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asIntN(bits, (byte & 0x40) !== 0 ? value - (1n << (shift + 7n)) : value);
  }
}

function constantAt(bytes: Uint8Array, start: number, end: number): Value {
  const reader = new ModuleReader(bytes, start + 1, end);
  return bytes[start] === 0x41 ? Number(readSigned(reader, 32)) : readSigned(reader, 64);
}

function declaredLocals(shape: ModuleShape, defined: number): Value[] {
  const { start, code } = shape.bodies[defined]!;
  const reader = new ModuleReader(shape.bytes, start, code);
  return Array.from({ length: reader.u32() }, () => {
    const count = reader.u32();
    return new Array<Value>(count).fill(reader.u8() === 0x7f ? 0 : 0n);
  }).flat();
}

function readTable(shape: ModuleShape): (number | undefined)[] {
  const table = new Array<number | undefined>(shape.tableEntries).fill(undefined);
  const range = shape.ranges.get(SectionId.element);
  if (range === undefined) return table;
  const reader = new ModuleReader(shape.bytes, range.start, range.end);
  for (let i = 0; i < range.count; i++) {
    reader.skip(2);
    const place = Number(readSigned(reader, 32));
    reader.skip(1);
    for (let k = 0, count = reader.u32(); k < count; k++) table[place + k] = reader.u32();
  }
  return table;
}

export function asText(values: readonly Value[], types: readonly ValueType[]): string {
  return values.map((value, i) => `${types[i]}:${BigInt.asIntN(64, BigInt(value))}`).join();
}
