/**
 * Admission of a module: parsed, held against the limits, validated by V8, held against the ABI's imports and exports, and
 * rewritten so that gas and stack height are counted and every call can start from the same state.
 *
 * The instrumented module imports its memory as `$m.m` and has, beside its own exports:
 *   $gas    mutable i64   remaining; set before a call, read after. Negative: out of gas. A host function tests it first.
 *   $stack  mutable i32   remaining stack height; -1: overflow. Functions that call nothing take none.
 *   $pages  mutable i32   pages of memory as the module sees them; -1: the host failed to grow the memory below its limit,
 *                         a fault of this machine and never an outcome.
 *   $dirty  mutable i64   pages that were written to (dirty-pages.ts); 0 in a module that begins with none.
 *   $blocks mutable i64   blocks of those pages that were written to.
 *   $reset  () -> ()      every mutable global, $stack, $pages, $dirty and $blocks as they were at first. $gas stays.
 *   $start  () -> ()      present when there was a start section: runs it, metered. What the globals hold when it returns is
 *                         what $reset restores from then on.
 *
 * Always
 *  - An instrumented module is valid, and instantiates with any memory of at least `initialPages`, at most `maxPages`.
 *  - When a call returns, $gas has gone down by the prices of the instructions executed and what host functions took. When it
 *    traps, the rest of $gas is no measure: all of it counts as used.
 *  - A trap that leaves $gas ≥ 0, $stack ≥ 0 and $pages ≥ 0 is the module's own.
 */
import { checkExports, checkImports } from "./module-policy.ts";
import { ModuleRejected } from "./module-rejected.ts";
import { type CustomSection, type ExportKind, type ModuleShape, typeOfFunction } from "./module-shape.ts";
import { parseModule } from "./parse-module.ts";
import { rewriteModule } from "./rewrite-module.ts";
import type { FunctionType, ValueType } from "./wasm-types.ts";

export type { FunctionType, ValueType };

/** Of limits, operators, prices and the form of the output: part of the code's identity. */
export const METERING_VERSION = 1;

/** Physical pages beyond the declared minimum: most calls grow a little, and real growth costs a new memory. */
export const SLACK_PAGES = 4;

/** A module of so few pages gets no slack: few of them ever grow. */
const EXACT_PAGES_MAX = 2;

export interface ModulePolicy {
  /** Imports that the ABI allows: "module.name" → type. */
  readonly imports: ReadonlyMap<string, FunctionType>;
  /** Functions that the ABI requires to be exported. `memory` is always required. */
  readonly exports: ReadonlyMap<string, FunctionType>;
  readonly floats: "refuse" | "canonicalise";
  /** Pages as the module sees them; a module that declares less gets less. */
  readonly memoryPagesMax: number;
}

export interface ExportedItem {
  readonly name: string;
  readonly kind: ExportKind;
  /** Empty unless it is a function. */
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface InstrumentedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Declared minimum. */
  readonly initialPages: number;
  /** The memory is created with initialPages + slackPages. */
  readonly slackPages: number;
  /** Maximum to create the memory with; the same for every module of a policy. */
  readonly maxPages: number;
  readonly tracksDirtyPages: boolean;
  readonly hasStart: boolean;
  /** Functions, in order; `$m.m` not counted. */
  readonly imports: readonly { readonly module: string; readonly name: string }[];
  /** Of the original. */
  readonly exports: readonly ExportedItem[];
  /** Of the original; `bytes` has none. */
  readonly customSections: readonly CustomSection[];
}

/** @throws ModuleRejected, naming the rule and the byte. */
export function instrumentModule(code: Uint8Array, policy: ModulePolicy): InstrumentedModule {
  const shape = parseModule(code);
  requireValid(code);
  const { initial, maximum } = checkMemory(shape, policy);
  checkImports(shape, policy.imports);
  checkExports(shape, policy.exports);
  const tracksDirtyPages = initial > 0;
  const maxPages = policy.memoryPagesMax + SLACK_PAGES;
  const bytes = rewriteModule(shape, { floats: policy.floats, tracksDirtyPages, limitPages: maximum, maxPages });
  return {
    bytes,
    initialPages: initial,
    slackPages: initial > EXACT_PAGES_MAX ? SLACK_PAGES : 0,
    maxPages,
    tracksDirtyPages,
    hasStart: shape.start !== undefined,
    imports: shape.imports.map(({ module, name }) => ({ module, name })),
    exports: shape.exports.map(({ name, kind, index }) => {
      const type = kind === "function" ? typeOfFunction(shape, index) : undefined;
      return { name, kind, params: type?.params ?? [], results: type?.results ?? [] };
    }),
    customSections: shape.customSections,
  };
}

/** @throws ModuleRejected with what V8 found, when the module is not valid. */
export function requireValid(code: Uint8Array): void {
  const bytes = code as Uint8Array<ArrayBuffer>;
  if (WebAssembly.validate(bytes)) return;
  let problem = "expected a valid module";
  try {
    new WebAssembly.Module(bytes);
  } catch (error) {
    problem = String(error instanceof Error ? error.message : error).replace(/^WebAssembly\.Module\(\): /, "");
  }
  const offset = /@\+(\d+)/.exec(problem);
  throw new ModuleRejected("invalid-module", Number(offset?.[1] ?? 0), problem.replace(/ @\+\d+$/, ""));
}

function checkMemory(shape: ModuleShape, policy: ModulePolicy): { initial: number; maximum: number } {
  if (shape.memory === undefined) {
    throw new ModuleRejected("memory-not-allowed", 0, "expected the module to define a memory, received none");
  }
  const { initial, maximum } = shape.memory;
  if (initial > policy.memoryPagesMax) {
    const expected = `expected a memory of at most ${policy.memoryPagesMax} pages at first`;
    throw new ModuleRejected("memory-not-allowed", 0, `${expected}, received ${initial}`, {
      limit: policy.memoryPagesMax,
      received: initial,
    });
  }
  return { initial, maximum: Math.min(maximum ?? policy.memoryPagesMax, policy.memoryPagesMax) };
}
