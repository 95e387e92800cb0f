/** The bodies of the functions that an instrumented module has beside its own. */
import type { AppendedIndices } from "./appended-indices.ts";
import { DIRTY_BLOCK_SHIFT, DIRTY_PAGE_SHIFT } from "./dirty-pages.ts";
import { BULK_BYTES_SHIFT, GAS_PER_GROWN_PAGE, STACK_HEIGHT_MAX } from "./gas-schedule.ts";
import type { ModuleShape } from "./module-shape.ts";
import { ModuleWriter } from "./module-writer.ts";
import { byteOf, EMPTY } from "./wasm-types.ts";

const NO_LOCALS = 0;
const END = 0x0b;

/** Writes functions after one another, each behind its size. */
export class AppendedFunctions {
  readonly #shape: ModuleShape;
  readonly #indices: AppendedIndices;
  readonly #out: ModuleWriter;
  readonly #code = new ModuleWriter(1_024);

  constructor(shape: ModuleShape, indices: AppendedIndices, out: ModuleWriter) {
    this.#shape = shape;
    this.#indices = indices;
    this.#out = out;
  }

  /** How many `emit` writes. */
  static count(shape: ModuleShape): number {
    return shape.start === undefined ? 4 : 5;
  }

  /** @param limitPages beyond which memory.grow answers -1. */
  emit(limitPages: number, tracksDirtyPages: boolean): void {
    this.#grow(limitPages);
    this.#bulk(() => this.#code.raw(0xfc, 0x0a, 0, 0), tracksDirtyPages);
    this.#bulk(() => this.#code.raw(0xfc, 0x0b, 0), tracksDirtyPages);
    this.#reset();
    if (this.#shape.start !== undefined) this.#start(this.#shape.start);
  }

  /**
   * (delta) -> previous pages, or -1. `$pages` is what the module sees; the real memory is larger by the slack and grows only
   * when that is used up. Should the host fail to grow it, `$pages` is -1: a fault of this machine, not an outcome.
   */
  #grow(limitPages: number): void {
    const { pages } = this.#indices;
    const code = this.#begin();
    code.raw(0x20, 0, 0x41);
    code.s32(limitPages);
    this.#get(pages);
    code.raw(0x6b, 0x4b, 0x04, EMPTY, 0x41, 0x7f, 0x0f, END);
    this.#pay(() => {
      code.raw(0x20, 0, 0xad, 0x42);
      code.s32(GAS_PER_GROWN_PAGE);
      code.u8(0x7e);
    });
    this.#get(pages);
    code.raw(0x20, 0, 0x6a, 0x3f, 0, 0x4b, 0x04, EMPTY);
    this.#get(pages);
    code.raw(0x20, 0, 0x6a, 0x3f, 0, 0x6b, 0x40, 0, 0x41, 0x7f, 0x46, 0x04, EMPTY, 0x41, 0x7f);
    this.#set(pages);
    code.raw(0x00, END, END);
    this.#get(pages);
    this.#get(pages);
    code.raw(0x20, 0, 0x6a);
    this.#set(pages);
    this.#end();
  }

  /** (destination, source or value, length): pays by length, marks the pages, does it. */
  #bulk(operator: () => void, tracksDirtyPages: boolean): void {
    const code = this.#begin();
    this.#pay(() => code.raw(0x20, 2, 0xad, 0x42, BULK_BYTES_SHIFT, 0x88));
    if (tracksDirtyPages) {
      this.#noteRange(this.#indices.dirty, DIRTY_PAGE_SHIFT);
      this.#noteRange(this.#indices.blocks, DIRTY_BLOCK_SHIFT);
    }
    code.raw(0x20, 0, 0x20, 1, 0x20, 2);
    operator();
    this.#end();
  }

  /**
   * With n the pages, or blocks, from the first to the last byte: mask |= n ≥ 63 ? all : rotl((2 << n) - 1, first). A range
   * that leaves the 32-bit space gives nonsense here, and traps.
   */
  #noteRange(mask: number, shift: number): void {
    const code = this.#code;
    const pagesBetween = () => {
      code.raw(0x20, 0, 0x20, 2, 0x41, 1, 0x6b, 0x6a, 0x41, shift, 0x76);
      code.raw(0x20, 0, 0x41, shift, 0x76, 0x6b);
    };
    code.raw(0x20, 2, 0x04, EMPTY);
    this.#get(mask);
    code.raw(0x42, 0x7f);
    code.raw(0x42, 2);
    pagesBetween();
    code.raw(0xad, 0x86, 0x42, 1, 0x7d, 0x20, 0, 0x41, shift, 0x76, 0xad, 0x89);
    pagesBetween();
    code.raw(0x41, 63, 0x4f, 0x1b, 0x84);
    this.#set(mask);
    code.u8(END);
  }

  /** Every mutable global as it was at first, or when the start function returned. Not the gas. */
  #reset(): void {
    const { stack, pages, dirty, blocks, firstCopy } = this.#indices;
    const { bytes, globals, start } = this.#shape;
    const code = this.#begin();
    let copy = firstCopy;
    for (const [index, global] of globals.entries()) {
      if (!global.isMutable) continue;
      if (start === undefined) code.copy(bytes, global.initStart, global.initEnd);
      else this.#get(copy++);
      this.#set(index);
    }
    code.u8(0x41);
    code.s32(STACK_HEIGHT_MAX);
    this.#set(stack);
    if (start === undefined) {
      code.u8(0x41);
      code.s32(this.#shape.memory?.initial ?? 0);
    } else this.#get(copy);
    this.#set(pages);
    for (const mask of [dirty, blocks]) {
      code.raw(0x42, 0);
      this.#set(mask);
    }
    this.#end();
  }

  #start(start: number): void {
    const { pages, firstCopy } = this.#indices;
    const code = this.#begin();
    code.u8(0x10);
    code.u32(start);
    let copy = firstCopy;
    for (const [index, global] of this.#shape.globals.entries()) {
      if (!global.isMutable) continue;
      this.#get(index);
      this.#set(copy++);
    }
    this.#get(pages);
    this.#set(copy);
    this.#end();
  }

  /** gas -= what `price` leaves on the stack; halts when that is more than there is. */
  #pay(price: () => void): void {
    const { gas } = this.#indices;
    this.#get(gas);
    price();
    this.#code.u8(0x7d);
    this.#set(gas);
    this.#get(gas);
    this.#code.raw(0x42, 0, 0x53, 0x04, EMPTY, 0x42, 0x7f);
    this.#set(gas);
    this.#code.raw(0x00, END);
  }

  #begin(): ModuleWriter {
    this.#code.length = 0;
    this.#code.u8(NO_LOCALS);
    return this.#code;
  }

  #end(): void {
    this.#code.u8(END);
    this.#out.sized(this.#code);
  }

  #get(global: number): void {
    this.#code.u8(0x23);
    this.#code.u32(global);
  }

  #set(global: number): void {
    this.#code.u8(0x24);
    this.#code.u32(global);
  }
}

/** The globals that an instrumented module has beside its own, in the order of AppendedIndices. */
export function appendedGlobals(shape: ModuleShape): { count: number; bytes: ModuleWriter } {
  const bytes = new ModuleWriter(256);
  let count = 0;
  const mutable = (type: number, opcode: number, value: number) => {
    bytes.raw(type, 1, opcode);
    bytes.s32(value);
    bytes.u8(END);
    count++;
  };
  const initialPages = shape.memory?.initial ?? 0;
  const [i32, i64] = [byteOf("i32"), byteOf("i64")];
  mutable(i64, 0x42, 0);
  mutable(i32, 0x41, STACK_HEIGHT_MAX);
  mutable(i32, 0x41, initialPages);
  mutable(i64, 0x42, 0);
  mutable(i64, 0x42, 0);
  if (shape.start === undefined) return { count, bytes };
  for (const global of shape.globals) {
    if (!global.isMutable) continue;
    bytes.raw(byteOf(global.type), 1);
    bytes.copy(shape.bytes, global.initStart, global.initEnd);
    bytes.u8(END);
    count++;
  }
  mutable(i32, 0x41, initialPages);
  return { count, bytes };
}
