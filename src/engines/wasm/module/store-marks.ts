/**
 * Which stores of a function need to note their page. Compilers store again and again through one local: a frame's base, a
 * structure's address. The first store through it notes the page; those that it dominates need not, as long as the local is
 * not assigned and the static offset stays within the overhang of a page's mark (dirty-pages.ts).
 *
 * A mark made inside a block holds to the end of the block, unless a loop begins: on its second turn the local may be another.
 * Inside a loop it mostly is, and a few bytes further only: such locals are watched, and noted when they come to another block.
 */
import { DIRTY_OVERHANG_BYTES } from "./dirty-pages.ts";
import { LIMITS } from "./limits.ts";

const NONE = -1;
/** Each takes a local, which loops hold in a register. */
const WATCHED_MAX = 4;
/** The widest store takes 8 bytes. */
const OFFSET_MAX = DIRTY_OVERHANG_BYTES - 8;

export function isWithinOverhang(offset: number): boolean {
  return offset <= OFFSET_MAX;
}

export class StoreMarks {
  /** By height of the operand: the local that it is a copy of, and which of its values. */
  readonly #origin = new Int32Array(LIMITS.operandHeight + 1);
  readonly #originVersion = new Int32Array(LIMITS.operandHeight + 1);
  readonly #version = new Int32Array(LIMITS.locals);
  /** The version whose page is noted, and where in the list of marks. */
  readonly #marked = new Int32Array(LIMITS.locals);
  readonly #markedAt = new Int32Array(LIMITS.locals);
  #marks: number[] = [];
  /** Marks before this one do not count. */
  #floor = 0;
  readonly #lengthOutside = new Int32Array(LIMITS.nesting + 2);
  readonly #floorOutside = new Int32Array(LIMITS.nesting + 2);
  /** Loops that are open, and those that were when a block was opened. */
  #loops = 0;
  readonly #loopsOutside = new Int32Array(LIMITS.nesting + 2);
  #watched: number[] = [];

  begin(locals: number): void {
    this.#version.fill(0, 0, locals);
    this.#marked.fill(NONE, 0, locals);
    this.#marks = [];
    this.#watched = [];
    this.#floor = 0;
    this.#loops = 0;
  }

  /** Locals through which loops store. */
  get watched(): readonly number[] {
    return this.#watched;
  }

  /** Whether a store through the local, here, notes its page only when the local has come to another block. */
  watch(local: number): boolean {
    if (this.#loops === 0) return false;
    if (this.#watched.includes(local)) return true;
    if (this.#watched.length === WATCHED_MAX) return false;
    this.#watched.push(local);
    return true;
  }

  /** The operand at `height` is a copy of `local`. */
  pushLocal(height: number, local: number): void {
    this.#origin[height] = local;
    this.#originVersion[height] = this.#version[local]!;
  }

  pushOther(height: number): void {
    this.#origin[height] = NONE;
  }

  assign(local: number): void {
    this.#version[local]!++;
  }

  /** The local that still holds what the operand at `height` is, or -1. */
  localAt(height: number): number {
    const local = this.#origin[height] ?? NONE;
    return local !== NONE && this.#originVersion[height] === this.#version[local] ? local : NONE;
  }

  /** Notes the page of what `local` holds; false when that is done already. */
  mark(local: number): boolean {
    const isMarked = this.#marked[local] === this.#version[local] && this.#markedAt[local]! >= this.#floor;
    if (isMarked) return false;
    this.#marked[local] = this.#version[local]!;
    this.#markedAt[local] = this.#marks.push(local) - 1;
    return true;
  }

  openBlock(depth: number, isLoop: boolean): void {
    this.#lengthOutside[depth] = this.#marks.length;
    this.#floorOutside[depth] = this.#floor;
    this.#loopsOutside[depth] = this.#loops;
    if (!isLoop) return;
    this.#loops++;
    this.#floor = this.#marks.length;
  }

  /** Of the block of this depth, at its end and at its else: what was marked inside may have been passed over. */
  closeBlock(depth: number): void {
    const length = this.#lengthOutside[depth]!;
    while (this.#marks.length > length) this.#marked[this.#marks.pop()!] = NONE;
    this.#floor = this.#floorOutside[depth]!;
    this.#loops = this.#loopsOutside[depth]!;
  }
}
