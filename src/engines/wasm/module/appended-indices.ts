/**
 * Where the appended globals, functions and types of an instrumented module are. They follow the module's own, so that no
 * index of the original changes; the original was validated before, so that it can't name them.
 */
import type { ModuleShape } from "./module-shape.ts";
import type { FunctionType, ValueType } from "./wasm-types.ts";

const NOTHING: FunctionType = { params: [], results: [] };
const GROW: FunctionType = { params: ["i32"], results: ["i32"] };
const BULK: FunctionType = { params: ["i32", "i32", "i32"], results: [] };

export class AppendedIndices {
  readonly gas: number;
  readonly stack: number;
  readonly pages: number;
  readonly dirty: number;
  readonly blocks: number;
  /** With a start function: a copy of each mutable global, then of `pages`, as they were when it returned. */
  readonly firstCopy: number;

  readonly grow: number;
  readonly copy: number;
  readonly fill: number;
  readonly reset: number;
  /** Present with a start function. */
  readonly start: number;

  readonly nothingType: number;
  readonly growType: number;
  readonly bulkType: number;
  readonly #firstType: number;
  readonly #types: FunctionType[] = [NOTHING, GROW, BULK];

  constructor(shape: ModuleShape) {
    const globals = shape.globals.length;
    this.gas = globals;
    this.stack = globals + 1;
    this.pages = globals + 2;
    this.dirty = globals + 3;
    this.blocks = globals + 4;
    this.firstCopy = globals + 5;
    const functions = shape.imports.length + shape.functions.length;
    this.grow = functions;
    this.copy = functions + 1;
    this.fill = functions + 2;
    this.reset = functions + 3;
    this.start = functions + 4;
    this.#firstType = shape.types.length;
    this.nothingType = this.#firstType;
    this.growType = this.#firstType + 1;
    this.bulkType = this.#firstType + 2;
  }

  get types(): readonly FunctionType[] {
    return this.#types;
  }

  /** The type of a block without parameters that has these results: two or more. */
  blockType(results: readonly ValueType[]): number {
    const wanted = results.join();
    let index = this.#types.findIndex((type) => type.params.length === 0 && type.results.join() === wanted);
    if (index < 0) index = this.#types.push({ params: [], results }) - 1;
    return this.#firstType + index;
  }
}
