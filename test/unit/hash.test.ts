import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type BatchHasher, merklePath, portableHasher } from "../../src/encoding/hash.ts";
import { nativeHasher } from "../../src/native/hash.ts";
import { describeWith } from "../support/describe-with.ts";
import { NATIVE } from "../support/need.ts";
import { requireAddon } from "../support/state-trees.ts";

const hashers: [string, BatchHasher][] = [
  ...(NATIVE.isMet ? [["native", nativeHasher(requireAddon())] as [string, BatchHasher]] : []),
  ["portable", portableHasher],
];

const NO_PREFIX = new Uint8Array();
const data = Uint8Array.from({ length: 2000 }, (_, i) => i * 7);

function sha256(...parts: Uint8Array[]): Buffer {
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

/** `count` entries, 32 bytes each. */
function entries(count: number): Uint8Array {
  return Buffer.concat(Array.from({ length: count }, (_, i) => sha256(Buffer.from(`entry ${i}`))));
}

/** The recursive definition of RFC 6962, section 2.1. */
function treeHash(hashes: Uint8Array): Buffer {
  const count = hashes.length / 32;
  if (count === 0) return Buffer.alloc(32);
  if (count === 1) return sha256(Buffer.of(0), hashes);
  let half = 1;
  while (half * 2 < count) half *= 2;
  return sha256(Buffer.of(1), treeHash(hashes.subarray(0, half * 32)), treeHash(hashes.subarray(half * 32)));
}

for (const [name, hasher] of hashers) {
  describe(`batch hashing (${name})`, () => {
    it.each([0, 1, 33, 64])("hashes messages of every length up to 700 bytes behind a prefix of %i", (prefixLength) => {
      const prefix = data.subarray(0, prefixLength);
      const count = 701;
      const ranges = Uint32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? i >> 1 : 2 * (i >> 1)));
      const out = new Uint8Array(32 * count);
      hasher.sha256Batch(data, ranges, count, prefix, out);
      for (let i = 0; i < count; i++) {
        expect(Buffer.from(out.subarray(32 * i, 32 * i + 32))).toEqual(sha256(prefix, data.subarray(i, 2 * i)));
      }
    });

    it("hashes as many ranges as counted and leaves the rest of the output alone", () => {
      const out = new Uint8Array(96).fill(1);
      hasher.sha256Batch(data, Uint32Array.of(0, 5, 5, 9, 9, 12), 2, NO_PREFIX, out);
      expect(Buffer.from(out.subarray(32, 64))).toEqual(sha256(data.subarray(5, 9)));
      expect(out.subarray(64)).toEqual(new Uint8Array(32).fill(1));
    });

    it("reads views at any offset of their buffer", () => {
      const out = new Uint8Array(35);
      hasher.sha256Batch(
        data.subarray(3),
        new Uint32Array([9, 9, 1, 4]).subarray(2),
        1,
        data.subarray(1, 2),
        out.subarray(3),
      );
      expect(Buffer.from(out.subarray(3))).toEqual(sha256(data.subarray(1, 2), data.subarray(4, 7)));
    });

    it.each([
      ["a range that ends outside the data", Uint32Array.of(0, 2001), 1, NO_PREFIX, 32],
      ["a range that ends before it begins", Uint32Array.of(5, 4), 1, NO_PREFIX, 32],
      ["a prefix of 65 bytes", Uint32Array.of(0, 1), 1, new Uint8Array(65), 32],
      ["fewer ranges than counted", Uint32Array.of(0, 1, 1), 2, NO_PREFIX, 64],
      ["an output that is one byte short", Uint32Array.of(0, 1), 1, NO_PREFIX, 31],
    ])("refuses %s", (_, ranges, count, prefix, outLength) => {
      expect(() => hasher.sha256Batch(data, ranges, count, prefix, new Uint8Array(outLength))).toThrow(RangeError);
    });

    it("has the Merkle root that RFC 6962 defines, for every count up to 70", () => {
      for (let count = 0; count <= 70; count++) {
        expect(Buffer.from(hasher.merkleRoot(entries(count), count)), `${count} entries`).toEqual(
          treeHash(entries(count)),
        );
      }
    });

    it("refuses to count more entries than there are", () => {
      expect(() => hasher.merkleRoot(entries(2), 3)).toThrow(RangeError);
    });
  });
}

describe("merklePath", () => {
  it("has no hash for the only entry, and refuses an entry that is not there", () => {
    expect(merklePath(entries(1), 1, 0)).toEqual([]);
    expect(() => merklePath(entries(1), 1, 1)).toThrow(RangeError);
  });
});

describeWith(NATIVE, "the addon's instruction set", () => {
  const run = (isa: string) => {
    const program = `
      const addon = require("./native/build/Release/polytorus.node");
      const out = new Uint8Array(32 * 200);
      const data = Uint8Array.from({ length: 800 }, (_, i) => i);
      addon.sha256Batch(data, Uint32Array.from({ length: 400 }, (_, i) => i * (i % 2 + 1)), 200, new Uint8Array(1), out);
      addon.merkleRoot(out, 200, out);
      console.log(addon.isa, Buffer.from(out).toString("hex"));`;
    return spawnSync(process.execPath, ["-e", program], {
      encoding: "utf8",
      env: { ...process.env, POLYTORUS_NATIVE_ISA: isa },
    });
  };

  it("changes no hash", () => {
    const [, hashes] = run("").stdout.trim().split(" ");
    expect(run("portable").stdout.trim()).toBe(`portable ${hashes}`);
    for (const isa of ["shani", "avx512"]) {
      const { stdout, stderr } = run(isa);
      // A processor that lacks it says so.
      if (stderr === "") expect(stdout.trim()).toBe(`${isa} ${hashes}`);
      else expect(stderr).toContain(`POLYTORUS_NATIVE_ISA=${isa}, but this processor has no`);
    }
  });

  it("is refused when it has no such name", () => {
    expect(run("sse9").stderr).toContain("POLYTORUS_NATIVE_ISA must be portable, shani or avx512, not sse9");
  });
});
