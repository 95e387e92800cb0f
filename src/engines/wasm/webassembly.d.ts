/**
 * The part of the WebAssembly JavaScript Interface (https://www.w3.org/TR/wasm-js-api-2/) that the engine uses. The
 * compiler's own description of it comes with the whole DOM only, which a daemon must not seem to have.
 */
declare namespace WebAssembly {
  type ImportExportKind = "function" | "global" | "memory" | "table";
  // biome-ignore lint/complexity/noBannedTypes: what an instance exports is callable with whatever its type says.
  type ExportValue = Function | Global | Memory | Table;
  type Exports = Readonly<Record<string, ExportValue>>;
  // biome-ignore lint/complexity/noBannedTypes: the same for what it imports.
  type ModuleImports = Record<string, Function | Global | Memory | Table>;
  type Imports = Record<string, ModuleImports>;

  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer);
    static imports(module: Module): { module: string; name: string; kind: ImportExportKind }[];
    static exports(module: Module): { name: string; kind: ImportExportKind }[];
    static customSections(module: Module, name: string): ArrayBuffer[];
  }
  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Table {
    readonly length: number;
  }
  class Global<T extends number | bigint = number | bigint> {
    constructor(descriptor: { value: "i32" | "i64" | "f32" | "f64"; mutable?: boolean }, value?: T);
    value: T;
  }
  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}

  function validate(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): boolean;
}
