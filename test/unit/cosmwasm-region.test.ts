/** Regions and sections that a hostile guest may hand over: whatever they say, the host stays inside the memory. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeU32 } from "../../src/encoding/bytes.ts";
import {
  decodeSections,
  encodeSections,
  type GuestMemory,
  readBytes,
  readRegion,
  writeBytes,
} from "../../src/engines/wasm/cosmwasm/region.ts";
import { Halt } from "../../src/execution/gas.ts";

const SIZE = 65_536;

class Memory implements GuestMemory {
  readonly bytes = new Uint8Array(SIZE);
  readonly claimed: [number, number][] = [];
  claim(pointer: number, length: number): number {
    const start = pointer >>> 0;
    if (start + length > SIZE) throw new Halt("Unreachable");
    this.claimed.push([start, length]);
    return start;
  }
  region(at: number, offset: number, capacity: number, length: number): void {
    writeU32(this.bytes, at, offset);
    writeU32(this.bytes, at + 4, capacity);
    writeU32(this.bytes, at + 8, length);
  }
}

function haltReason(run: () => unknown): string {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof Halt) return thrown.reason;
    throw thrown;
  }
  return "none";
}

describe("regions", () => {
  it.each([
    ["at zero", 0, [16, 4, 4]],
    ["that begin in the memory and end outside it", SIZE - 8, [16, 4, 4]],
    ["behind the memory", SIZE, [16, 4, 4]],
    ["at a negative pointer", -12, [16, 4, 4]],
    ["with offset zero", 64, [0, 4, 4]],
    ["longer than their capacity", 64, [16, 4, 5]],
    ["whose capacity leaves the memory", 64, [SIZE - 4, 5, 1]],
    ["whose end wraps around", 64, [0xffff_fff0, 0x20, 0x20]],
    ["as large as numbers go", 64, [0xffff_ffff, 0xffff_ffff, 0xffff_ffff]],
  ])("%s halt", (_name, pointer, [offset, capacity, length]) => {
    const memory = new Memory();
    if (pointer > 0 && pointer + 12 <= SIZE) memory.region(pointer, offset!, capacity!, length!);
    expect(haltReason(() => readRegion(memory, pointer))).toBe("Unreachable");
    expect(haltReason(() => writeBytes(memory, pointer, Uint8Array.of(1)))).toBe("Unreachable");
    expect(memory.claimed).toEqual([]);
  });

  it("may end with the memory's last byte", () => {
    const memory = new Memory();
    memory.region(SIZE - 12, SIZE - 16, 4, 4);
    memory.bytes.set([1, 2, 3, 4], SIZE - 16);
    expect(readBytes(memory, SIZE - 12, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(haltReason(() => readBytes(memory, SIZE - 12, 3))).toBe("Unreachable");
  });

  it("are written up to their capacity, and say so; what was written counts as changed", () => {
    const memory = new Memory();
    memory.region(64, 1000, 3, 0);
    writeBytes(memory, 64, Uint8Array.of(7, 8, 9));
    expect(readBytes(memory, 64, 3)).toEqual(Uint8Array.of(7, 8, 9));
    expect(memory.claimed).toEqual([
      [1000, 3],
      [64, 12],
    ]);
    expect(haltReason(() => writeBytes(memory, 64, new Uint8Array(4)))).toBe("Unreachable");
  });

  it("never lead outside, whatever they hold", () => {
    const any = fc.oneof(fc.nat(SIZE + 20), fc.integer({ min: 0, max: 0xffff_ffff }));
    fc.assert(
      fc.property(fc.integer(), any, any, any, (pointer, offset, capacity, length) => {
        const memory = new Memory();
        const at = (pointer >>> 0) % (SIZE - 12);
        memory.region(at, offset, capacity, length);
        if (haltReason(() => readRegion(memory, at)) === "none") {
          const region = readRegion(memory, at);
          expect(region.offset + region.capacity).toBeLessThanOrEqual(SIZE);
          expect(readBytes(memory, at, SIZE)).toHaveLength(region.length);
        }
      }),
    );
  });
});

describe("sections", () => {
  it("come back as they went", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (sections) => {
        expect(decodeSections(encodeSections(sections), 10)).toEqual(sections);
      }),
    );
  });

  it("whose lengths do not add up halt", () => {
    for (const bytes of [[1], [0, 0, 0], [0, 0, 0, 1], [5, 0, 0, 0, 2], [0xff, 0xff, 0xff, 0xff]])
      expect(haltReason(() => decodeSections(Uint8Array.from(bytes), 10))).toBe("Unreachable");
    expect(haltReason(() => decodeSections(encodeSections([1, 2, 3].map(() => new Uint8Array(0))), 2))).toBe(
      "Unreachable",
    );
  });

  it("of any bytes decode or halt", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(["none", "Unreachable"]).toContain(haltReason(() => decodeSections(bytes, 8)));
      }),
    );
  });
});
