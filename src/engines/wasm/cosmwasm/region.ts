/**
 * Regions: how a CosmWasm contract hands over bytes. A pointer leads to 12 bytes, little-endian u32 each:
 *   offset of the bytes ‖ capacity that was allocated ‖ length in use
 * All three are the guest's word and are checked before they are believed; what is wrong with them halts the frame.
 */
import { readU32, writeU32 } from "../../../encoding/bytes.ts";
import { Halt } from "../../../execution/gas.ts";

export const REGION_BYTES = 12;

/** The guest's memory, as an InstanceSlot has it. */
export interface GuestMemory {
  readonly bytes: Uint8Array;
  /** Where the host may write: marks the pages as changed. @throws Halt Unreachable when it lies outside. */
  claim(pointer: number, length: number): number;
}

export interface Region {
  readonly offset: number;
  readonly capacity: number;
  readonly length: number;
}

/** @param pointer as WebAssembly hands it over: an i32, signed or not. @throws Halt Unreachable */
export function readRegion(memory: GuestMemory, pointer: number): Region {
  const at = pointer >>> 0;
  const { bytes } = memory;
  if (at === 0 || at + REGION_BYTES > bytes.length) throw new Halt("Unreachable");
  const offset = readU32(bytes, at);
  const capacity = readU32(bytes, at + 4);
  const length = readU32(bytes, at + 8);
  if (offset === 0 || length > capacity || offset + capacity > bytes.length) throw new Halt("Unreachable");
  return { offset, capacity, length };
}

/** The bytes of a region, copied. @throws Halt Unreachable also when there are more than `bytesMax`. */
export function readBytes(memory: GuestMemory, pointer: number, bytesMax: number): Uint8Array {
  return viewBytes(memory, pointer, bytesMax).slice();
}

/** The bytes of a region in place: they are the guest's to change as soon as it runs. @throws as `readBytes` */
export function viewBytes(memory: GuestMemory, pointer: number, bytesMax: number): Uint8Array {
  const { offset, length } = readRegion(memory, pointer);
  if (length > bytesMax) throw new Halt("Unreachable");
  return memory.bytes.subarray(offset, offset + length);
}

/** Puts bytes into a region that the guest allocated. @throws Halt Unreachable when they do not fit. */
export function writeBytes(memory: GuestMemory, pointer: number, source: Uint8Array): void {
  const { offset, capacity } = readRegion(memory, pointer);
  if (source.length > capacity) throw new Halt("Unreachable");
  memory.claim(offset, source.length);
  memory.bytes.set(source, offset);
  const at = memory.claim(pointer, REGION_BYTES);
  writeU32(memory.bytes, at + 8, source.length);
}

/** CosmWasm's encoding of several byte strings in one: each followed by its length as a big-endian u32. */
export function encodeSections(sections: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(sections.reduce((sum, { length }) => sum + length + 4, 0));
  let at = 0;
  for (const section of sections) {
    whole.set(section, at);
    at += section.length;
    whole[at++] = section.length >>> 24;
    whole[at++] = section.length >>> 16;
    whole[at++] = section.length >>> 8;
    whole[at++] = section.length;
  }
  return whole;
}

/** @throws Halt Unreachable when the lengths do not add up, or there are more sections than `countMax`. */
export function decodeSections(bytes: Uint8Array, countMax: number): Uint8Array[] {
  const sections: Uint8Array[] = [];
  let end = bytes.length;
  while (end > 0) {
    if (end < 4 || sections.length === countMax) throw new Halt("Unreachable");
    end -= 4;
    const length = ((bytes[end]! << 24) | (bytes[end + 1]! << 16) | (bytes[end + 2]! << 8) | bytes[end + 3]!) >>> 0;
    if (length > end) throw new Halt("Unreachable");
    sections.push(bytes.subarray(end - length, end));
    end -= length;
  }
  return sections.reverse();
}
