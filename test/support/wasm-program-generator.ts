/**
 * Random valid programs over i32, i64, memory, calls and every kind of branch, for comparing meters. A function calls only
 * those after it, so that depth is bounded; loops end by a counter, or now and then do not end at all.
 */
import { ModuleWriter } from "../../src/engines/wasm/module/module-writer.ts";
import { OPERATORS_BY_CODE } from "../../src/engines/wasm/module/operators.ts";
import { byteOf, type FunctionType } from "../../src/engines/wasm/module/wasm-types.ts";

type Type = "i32" | "i64";
interface Label {
  readonly isLoop: boolean;
  readonly result: Type | undefined;
}

/** Opcodes of operators over integers, by their effect. */
const BY_EFFECT = new Map<string, number[]>();
for (let code = 0x45; code <= 0xc4; code++) {
  const operator = OPERATORS_BY_CODE[code];
  if (operator === undefined || operator.usesFloats) continue;
  BY_EFFECT.set(operator.effect, [...(BY_EFFECT.get(operator.effect) ?? []), code]);
}

const EFFECTS: Record<Type, string[]> = { i32: ["ii>i", "i>i", "I>i", "II>i"], i64: ["II>I", "I>I", "i>I"] };
const LOADS: Record<Type, [number, number]> = { i32: [0x28, 1], i64: [0x29, 1] };
/** Below it stands what a declared page holds and the slack behind. */
const ADDRESS_MASK = 0x3ffff;
export const HOST_TYPE: FunctionType = { params: ["i32"], results: ["i32"] };

