/**
 * One pass over a function's body, known to be valid: refuses what the engine leaves out, measures operand height and
 * branches, and lists the edits that meter it.
 * Always
 *  - Code that cannot be reached is neither charged nor rewritten, and is held against the allow list all the same.
 *  - An execution that returns has been charged exactly the prices of the instructions that it executed.
 */
import { ControlStack } from "./control-stack.ts";
import { Edit, EditList } from "./edits.ts";
import { CLEARED_LOCALS_SHIFT } from "./gas-schedule.ts";
import { LOOP_WEIGHT, requireWithin } from "./limits.ts";
import { ModuleReader } from "./module-reader.ts";
import { ModuleRejected } from "./module-rejected.ts";
import { type FunctionBody, type ModuleShape, typeOfFunction } from "./module-shape.ts";
import {
  ADMITTED,
  IMMEDIATE,
  Immediate,
  NAN,
  Nan,
  OPERATORS_BY_CODE,
  POPS,
  PREFIX,
  PRICE,
  PUSHES,
  prefixedIndex,
  USES_FLOATS,
} from "./operators.ts";
import { isWithinOverhang, StoreMarks } from "./store-marks.ts";
import { EMPTY, type FunctionType, valueType } from "./wasm-types.ts";

const Op = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  return: 0x0f,
  localGet: 0x20,
  localSet: 0x21,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  firstStore: 0x36,
  lastStore: 0x3e,
} as const;
/** memory.copy; memory.fill is the next one. */
const MEMORY_COPY = prefixedIndex(10);

export interface ScanPolicy {
  readonly floats: "refuse" | "canonicalise";
  readonly tracksDirtyPages: boolean;
}

export class FunctionScan {
  readonly edits = new EditList();
  readonly marks = new StoreMarks();
  hasLoop = false;
  hasCall = false;
  /** The price of all instructions together: what an execution without loops can cost at most. */
  price = 0;
  operandHeightMax = 0;
  notesPages = false;
  /** Bit n is set when a store of opcode 0x36 + n notes its page by the operand itself, which has to be set aside. */
  stores = 0;
  canonicalises = 0;
  /** Branches times locals; see limits. */
  weight = 0;

  readonly #shape: ModuleShape;
  readonly #policy: ScanPolicy;
  readonly #reader: ModuleReader;
  readonly #control = new ControlStack();
  #height = 0;
  #isDead = false;
  #branches = 0;
  #blockParams = 0;
  #blockResults = 0;

  constructor(shape: ModuleShape, policy: ScanPolicy) {
    this.#shape = shape;
    this.#policy = policy;
    this.#reader = new ModuleReader(shape.bytes);
  }

  /** Results stand in the fields until the next call. */
  scan(body: FunctionBody, type: FunctionType): void {
    const locals = body.locals + type.params.length;
    requireWithin("locals", locals, body.start);
    this.#begin(body, type, locals);
    const reader = this.#reader;
    const { bytes } = reader;
    while (this.#control.depth > 0) {
      const at = reader.at;
      if (at >= body.end) throw reader.malformed("expected the end of the function, received the end of its bytes");
      let operator = bytes[at]!;
      reader.at = at + 1;
      if (operator === PREFIX) operator = prefixedIndex(reader.u32());
      if (ADMITTED[operator] === 0) throw this.#notAllowed(at);
      if (USES_FLOATS[operator] === 1 && this.#policy.floats === "refuse") throw this.#floatRefused(operator, at);
      this.#instruction(operator, at);
    }
    requireWithin("operandHeight", this.operandHeightMax, body.start);
    this.weight = this.#branches * (locals + 16);
    requireWithin("functionWeight", this.weight, body.start);
  }

  #begin(body: FunctionBody, type: FunctionType, locals: number): void {
    this.edits.count = 0;
    this.hasLoop = this.hasCall = this.notesPages = this.#isDead = false;
    this.marks.begin(locals);
    this.price = this.operandHeightMax = this.stores = this.canonicalises = this.#height = this.#branches = 0;
    this.#reader.at = body.code;
    this.#reader.end = body.end;
    this.#control.depth = 0;
    // The first edit pays for the entry; the emitter turns it into the function's prologue.
    const entry = this.edits.add(Edit.charge, body.code, 0, body.locals >> CLEARED_LOCALS_SHIFT, 0);
    this.#control.push(0, 0, type.results.length, entry, false);
  }

