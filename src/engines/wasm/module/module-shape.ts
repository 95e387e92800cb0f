/** What parsing keeps of a module: its sections as ranges of the bytes, and what admission and rewriting ask about. */
import type { FunctionType, ValueType } from "./wasm-types.ts";

/** The items of a section's vector, behind their count. */
export interface VectorRange {
  readonly count: number;
  readonly start: number;
  readonly end: number;
}

export const SectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;

export interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly typeIndex: number;
  readonly offset: number;
}

export interface ModuleGlobal {
  readonly type: ValueType;
  readonly isMutable: boolean;
  /** The constant instruction of its initial value, without the end. */
  readonly initStart: number;
  readonly initEnd: number;
}

export type ExportKind = "function" | "table" | "memory" | "global";

export interface ModuleExport {
  readonly name: string;
  readonly kind: ExportKind;
  readonly index: number;
  readonly offset: number;
}

export interface FunctionBody {
  /** Of the declarations of locals: the first byte behind the body's size. */
  readonly start: number;
  /** The first instruction. */
  readonly code: number;
  readonly end: number;
  /** Declared, parameters not counted. */
  readonly locals: number;
}

export interface CustomSection {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface ModuleShape {
  readonly bytes: Uint8Array;
  readonly types: readonly FunctionType[];
  readonly imports: readonly ImportedFunction[];
  /** Type index of each function that the module defines. */
  readonly functions: readonly number[];
  readonly globals: readonly ModuleGlobal[];
  readonly exports: readonly ModuleExport[];
  readonly bodies: readonly FunctionBody[];
  readonly tableEntries: number;
  /** Undefined when the module has no memory. */
  readonly memory: { readonly initial: number; readonly maximum: number | undefined } | undefined;
  /** Function index. */
  readonly start: number | undefined;
  readonly customSections: readonly CustomSection[];
  /** By section id; those that are copied. */
  readonly ranges: ReadonlyMap<number, VectorRange>;
}

/** Undefined for an index that no function has. */
export function typeOfFunction(shape: ModuleShape, index: number): FunctionType | undefined {
  const imported = shape.imports[index];
  const typeIndex = imported !== undefined ? imported.typeIndex : shape.functions[index - shape.imports.length];
  return typeIndex === undefined ? undefined : shape.types[typeIndex];
}
