/**
 * Reads a module's sections and holds them against the limits, before V8 sees the bytes: validation itself can be made slow.
 * Follows the WebAssembly Core Specification 2.0, chapter 5 (binary format). The instructions of the bodies are read later,
 * when they are known to be valid (function-scan.ts).
 */
import { requireWithin } from "./limits.ts";
import { ModuleReader } from "./module-reader.ts";
import { ModuleRejected } from "./module-rejected.ts";
import {
  type CustomSection,
  type FunctionBody,
  type ImportedFunction,
  type ModuleExport,
  type ModuleGlobal,
  type ModuleShape,
  SectionId,
  type VectorRange,
} from "./module-shape.ts";
import { checkDataSegments, checkElementSegments } from "./segments.ts";
import { F32, F64, type FunctionType, I32, I64, valueType } from "./wasm-types.ts";

const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const FUNCTION_FORM = 0x60;
const FUNCREF = 0x70;
const END = 0x0b;
const EXPORT_KINDS = ["function", "table", "memory", "global"] as const;
const IMPORT_KINDS = ["a function", "a table", "a memory", "a global"];
/** The constant instruction of each type, and how many bytes its LEB128 or bits may take. */
const CONSTANTS: Readonly<Record<number, { opcode: number; lebMax?: number; bytes?: number }>> = {
  [I32]: { opcode: 0x41, lebMax: 5 },
  [I64]: { opcode: 0x42, lebMax: 10 },
  [F32]: { opcode: 0x43, bytes: 4 },
  [F64]: { opcode: 0x44, bytes: 8 },
};

/** @throws ModuleRejected when the bytes are no module, or pass a limit. */
export function parseModule(bytes: Uint8Array): ModuleShape {
  requireWithin("moduleBytes", bytes.length, 0);
  const reader = new ModuleReader(bytes);
  for (const expected of MAGIC_AND_VERSION) {
    if (reader.u8() !== expected) {
      throw new ModuleRejected("malformed", 0, "expected a WebAssembly module of version 1 (00 61 73 6d 01 00 00 00)");
    }
  }
  const draft = new ModuleDraft(bytes);
  while (reader.at < bytes.length) {
    const id = reader.u8();
    const size = reader.u32();
    const start = reader.at;
    reader.skip(size);
    draft.section(id, new ModuleReader(bytes, start, reader.at));
  }
  return draft.finish();
}

class ModuleDraft {
  readonly #bytes: Uint8Array;
  #types: FunctionType[] = [];
  #imports: ImportedFunction[] = [];
  #functions: number[] = [];
  #globals: ModuleGlobal[] = [];
  #exports: ModuleExport[] = [];
  #bodies: FunctionBody[] = [];
  #tableEntries = 0;
  #memory: { initial: number; maximum: number | undefined } | undefined;
  #start: number | undefined;
  readonly #customSections: CustomSection[] = [];
  readonly #ranges = new Map<number, VectorRange>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  section(id: number, reader: ModuleReader): void {
    if (id === SectionId.custom) {
      this.#custom(reader);
      return;
    }
    if (id > SectionId.dataCount) {
      throw new ModuleRejected("malformed", reader.at, `expected a section of id 0 to 12, received ${id}`);
    }
    if (id === SectionId.start) {
      this.#start = reader.u32();
      return;
    }
    if (this.#ranges.has(id)) throw reader.malformed(`expected one section of id ${id}, received another`);
    const count = reader.u32();
    this.#ranges.set(id, { count, start: reader.at, end: reader.end });
    if (id === SectionId.dataCount) return;
    this.#vector(id, count, reader);
    if (reader.at !== reader.end) throw reader.malformed(`expected the end of section ${id}, received more bytes`);
  }

