/**
 * Writes a function's body with its edits.
 *
 *   block $halt
 *     gas -= price of the entry;  br_if $halt when gas < 0
 *     stack -= height of the frame;  br_if $halt when stack < 0
 *     block $body (result …)
 *       the original instructions: every branch keeps its depth, `return` branches to $body
 *     end
 *     gas, stack and dirty pages back to their globals
 *     return
 *   end
 *   gas = -1 or stack = -1;  unreachable
 *
 * A function with a loop keeps its gas in a local, and tests it at each loop's head: one tail, reached by br_if, leaves the
 * loop's registers alone. Others work on the global. What costs little and calls nothing is neither tested nor wrapped: its
 * overshoot is bounded, and the caller tests next.
 */
import type { AppendedIndices } from "./appended-indices.ts";
import { DIRTY_BLOCK_SHIFT, DIRTY_PAGE_SHIFT } from "./dirty-pages.ts";
import { Edit } from "./edits.ts";
import type { FunctionScan } from "./function-scan.ts";
import { FRAME_HEIGHT } from "./gas-schedule.ts";
import type { FunctionBody } from "./module-shape.ts";
import { ModuleWriter } from "./module-writer.ts";
import { isWithinOverhang } from "./store-marks.ts";
import { byteOf, EMPTY, F32, F64, type FunctionType, I32, I64 } from "./wasm-types.ts";

/** A function that can cost no more than this and calls nothing is charged without a test. */
const UNTESTED_PRICE_MAX = 256;
/** More than any one edit writes. */
const EDIT_BYTES_MAX = 96;
const FRAME_BYTES_MAX = 256;
const STORE_TYPES = [I32, I64, F32, F64, I32, I32, I64, I64, I64];
const FIRST_STORE = 0x36;

/** Local indices of one function; -1 for those it does not have. */
interface AddedLocals {
  gas: number;
  dirty: number;
  blocks: number;
  address: number;
  /** By value type's byte. */
  scratch: Map<number, number>;
  /** By local through which a loop stores: what it was when its page was noted last. */
  last: Map<number, number>;
  types: number[];
}

