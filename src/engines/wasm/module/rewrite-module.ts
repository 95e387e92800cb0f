/**
 * Writes the instrumented module: the sections of the original, less memory, start and custom sections, with what metering
 * needs behind their own entries. The memory becomes the import `$m.m`.
 */
import { AppendedFunctions, appendedGlobals } from "./appended-functions.ts";
import { AppendedIndices } from "./appended-indices.ts";
import { FunctionEmitter } from "./function-emitter.ts";
import { FunctionScan, type ScanPolicy } from "./function-scan.ts";
import { requireWithin } from "./limits.ts";
import { ModuleRejected } from "./module-rejected.ts";
import { type ModuleShape, SectionId } from "./module-shape.ts";
import { ModuleWriter } from "./module-writer.ts";

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const MEMORY_KIND = 2;
const GLOBAL_KIND = 3;
const FUNCTION_KIND = 0;
const WITH_MAXIMUM = 1;

export interface RewritePolicy extends ScanPolicy {
  /** memory.grow answers -1 beyond it. */
  readonly limitPages: number;
  /** The most that the imported memory may declare. */
  readonly maxPages: number;
}

/** @throws ModuleRejected for an operator that is left out, or a function that passes a limit. `shape` is of a valid module. */
export function rewriteModule(shape: ModuleShape, policy: RewritePolicy): Uint8Array<ArrayBuffer> {
  const indices = new AppendedIndices(shape);
  // First the code: it decides which types are appended.
  const code = rewriteCode(shape, indices, policy);
  const out = new ModuleWriter(code.length + shape.bytes.length + 4_096);
  const section = new ModuleWriter(16 * 1024);
  const write = (id: number, fill: () => void) => {
    section.length = 0;
    fill();
    out.section(id, section);
  };
  const extend = (id: number, count: number) => {
    const range = shape.ranges.get(id);
    section.u32((range?.count ?? 0) + count);
    if (range !== undefined) section.copy(shape.bytes, range.start, range.end);
  };
  const copy = (id: number) => {
    if (shape.ranges.has(id)) write(id, () => extend(id, 0));
  };
  out.raw(...HEADER);
  write(SectionId.type, () => {
    extend(SectionId.type, indices.types.length);
    for (const type of indices.types) section.functionType(type);
  });
  write(SectionId.import, () => {
    extend(SectionId.import, 1);
    section.name("$m");
    section.name("m");
    section.raw(MEMORY_KIND, WITH_MAXIMUM);
    section.u32(shape.memory?.initial ?? 0);
    section.u32(policy.maxPages);
  });
  write(SectionId.function, () => {
    extend(SectionId.function, AppendedFunctions.count(shape));
    for (const type of [indices.growType, indices.bulkType, indices.bulkType, indices.nothingType]) section.u32(type);
    if (shape.start !== undefined) section.u32(indices.nothingType);
  });
  copy(SectionId.table);
  write(SectionId.global, () => {
    const appended = appendedGlobals(shape);
    extend(SectionId.global, appended.count);
    section.copy(appended.bytes.bytes, 0, appended.bytes.length);
  });
  write(SectionId.export, () => {
    const appended: [string, number, number][] = [
      ["$gas", GLOBAL_KIND, indices.gas],
      ["$stack", GLOBAL_KIND, indices.stack],
      ["$pages", GLOBAL_KIND, indices.pages],
      ["$dirty", GLOBAL_KIND, indices.dirty],
      ["$blocks", GLOBAL_KIND, indices.blocks],
      ["$reset", FUNCTION_KIND, indices.reset],
    ];
    if (shape.start !== undefined) appended.push(["$start", FUNCTION_KIND, indices.start]);
    extend(SectionId.export, appended.length);
    for (const [name, kind, index] of appended) {
      section.name(name);
      section.u8(kind);
      section.u32(index);
    }
  });
  copy(SectionId.element);
  const dataCount = shape.ranges.get(SectionId.dataCount);
  if (dataCount !== undefined) write(SectionId.dataCount, () => section.u32(dataCount.count));
  out.section(SectionId.code, code);
  copy(SectionId.data);
  return out.take();
}

function rewriteCode(shape: ModuleShape, indices: AppendedIndices, policy: RewritePolicy): ModuleWriter {
  const code = new ModuleWriter(shape.bytes.length * 2 + 4_096);
  const scan = new FunctionScan(shape, policy);
  const emitter = new FunctionEmitter(shape.bytes, indices);
  let weight = 0;
  code.u32(shape.bodies.length + AppendedFunctions.count(shape));
  for (const [i, body] of shape.bodies.entries()) {
    const type = shape.types[shape.functions[i]!];
    if (type === undefined) throw new ModuleRejected("malformed", body.start, "expected a function of a known type");
    scan.scan(body, type);
    weight += scan.weight;
    requireWithin("moduleWeight", weight, body.start);
    emitter.emit(code, body, type, scan);
  }
  new AppendedFunctions(shape, indices, code).emit(policy.limitPages, policy.tracksDirtyPages);
  return code;
}