  #vector(id: number, count: number, reader: ModuleReader): void {
    const at = reader.at;
    switch (id) {
      case SectionId.type:
        requireWithin("types", count, at);
        for (let i = 0; i < count; i++) this.#types.push(readFunctionType(reader));
        return;
      case SectionId.import:
        requireWithin("imports", count, at);
        for (let i = 0; i < count; i++) this.#imports.push(readImport(reader));
        return;
      case SectionId.function:
        requireWithin("functions", count, at);
        for (let i = 0; i < count; i++) this.#functions.push(reader.u32());
        return;
      case SectionId.table:
        this.#table(count, reader);
        return;
      case SectionId.memory:
        if (count > 1) throw new ModuleRejected("memory-not-allowed", at, `expected one memory, received ${count}`);
        if (count === 1) this.#memory = readLimits(reader, "memory-not-allowed");
        return;
      case SectionId.global:
        requireWithin("globals", count, at);
        for (let i = 0; i < count; i++) this.#globals.push(readGlobal(reader));
        return;
      case SectionId.export:
        requireWithin("exports", count, at);
        for (let i = 0; i < count; i++) this.#exports.push(readExport(reader));
        return;
      case SectionId.element:
        requireWithin("elementSegments", count, at);
        checkElementSegments(reader, count, this.#tableEntries);
        return;
      case SectionId.code:
        requireWithin("functions", count, at);
        for (let i = 0; i < count; i++) this.#bodies.push(readBody(reader));
        return;
      default:
        requireWithin("dataSegments", count, at);
        checkDataSegments(reader, count, (this.#memory?.initial ?? 0) * 65_536);
        return;
    }
  }

  #table(count: number, reader: ModuleReader): void {
    const at = reader.at;
    if (count > 1) throw new ModuleRejected("type-not-allowed", at, `expected at most one table, received ${count}`);
    if (count === 0) return;
    const type = reader.u8();
    if (type !== FUNCREF) {
      throw new ModuleRejected("type-not-allowed", at, `expected a table of functions (0x70), received type ${type}`);
    }
    this.#tableEntries = readLimits(reader, "type-not-allowed").initial;
    requireWithin("tableEntries", this.#tableEntries, at);
  }

  #custom(reader: ModuleReader): void {
    requireWithin("customSections", this.#customSections.length + 1, reader.at);
    const name = reader.name();
    this.#customSections.push({ name, bytes: this.#bytes.slice(reader.at, reader.end) });
  }

  finish(): ModuleShape {
    requireWithin("functions", this.#functions.length + this.#imports.length, 0);
    if (this.#functions.length !== this.#bodies.length) {
      const received = `${this.#functions.length} declared and ${this.#bodies.length} defined`;
      throw new ModuleRejected(
        "malformed",
        this.#bytes.length,
        `expected a body for every function, received ${received}`,
      );
    }
    return {
      bytes: this.#bytes,
      types: this.#types,
      imports: this.#imports,
      functions: this.#functions,
      globals: this.#globals,
      exports: this.#exports,
      bodies: this.#bodies,
      tableEntries: this.#tableEntries,
      memory: this.#memory,
      start: this.#start,
      customSections: this.#customSections,
      ranges: this.#ranges,
    };
  }
}

function readFunctionType(reader: ModuleReader): FunctionType {
  const at = reader.at;
  const form = reader.u8();
  if (form !== FUNCTION_FORM) {
    throw new ModuleRejected("type-not-allowed", at, `expected a function type (0x60), received form ${form}`);
  }
  const readTypes = (limit: "parameters" | "results") => {
    const count = reader.u32();
    requireWithin(limit, count, at);
    return Array.from({ length: count }, () => valueType(reader.u8(), reader.at - 1));
  };
  const params = readTypes("parameters");
  return { params, results: readTypes("results") };
}

function readImport(reader: ModuleReader): ImportedFunction {
  const offset = reader.at;
  const module = reader.name();
  const name = reader.name();
  const kind = reader.u8();
  if (kind !== 0) {
    const received = IMPORT_KINDS[kind] ?? `kind ${kind}`;
    throw new ModuleRejected(
      "import-not-allowed",
      offset,
      `expected ${module}.${name} to be a function, received ${received}`,
      {
        import: `${module}.${name}`,
      },
    );
  }
  return { module, name, typeIndex: reader.u32(), offset };
}

/** Limits of 32-bit memories and tables; shared and 64-bit ones are refused. */
function readLimits(reader: ModuleReader, rule: "memory-not-allowed" | "type-not-allowed") {
  const at = reader.at;
  const flags = reader.u8();
  if (flags > 1) throw new ModuleRejected(rule, at, `expected limits of form 0 or 1, received ${flags}`);
  const initial = reader.u32();
  return { initial, maximum: flags === 1 ? reader.u32() : undefined };
}

function readGlobal(reader: ModuleReader): ModuleGlobal {
  const at = reader.at;
  const typeByte = reader.u8();
  const type = valueType(typeByte, at);
  const mutability = reader.u8();
  if (mutability > 1) throw reader.malformed(`expected a global's mutability 0 or 1, received ${mutability}`);
  const initStart = reader.at;
  const constant = CONSTANTS[typeByte]!;
  const opcode = reader.u8();
  if (opcode !== constant.opcode) {
    throw new ModuleRejected("initial-value", initStart, `expected ${type}.const, received opcode ${opcode}`);
  }
  if (constant.bytes !== undefined) reader.skip(constant.bytes);
  else reader.skipNumber(constant.lebMax!);
  const initEnd = reader.at;
  if (reader.u8() !== END) throw new ModuleRejected("initial-value", initEnd, `expected one constant, received more`);
  return { type, isMutable: mutability === 1, initStart, initEnd };
}

function readExport(reader: ModuleReader): ModuleExport {
  const offset = reader.at;
  const name = reader.name();
  const kind = EXPORT_KINDS[reader.u8()];
  if (kind === undefined) throw reader.malformed("expected an export of kind 0 to 3, received another");
  return { name, kind, index: reader.u32(), offset };
}

function readBody(reader: ModuleReader): FunctionBody {
  const size = reader.u32();
  requireWithin("bodyBytes", size, reader.at);
  const start = reader.at;
  reader.skip(size);
  const inside = new ModuleReader(reader.bytes, start, reader.at);
  let locals = 0;
  for (let groups = inside.u32(); groups > 0; groups--) {
    locals += inside.u32();
    requireWithin("locals", locals, start);
    valueType(inside.u8(), inside.at - 1);
  }
  return { start, code: inside.at, end: reader.at, locals };
}