export class FunctionEmitter {
  readonly #original: Uint8Array;
  readonly #indices: AppendedIndices;
  readonly #code = new ModuleWriter(64 * 1024);
  #locals: AddedLocals = {
    gas: -1,
    dirty: -1,
    blocks: -1,
    address: -1,
    scratch: new Map(),
    last: new Map(),
    types: [],
  };

  constructor(original: Uint8Array, indices: AppendedIndices) {
    this.#original = original;
    this.#indices = indices;
  }

  /** Appends the body that `scan` has just read, with its size, to `out`. */
  emit(out: ModuleWriter, body: FunctionBody, type: FunctionType, scan: FunctionScan): void {
    const code = this.#code;
    code.length = 0;
    code.ensure(body.end - body.start + scan.edits.count * EDIT_BYTES_MAX + FRAME_BYTES_MAX);
    const locals = type.params.length + body.locals;
    this.#addLocals(locals, scan);
    this.#declareLocals(body);
    const isTested = scan.hasLoop || scan.hasCall || scan.price > UNTESTED_PRICE_MAX;
    const isWrapped = isTested || scan.notesPages;
    const frame = scan.hasCall ? locals + scan.operandHeightMax + FRAME_HEIGHT : 0;
    if (isTested) code.raw(0x02, EMPTY);
    this.#entry(scan.edits.value[0]!, isTested, frame);
    if (isWrapped) this.#openBody(type);
    this.#body(body, scan, isWrapped);
    if (isWrapped) this.#exit(frame, isTested);
    out.sized(code);
  }

  #addLocals(first: number, scan: FunctionScan): void {
    const added: AddedLocals = {
      gas: -1,
      dirty: -1,
      blocks: -1,
      address: -1,
      scratch: new Map(),
      last: new Map(),
      types: [],
    };
    const add = (type: number) => first + added.types.push(type) - 1;
    if (scan.hasLoop) added.gas = add(I64);
    if (scan.notesPages) {
      added.dirty = add(I64);
      added.blocks = add(I64);
    }
    if (scan.stores !== 0) added.address = add(I32);
    const scratch = new Set<number>();
    for (const [bit, type] of STORE_TYPES.entries()) if ((scan.stores & (1 << bit)) !== 0) scratch.add(type);
    if ((scan.canonicalises & 1) !== 0) scratch.add(F32);
    if ((scan.canonicalises & 2) !== 0) scratch.add(F64);
    for (const type of scratch) added.scratch.set(type, add(type));
    for (const local of scan.marks.watched) added.last.set(local, add(I32));
    this.#locals = added;
  }

  #declareLocals(body: FunctionBody): void {
    const { types } = this.#locals;
    const code = this.#code;
    let at = body.start;
    let groups = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#original[at++]!;
      groups |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    code.u32(groups + types.length);
    code.copy(this.#original, at, body.code);
    for (const type of types) code.raw(1, type);
  }

  #entry(price: number, isTested: boolean, frame: number): void {
    const { gas, stack } = this.#indices;
    const local = this.#locals.gas;
    const code = this.#code;
    // No address is in the last block of 4 GiB.
    for (const last of this.#locals.last.values()) {
      code.raw(0x41, 0x7f);
      this.#local(0x21, last);
    }
    if (price > 0 || local >= 0) {
      this.#get(gas);
      this.#subtract(price);
      if (local >= 0) this.#local(0x22, local);
      else this.#set(gas);
    }
    if (isTested) {
      if (local < 0) this.#get(gas);
      else if (price === 0) this.#local(0x20, local);
      code.raw(0x42, 0, 0x53, 0x0d, 0);
    }
    if (frame === 0) return;
    this.#get(stack);
    code.u8(0x41);
    code.s32(frame);
    code.u8(0x6b);
    this.#set(stack);
    this.#get(stack);
    code.raw(0x41, 0, 0x48, 0x0d, 0);
  }

  #openBody(type: FunctionType): void {
    const code = this.#code;
    code.u8(0x02);
    const [only] = type.results;
    if (only === undefined) code.u8(EMPTY);
    else if (type.results.length === 1) code.u8(byteOf(only));
    else code.s32(this.#indices.blockType(type.results));
  }

  #body(body: FunctionBody, scan: FunctionScan, isWrapped: boolean): void {
    const { at, removed, kind, value, extra, count } = scan.edits;
    const code = this.#code;
    let from = body.code;
    for (let i = 1; i < count; i++) {
      const place = at[i]!;
      if (kind[i] === Edit.return && !isWrapped) continue;
      if (kind[i] === Edit.charge && value[i] === 0) continue;
      if (place > from) code.copy(this.#original, from, place);
      from = place + removed[i]!;
      this.#edit(kind[i]!, value[i]!, extra[i]!);
    }
    code.copy(this.#original, from, body.end);
  }

  #edit(kind: number, value: number, extra: number): void {
    const { gas, pages, grow, copy, fill } = this.#indices;
    const local = this.#locals.gas;
    const code = this.#code;
    switch (kind) {
      case Edit.charge:
        this.#charge(value);
        return;
      case Edit.loopHead:
        this.#local(0x20, local);
        if (value > 0) {
          this.#subtract(value);
          this.#local(0x22, local);
        }
        code.raw(0x42, 0, 0x53, 0x0d);
        code.u32(extra);
        return;
      case Edit.beforeCall:
        if (local < 0) return;
        this.#local(0x20, local);
        this.#set(gas);
        return;
      case Edit.afterCall:
        if (local < 0) return;
        this.#get(gas);
        this.#local(0x21, local);
        return;
      case Edit.return:
        this.#local(0x0c, value);
        return;
      case Edit.store:
        this.#notePage(value, extra);
        return;
      case Edit.storeThroughLocal:
        this.#notePageOf(value, extra);
        return;
      case Edit.storeInLoop:
        this.#watchPageOf(value);
        return;
      case Edit.memorySize:
        this.#get(pages);
        return;
      case Edit.memoryGrow:
        this.#local(0x10, grow);
        return;
      case Edit.memoryCopy:
        this.#local(0x10, copy);
        return;
      case Edit.memoryFill:
        this.#local(0x10, fill);
        return;
      default:
        this.#canonicalise(kind === Edit.canonicaliseF32 ? F32 : F64);
        return;
    }
  }

  #charge(price: number): void {
    const local = this.#locals.gas;
    if (local >= 0) this.#local(0x20, local);
    else this.#get(this.#indices.gas);
    this.#subtract(price);
    if (local >= 0) this.#local(0x21, local);
    else this.#set(this.#indices.gas);
  }

  /** Stack: address, value. */
  #notePage(store: number, offset: number): void {
    const { address, scratch } = this.#locals;
    const value = scratch.get(STORE_TYPES[store - FIRST_STORE]!)!;
    this.#local(0x21, value);
    this.#local(0x22, address);
    this.#notePageOf(address, offset);
    this.#local(0x20, value);
  }

  /** dirty |= 1 << page of the address, blocks |= 1 << its block: the shifts take the count modulo 64. */
  #notePageOf(local: number, offset: number): void {
    this.#noteIn(this.#locals.dirty, DIRTY_PAGE_SHIFT, local, offset);
    this.#noteIn(this.#locals.blocks, DIRTY_BLOCK_SHIFT, local, offset);
  }

  /** When the local's block is not that of the last time: note it, and remember. */
  #watchPageOf(local: number): void {
    const last = this.#locals.last.get(local)!;
    const code = this.#code;
    this.#local(0x20, local);
    this.#local(0x20, last);
    code.raw(0x73, 0x41);
    code.s32((1 << DIRTY_BLOCK_SHIFT) - 1);
    code.raw(0x4b, 0x04, EMPTY);
    this.#notePageOf(local, 0);
    this.#local(0x20, local);
    this.#local(0x21, last);
    code.u8(0x0b);
  }

  #noteIn(mask: number, shift: number, local: number, offset: number): void {
    const code = this.#code;
    code.raw(0x42, 1);
    this.#local(0x20, local);
    if (!isWithinOverhang(offset)) {
      code.u8(0x41);
      code.s32(offset);
      code.u8(0x6a);
    }
    code.raw(0x41, shift, 0x76, 0xad, 0x86);
    this.#local(0x20, mask);
    code.u8(0x84);
    this.#local(0x21, mask);
  }

  /** Stack: a float. When it is not equal to itself, it becomes the NaN of the standard's canonical form. */
  #canonicalise(type: number): void {
    const scratch = this.#locals.scratch.get(type)!;
    const code = this.#code;
    this.#local(0x22, scratch);
    if (type === F32) code.raw(0x43, 0, 0, 0xc0, 0x7f);
    else code.raw(0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f);
    this.#local(0x20, scratch);
    this.#local(0x20, scratch);
    code.raw(type === F32 ? 0x5b : 0x61, 0x1b);
  }

  #exit(frame: number, isTested: boolean): void {
    const { gas, stack, dirty, blocks } = this.#indices;
    const locals = this.#locals;
    const code = this.#code;
    if (locals.gas >= 0) {
      this.#local(0x20, locals.gas);
      this.#set(gas);
    }
    if (frame > 0) {
      this.#get(stack);
      code.u8(0x41);
      code.s32(frame);
      code.u8(0x6a);
      this.#set(stack);
    }
    if (locals.dirty >= 0) {
      this.#flush(dirty, locals.dirty);
      this.#flush(blocks, locals.blocks);
    }
    if (isTested) this.#halt(frame > 0);
    code.u8(0x0b);
  }

  #flush(mask: number, local: number): void {
    this.#get(mask);
    this.#local(0x20, local);
    this.#code.u8(0x84);
    this.#set(mask);
  }

  #halt(metersStack: boolean): void {
    const { gas, stack } = this.#indices;
    const code = this.#code;
    code.raw(0x0f, 0x0b);
    if (metersStack) {
      if (this.#locals.gas >= 0) this.#local(0x20, this.#locals.gas);
      else this.#get(gas);
      code.raw(0x42, 0, 0x59, 0x04, EMPTY, 0x41, 0x7f);
      this.#set(stack);
      code.raw(0x00, 0x0b);
    }
    code.raw(0x42, 0x7f);
    this.#set(gas);
    code.u8(0x00);
  }

  /** local.get, local.set, local.tee, br or call with its index. */
  #local(opcode: number, index: number): void {
    this.#code.u8(opcode);
    this.#code.u32(index);
  }

  #get(global: number): void {
    this.#code.u8(0x23);
    this.#code.u32(global);
  }

  #set(global: number): void {
    this.#code.u8(0x24);
    this.#code.u32(global);
  }

  /** i64: the value on the stack less `price`. */
  #subtract(price: number): void {
    if (price === 0) return;
    this.#code.u8(0x42);
    this.#code.s32(price);
    this.#code.u8(0x7d);
  }
}