  #instruction(operator: number, at: number): void {
    const price = PRICE[operator]!;
    if (!this.#isDead && price > 0) {
      this.price += price;
      const value = this.edits.value;
      const charge = this.#control.charge[this.#control.depth - 1]!;
      value[charge] = value[charge]! + price;
    }
    const immediate = IMMEDIATE[operator]!;
    if (immediate === Immediate.none && operator > Op.return) {
      this.#move(POPS[operator]!, PUSHES[operator]!);
      const nan = NAN[operator]!;
      if (nan !== Nan.defined && !this.#isDead) {
        this.canonicalises |= nan;
        this.edits.add(nan === Nan.f32 ? Edit.canonicaliseF32 : Edit.canonicaliseF64, this.#reader.at, 0, 0, 0);
      }
      return;
    }
    this.#withImmediate(operator, immediate, at);
  }

  #withImmediate(operator: number, immediate: number, at: number): void {
    const reader = this.#reader;
    switch (immediate) {
      case Immediate.localIndex:
        this.#localOperator(operator, reader.u32());
        return;
      case Immediate.globalIndex:
        reader.u32();
        break;
      case Immediate.i32:
        reader.skipNumber(5);
        break;
      case Immediate.i64:
        reader.skipNumber(10);
        break;
      case Immediate.f32:
        reader.skip(4);
        break;
      case Immediate.f64:
        reader.skip(8);
        break;
      case Immediate.memoryArgument:
        this.#memoryArgument(operator, at);
        break;
      case Immediate.selectTypes:
        for (let count = reader.u32(); count > 0; count--) valueType(reader.u8(), reader.at - 1);
        break;
      case Immediate.memoryIndex:
      case Immediate.memoryIndexPair:
        this.#memoryOperation(operator, immediate, at);
        break;
      case Immediate.functionIndex:
        this.#call(typeOfFunction(this.#shape, reader.u32()), 0, at);
        return;
      case Immediate.callIndirect: {
        const type = this.#shape.types[reader.u32()];
        reader.u32();
        this.#call(type, 1, at);
        return;
      }
      default:
        this.#controlOperator(operator, at);
        return;
    }
    this.#move(POPS[operator]!, PUSHES[operator]!);
  }

  #memoryArgument(operator: number, at: number): void {
    const alignment = this.#reader.u32();
    if (alignment >= 32)
      throw new ModuleRejected("memory-not-allowed", at, "expected the one memory, received another");
    const offset = this.#reader.u32();
    const isStore = operator >= Op.firstStore && operator <= Op.lastStore;
    if (isStore && this.#policy.tracksDirtyPages && !this.#isDead) this.#notePage(operator, offset, at);
  }

  /** The address is the operand below the value. */
  #notePage(store: number, offset: number, at: number): void {
    const local = this.marks.localAt(this.#height - 2);
    if (local >= 0 && isWithinOverhang(offset) && !this.marks.mark(local)) return;
    this.notesPages = true;
    if (local >= 0) {
      const isWatched = isWithinOverhang(offset) && this.marks.watch(local);
      this.edits.add(isWatched ? Edit.storeInLoop : Edit.storeThroughLocal, at, 0, local, offset);
      return;
    }
    this.stores |= 1 << (store - Op.firstStore);
    this.edits.add(Edit.store, at, 0, store, offset);
  }

  #localOperator(operator: number, local: number): void {
    if (operator !== Op.localGet) this.marks.assign(local);
    this.#move(POPS[operator]!, PUSHES[operator]!);
    if (operator !== Op.localSet) this.marks.pushLocal(this.#height - 1, local);
  }

  #memoryOperation(operator: number, immediate: number, at: number): void {
    const reader = this.#reader;
    const memories = reader.u32() + (immediate === Immediate.memoryIndexPair ? reader.u32() : 0);
    if (memories !== 0) throw new ModuleRejected("memory-not-allowed", at, "expected the one memory, received another");
    if (this.#isDead) return;
    const length = reader.at - at;
    if (operator === Op.memorySize) {
      this.edits.add(Edit.memorySize, at, length, 0, 0);
      return;
    }
    this.edits.add(Edit.beforeCall, at, 0, 0, 0);
    const kind =
      operator === Op.memoryGrow ? Edit.memoryGrow : operator === MEMORY_COPY ? Edit.memoryCopy : Edit.memoryFill;
    this.edits.add(kind, at, length, 0, 0);
    this.edits.add(Edit.afterCall, reader.at, 0, 0, 0);
  }

  #call(type: FunctionType | undefined, popped: number, at: number): void {
    if (type === undefined) throw this.#reader.malformed("expected a call of a known type, received another");
    if (!this.#isDead) {
      this.hasCall = true;
      this.edits.add(Edit.beforeCall, at, 0, 0, 0);
      this.edits.add(Edit.afterCall, this.#reader.at, 0, 0, 0);
    }
    this.#move(popped + type.params.length, type.results.length);
  }

  #controlOperator(operator: number, at: number): void {
    const control = this.#control;
    const reader = this.#reader;
    const top = control.depth - 1;
    switch (operator) {
      case Op.block:
      case Op.loop:
      case Op.if:
        this.#open(operator, at);
        return;
      case Op.else:
        this.#branches++;
        this.#isDead = control.isDeadOutside[top] === 1;
        this.#height = control.base[top]!;
        this.#move(0, control.params[top]!);
        this.marks.closeBlock(top);
        this.#charge();
        return;
      case Op.end:
        this.#close();
        return;
      case Op.unreachable:
        this.#die();
        return;
      case Op.return:
        if (!this.#isDead) {
          this.edits.add(Edit.return, at, 1, top, 0);
          control.branch(top);
        }
        this.#branches++;
        this.#die();
        return;
      case Op.br:
        this.#branchTo(reader.u32());
        this.#die();
        return;
      case 0x0d: // br_if
        this.#move(1, 0);
        this.#branchTo(reader.u32());
        this.#charge();
        return;
      case 0x0e: // br_table
        this.#branchTable(at);
        return;
      default: // nop
        return;
    }
  }

  #branchTable(at: number): void {
    const reader = this.#reader;
    const count = reader.u32();
    requireWithin("branchTable", count, at);
    for (let i = 0; i <= count; i++) this.#branchTo(reader.u32());
    this.#die();
  }

  #branchTo(label: number): void {
    this.#branches++;
    if (!this.#isDead) this.#control.branch(label);
  }

  #open(operator: number, at: number): void {
    const control = this.#control;
    requireWithin("nesting", control.depth, at);
    this.#readBlockType();
    if (operator === Op.if) this.#move(1, 0);
    this.#branches += operator === Op.loop ? LOOP_WEIGHT : 1;
    const base = Math.max(this.#height - this.#blockParams, control.base[control.depth - 1]!);
    let charge = control.charge[control.depth - 1]!;
    if (operator === Op.loop) this.hasLoop = this.hasLoop || !this.#isDead;
    if (operator !== Op.block && !this.#isDead) {
      const kind = operator === Op.loop ? Edit.loopHead : Edit.charge;
      charge = this.edits.add(kind, this.#reader.at, 0, 0, control.depth + 1);
    }
    control.push(base, this.#blockParams, this.#blockResults, charge, this.#isDead);
    this.marks.openBlock(control.depth - 1, operator === Op.loop);
    this.#height = base;
    this.#move(0, this.#blockParams);
  }

  #close(): void {
    const control = this.#control;
    const top = control.depth - 1;
    this.#height = control.base[top]!;
    const results = control.results[top]!;
    if (top > 0) this.marks.closeBlock(top);
    this.#isDead = control.isDeadOutside[top] === 1;
    const mayLeaveFurther = control.pop();
    if (control.depth === 0) return;
    this.#move(0, results);
    if (mayLeaveFurther) this.#charge();
  }

  /** What follows is paid for by a charge of its own. */
  #charge(): void {
    if (this.#isDead) return;
    this.#control.charge[this.#control.depth - 1] = this.edits.add(Edit.charge, this.#reader.at, 0, 0, 0);
  }

  /** What follows cannot be reached, up to the end of the block. */
  #die(): void {
    this.#isDead = true;
    this.#height = this.#control.base[this.#control.depth - 1]!;
  }

  #move(pops: number, pushes: number): void {
    const floor = this.#control.base[this.#control.depth - 1]!;
    const height = Math.max(this.#height - pops, floor) + pushes;
    for (let i = height - pushes; i < height; i++) this.marks.pushOther(i);
    this.#height = height;
    if (height > this.operandHeightMax) this.operandHeightMax = height;
  }

  #readBlockType(): void {
    const reader = this.#reader;
    const at = reader.at;
    const byte = reader.bytes[at]!;
    this.#blockParams = this.#blockResults = 0;
    // One byte with bit 6 set is a negative number: the empty type or a value type. Otherwise an index.
    if (byte < 0x80 && (byte & 0x40) !== 0) {
      reader.at = at + 1;
      if (byte === EMPTY) return;
      valueType(byte, at);
      this.#blockResults = 1;
      return;
    }
    const type = this.#shape.types[reader.u32()];
    if (type === undefined) throw reader.malformed("expected a block of a known type, received another");
    this.#blockParams = type.params.length;
    this.#blockResults = type.results.length;
  }

  #notAllowed(at: number): ModuleRejected {
    const bytes = this.#shape.bytes.subarray(at, this.#reader.at);
    const opcode = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    return new ModuleRejected(
      "operator-not-allowed",
      at,
      `expected an operator of WebAssembly 1.0, sign extension, saturating conversion, memory.copy or memory.fill, received opcode ${opcode}`,
      { opcode },
    );
  }

  #floatRefused(operator: number, at: number): ModuleRejected {
    const name = OPERATORS_BY_CODE[operator]!.name;
    return new ModuleRejected("float-operator", at, `expected no operator on floats, received ${name}`, {
      operator: name,
    });
  }
}
