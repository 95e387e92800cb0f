/**
 * What a module imports and exports, read without checking it: enough to tell which ABI it speaks. The rewriter, which
 * needs the ABI's policy, checks everything afterwards and says what is wrong with a module that does not read.
 */
import type { ModuleNames } from "./abi.ts";
import { ModuleReader } from "./module/module-reader.ts";
import { ModuleRejected } from "./module/module-rejected.ts";
import { SectionId } from "./module/module-shape.ts";

const HEADER_BYTES = 8;
/** Kinds of an import in the binary format: function, table, memory, global. */
const ImportKind = { function: 0, table: 1, memory: 2, global: 3 } as const;
/** Names looked at: an ABI shows itself in the first few, and the rewriter allows no more. */
const NAMES_MAX = 2_000;

/** Names up to the first byte that does not read. */
export function readModuleNames(module: Uint8Array): ModuleNames {
  const names = { imports: [] as { module: string; name: string }[], exports: [] as string[] };
  const reader = new ModuleReader(module, Math.min(HEADER_BYTES, module.length));
  try {
    while (reader.at < reader.end) {
      const id = reader.u8();
      const end = reader.u32() + reader.at;
      if (id === SectionId.import) readImports(reader, names.imports);
      else if (id === SectionId.export) readExports(reader, names.exports);
      reader.at = end;
    }
  } catch (problem) {
    if (!(problem instanceof ModuleRejected)) throw problem;
  }
  return names;
}

function readImports(reader: ModuleReader, out: { module: string; name: string }[]): void {
  for (let count = Math.min(reader.u32(), NAMES_MAX); count > 0; count--) {
    out.push({ module: reader.name(), name: reader.name() });
    const kind = reader.u8();
    if (kind === ImportKind.function) reader.u32();
    else if (kind === ImportKind.global) reader.skip(2);
    else {
      if (kind === ImportKind.table) reader.skip(1);
      const hasMaximum = (reader.u8() & 1) === 1;
      reader.u32();
      if (hasMaximum) reader.u32();
    }
  }
}

function readExports(reader: ModuleReader, out: string[]): void {
  for (let count = Math.min(reader.u32(), NAMES_MAX); count > 0; count--) {
    out.push(reader.name());
    reader.u8();
    reader.u32();
  }
}
