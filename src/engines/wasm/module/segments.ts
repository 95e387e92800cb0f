/**
 * Element and data segments: active ones with a constant place inside what the module declares, so that instantiation cannot
 * fail. The operators that would use passive ones are not admitted.
 */
import type { ModuleReader } from "./module-reader.ts";
import { ModuleRejected } from "./module-rejected.ts";

const I32_CONST = 0x41;
const END = 0x0b;
const FUNCTION_ELEMENTS = 0x00;

/** @param entries that the table has; everything stored must lie inside. */
export function checkElementSegments(reader: ModuleReader, count: number, entries: number): void {
  for (let i = 0; i < count; i++) {
    const at = reader.at;
    const flags = reader.u32();
    if (flags !== 0 && flags !== 2) throw notAllowed("element", at, flags);
    if (flags === 2) requireZero(reader, "table");
    const place = readPlace(reader);
    if (flags === 2 && reader.u8() !== FUNCTION_ELEMENTS) throw notAllowed("element", at, flags);
    const length = reader.u32();
    requireInside("element", at, place, length, entries);
    for (let k = 0; k < length; k++) reader.u32();
  }
}

/** @param bytes that the memory has at first. */
export function checkDataSegments(reader: ModuleReader, count: number, bytes: number): void {
  for (let i = 0; i < count; i++) {
    const at = reader.at;
    const flags = reader.u32();
    if (flags !== 0 && flags !== 2) throw notAllowed("data", at, flags);
    if (flags === 2) requireZero(reader, "memory");
    const place = readPlace(reader);
    const length = reader.u32();
    requireInside("data", at, place, length, bytes);
    reader.skip(length);
  }
}

function requireZero(reader: ModuleReader, what: string): void {
  const index = reader.u32();
  if (index !== 0) throw new ModuleRejected("segment-not-allowed", reader.at, `expected ${what} 0, received ${index}`);
}

/** The constant of `i32.const N end`, unsigned. */
function readPlace(reader: ModuleReader): number {
  const at = reader.at;
  const isConstant = reader.u8() === I32_CONST;
  let value = 0;
  if (isConstant) value = readSigned(reader);
  if (!isConstant || reader.u8() !== END) {
    throw new ModuleRejected(
      "segment-not-allowed",
      at,
      "expected a place that is one i32.const, received another expression",
    );
  }
  return value >>> 0;
}

function readSigned(reader: ModuleReader): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = reader.u8();
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return shift < 28 && (byte & 0x40) !== 0 ? value | (-1 << (shift + 7)) : value;
  }
  throw reader.malformed("expected a LEB128 number of at most 5 bytes, received more");
}

function requireInside(what: string, offset: number, place: number, length: number, size: number): void {
  if (place + length <= size) return;
  const received = `${place} to ${place + length}`;
  throw new ModuleRejected(
    "segment-out-of-bounds",
    offset,
    `expected ${what} within 0 to ${size}, received ${received}`,
    {
      place,
      length,
      size,
    },
  );
}

function notAllowed(what: string, offset: number, flags: number): ModuleRejected {
  return new ModuleRejected(
    "segment-not-allowed",
    offset,
    `expected an active ${what} segment of function indices or bytes, received form ${flags}`,
    { flags },
  );
}