/** mulberry32 */
export function randomSource(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class ProgramGenerator {
  readonly #random: () => number;
  readonly #types: FunctionType[];
  readonly #globals: Type[] = ["i32", "i64", "i32"];
  readonly #pages: number;
  #code = new ModuleWriter(4_096);
  #locals: Type[] = [];
  #labels: Label[] = [];
  #self = 0;

  constructor(seed: number) {
    this.#random = randomSource(seed);
    this.#types = Array.from({ length: 2 + this.#below(4) }, () => ({
      params: Array.from({ length: this.#below(4) }, () => this.#type()),
      results: this.#below(4) === 0 ? [] : [this.#type()],
    }));
    this.#pages = 1 + this.#below(5);
  }

  /** Exports every function as f0, f1, …; function 0 is the import env.host. */
  module(): Uint8Array<ArrayBuffer> {
    const out = new ModuleWriter(16_384);
    const section = new ModuleWriter(16_384);
    const write = (id: number, fill: () => void) => {
      section.length = 0;
      fill();
      out.section(id, section);
    };
    const count = this.#types.length;
    out.raw(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    write(1, () => {
      section.u32(count + 1);
      for (const type of [HOST_TYPE, ...this.#types]) section.functionType(type);
    });
    write(2, () => {
      section.u8(1);
      section.name("env");
      section.name("host");
      section.raw(0, 0);
    });
    write(3, () => section.raw(count, ...this.#types.map((_, i) => i + 1)));
    write(4, () => section.raw(1, 0x70, 0, count + 2));
    write(5, () => section.raw(1, 0, this.#pages));
    write(6, () => {
      section.u8(this.#globals.length);
      for (const type of this.#globals)
        section.raw(byteOf(type), 1, type === "i32" ? 0x41 : 0x42, this.#below(64), 0x0b);
    });
    write(7, () => {
      section.u8(count + 1);
      section.name("memory");
      section.raw(2, 0);
      for (let i = 0; i < count; i++) {
        section.name(`f${i}`);
        section.raw(0, i + 1);
      }
    });
    // Entry 0 of the table stays empty.
    write(9, () => section.raw(1, 0, 0x41, 1, 0x0b, count, ...this.#types.map((_, i) => i + 1)));
    write(10, () => {
      section.u8(count);
      for (let i = 0; i < count; i++) section.sized(this.#function(i));
    });
    return out.take();
  }

  argumentsOf(index: number): (number | bigint)[] {
    return this.#types[index]!.params.map((type) =>
      type === "i32" ? this.#below(100) - 20 : BigInt(this.#below(100)),
    );
  }

  typeOf(index: number): FunctionType {
    return this.#types[index]!;
  }

  get functionCount(): number {
    return this.#types.length;
  }

  #function(index: number): ModuleWriter {
    const type = this.#types[index]!;
    const declared = Array.from({ length: this.#below(12) }, () => this.#type());
    const code = new ModuleWriter(4_096);
    this.#code = code;
    this.#self = index;
    this.#locals = [...(type.params as Type[]), ...declared];
    const [result] = type.results as Type[];
    this.#labels = [{ isLoop: false, result }];
    code.u32(declared.length);
    for (const local of declared) code.raw(1, byteOf(local));
    this.#statements(3, 5);
    if (result !== undefined) this.#expression(result, 3);
    code.u8(0x0b);
    return code;
  }

  #statements(depth: number, most: number): void {
    for (let count = this.#below(most + 1); count > 0; count--) this.#statement(depth);
  }

  #statement(depth: number): void {
    const code = this.#code;
    const choice = this.#below(depth > 0 ? 17 : 7);
    if (choice <= 1) {
      this.#assign(depth);
      return;
    }
    if (choice === 2) {
      this.#store(depth);
      return;
    }
    if (choice === 3) {
      this.#expression(this.#type(), depth);
      code.u8(0x1a);
      return;
    }
    if (choice === 4) {
      this.#branchIf(depth);
      return;
    }
    if (choice === 5) {
      this.#bulk();
      return;
    }
    if (choice === 6) {
      code.u8(0x01);
      return;
    }
    if (choice <= 8) {
      this.#if(depth, undefined);
      return;
    }
    if (choice <= 10) {
      this.#block(depth, undefined);
      return;
    }
    if (choice <= 13) {
      this.#loop(depth);
      return;
    }
    if (choice === 14) {
      this.#branchTable(depth);
      return;
    }
    if (choice === 15) {
      this.#leave(depth);
      return;
    }
    this.#call(this.#type(), depth);
    code.u8(0x1a);
  }

  #assign(depth: number): void {
    const isGlobal = this.#locals.length === 0 || this.#below(3) === 0;
    const index = this.#below(isGlobal ? this.#globals.length : this.#locals.length);
    this.#expression((isGlobal ? this.#globals : this.#locals)[index]!, depth);
    this.#code.raw(isGlobal ? 0x24 : 0x21, index);
  }

  #address(depth: number): void {
    // As compilers do it: through a local, again and again.
    if (this.#below(2) === 0) {
      this.#variable("i32");
      return;
    }
    this.#expression("i32", depth - 1);
    if (this.#below(40) === 0) return;
    this.#code.u8(0x41);
    this.#code.s32(ADDRESS_MASK);
    this.#code.u8(0x71);
  }

  #offset(): number {
    return [0, 0, 4, 61, 1_015, 1_016, 1_017, 70_000][this.#below(8)]!;
  }

  #store(depth: number): void {
    this.#address(depth);
    const opcode = 0x36 + [0, 1, 4, 5, 6, 7, 8][this.#below(7)]!;
    this.#expression(opcode === 0x36 || opcode === 0x3a || opcode === 0x3b ? "i32" : "i64", depth - 1);
    this.#code.raw(opcode, 0);
    this.#code.u32(this.#offset());
  }

  #bulk(): void {
    const code = this.#code;
    for (const mask of [ADDRESS_MASK, ADDRESS_MASK, 0xfff]) {
      this.#expression("i32", 1);
      code.u8(0x41);
      code.s32(mask);
      code.u8(0x71);
    }
    code.raw(0xfc, ...(this.#below(2) === 0 ? [0x0a, 0, 0] : [0x0b, 0]));
  }

  #if(depth: number, result: Type | undefined): void {
    const code = this.#code;
    this.#expression("i32", depth - 1);
    code.raw(0x04, result === undefined ? 0x40 : byteOf(result));
    this.#inside({ isLoop: false, result }, depth);
    if (result !== undefined || this.#below(2) === 0) {
      code.u8(0x05);
      this.#inside({ isLoop: false, result }, depth);
    }
    code.u8(0x0b);
  }

  #block(depth: number, result: Type | undefined): void {
    this.#code.raw(0x02, result === undefined ? 0x40 : byteOf(result));
    this.#inside({ isLoop: false, result }, depth);
    this.#code.u8(0x0b);
  }

  #inside(label: Label, depth: number): void {
    this.#labels.push(label);
    this.#statements(depth - 1, 3);
    if (label.result !== undefined) this.#expression(label.result, depth - 1);
    this.#labels.pop();
  }

  /** Counts a local down from a few; without such a local, one turn. */
  #loop(depth: number): void {
    const code = this.#code;
    const counter = this.#locals.indexOf("i32");
    if (counter >= 0) code.raw(0x41, this.#below(6), 0x21, counter);
    code.raw(0x03, 0x40);
    this.#labels.push({ isLoop: true, result: undefined });
    this.#statements(depth - 1, 3);
    if (counter >= 0) code.raw(0x20, counter, 0x41, 1, 0x6b, 0x22, counter, 0x41, 0, 0x4a, 0x0d, 0);
    this.#labels.pop();
    code.u8(0x0b);
  }

  /** A label to branch to; a loop only now and then, since it may not end. */
  #target(): number {
    const depth = this.#below(this.#labels.length);
    const label = this.#labels[this.#labels.length - 1 - depth]!;
    return label.isLoop && this.#below(8) !== 0 ? this.#labels.length - 1 : depth;
  }

  #resultOf(target: number): Type | undefined {
    return this.#labels[this.#labels.length - 1 - target]!.result;
  }

  #branchIf(depth: number): void {
    const target = this.#target();
    const result = this.#resultOf(target);
    if (result !== undefined) this.#expression(result, depth - 1);
    this.#expression("i32", depth - 1);
    this.#code.raw(0x0d, target);
    if (result !== undefined) this.#code.u8(0x1a);
  }

  #branchTable(depth: number): void {
    const code = this.#code;
    code.raw(0x02, 0x40);
    this.#labels.push({ isLoop: false, result: undefined });
    const last = this.#target();
    const result = this.#resultOf(last);
    const same = this.#labels.flatMap((label, i) => (label.result === result && !label.isLoop ? [i] : []));
    const targets =
      same.length === 0 ? [] : Array.from({ length: this.#below(5) }, () => same[this.#below(same.length)]!);
    if (result !== undefined) this.#expression(result, depth - 1);
    this.#expression("i32", depth - 1);
    code.raw(0x0e, targets.length, ...targets.map((label) => this.#labels.length - 1 - label), last);
    this.#labels.pop();
    code.u8(0x0b);
  }

  /** return, br or unreachable inside an `if`, with code behind it that cannot be reached. */
  #leave(depth: number): void {
    const code = this.#code;
    this.#expression("i32", depth - 1);
    code.raw(0x04, 0x40);
    this.#labels.push({ isLoop: false, result: undefined });
    const choice = this.#below(6);
    if (choice === 0) code.u8(0x00);
    else {
      const target = choice < 3 ? this.#labels.length - 1 : this.#target();
      const result = this.#resultOf(target);
      if (result !== undefined) this.#expression(result, depth - 1);
      if (choice < 3) code.u8(0x0f);
      else code.raw(0x0c, target);
    }
    if (this.#below(2) === 0) this.#statements(depth - 1, 2);
    this.#labels.pop();
    code.u8(0x0b);
  }

  #expression(type: Type, depth: number): void {
    const code = this.#code;
    const choice = depth > 0 ? this.#below(15) : this.#below(3);
    if (choice === 0) {
      this.#constant(type);
      return;
    }
    if (choice <= 2) {
      this.#variable(type);
      return;
    }
    if (choice <= 7) {
      this.#operator(type, depth);
      return;
    }
    if (choice === 8) {
      this.#address(depth);
      const [first] = LOADS[type];
      const narrow = type === "i32" ? 0x2c + this.#below(4) : 0x30 + this.#below(6);
      code.raw(this.#below(2) === 0 ? first : narrow, 0);
      code.u32(this.#offset());
      return;
    }
    if (choice === 9) {
      this.#if(depth, type);
      return;
    }
    if (choice === 10) {
      this.#block(depth, type);
      return;
    }
    if (choice === 11) {
      this.#call(type, depth);
      return;
    }
    if (choice === 12 && type === "i32") {
      this.#size();
      return;
    }
    if (choice === 13) {
      this.#expression(type, depth - 1);
      this.#expression(type, depth - 1);
      this.#expression("i32", depth - 1);
      code.u8(0x1b);
      return;
    }
    this.#variable(type);
  }

  #size(): void {
    if (this.#below(6) === 0) this.#code.raw(0x41, this.#below(4), 0x40, 0);
    else this.#code.raw(0x3f, 0);
  }

  #constant(type: Type): void {
    const choice = this.#below(6);
    let value = this.#below(20) - 4;
    if (choice === 0) value = (this.#random() - 0.5) * 2 ** 32;
    // About the borders of pages.
    if (choice === 1) value = this.#below(6) * 65_536 + this.#below(24) - 12;
    this.#code.u8(type === "i32" ? 0x41 : 0x42);
    this.#code.s32(value);
  }

  #variable(type: Type): void {
    const known = this.#locals.flatMap((local, i) => (local === type ? [i] : []));
    if (known.length > 0 && this.#below(4) > 0) {
      this.#code.raw(0x20, known[this.#below(known.length)]!);
      return;
    }
    this.#code.raw(0x23, type === "i64" ? 1 : 2 * this.#below(2));
  }

  #operator(type: Type, depth: number): void {
    const effects = EFFECTS[type];
    const effect = effects[this.#below(effects.length)]!;
    const codes = BY_EFFECT.get(effect)!;
    for (const operand of effect.slice(0, effect.indexOf(">")))
      this.#expression(operand === "i" ? "i32" : "i64", depth - 1);
    this.#code.u8(codes[this.#below(codes.length)]!);
  }

  /** A function after this one, the host, or one of the table, that results in `type`. */
  #call(type: Type, depth: number): void {
    const code = this.#code;
    const callable = this.#types.flatMap((callee, i) => (i > this.#self && callee.results[0] === type ? [i] : []));
    if (callable.length === 0) {
      if (type === "i64") {
        this.#variable(type);
        return;
      }
      this.#expression("i32", depth - 1);
      code.raw(0x10, 0);
      return;
    }
    const callee = callable[this.#below(callable.length)]!;
    for (const param of this.#types[callee]!.params) this.#expression(param as Type, depth - 1);
    if (this.#below(3) > 0) {
      code.raw(0x10, callee + 1);
      return;
    }
    code.raw(0x41, this.#below(20) === 0 ? 0 : callee + 1, 0x11, callee + 1, 0);
  }

  #type(): Type {
    return this.#below(2) === 0 ? "i32" : "i64";
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}
