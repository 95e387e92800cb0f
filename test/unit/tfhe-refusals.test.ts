import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { type Binding, OPERATION } from "../../src/native/tfhe.ts";
import { NO_CONTEXT as context, tfhe } from "../support/tfhe.ts";

const HEADER_BYTES = 16;
const DIGEST_BYTES = 32;

const set = tfhe.parameterSets()[0]!;
const words = set.ciphertextWords;
let secretKey: Uint8Array;
let evaluationKey: Uint8Array;
let keyId: Uint8Array;
let ciphertexts: Uint8Array;
let binding: Binding;

beforeAll(() => {
  ({ secretKey, evaluationKey } = tfhe.generateKeys());
  keyId = tfhe.describeSecretKey(secretKey).keyId;
  binding = { parameterSet: set.id, keyId, context };
  ciphertexts = tfhe.encrypt(secretKey, Uint8Array.of(1, 0, 1), context);
});

/** The file with other bytes from `at` on, and a digest that fits. */
function altered(file: Uint8Array, at: number, ...bytes: number[]): Uint8Array {
  const copy = file.slice();
  copy.set(bytes, at);
  copy.set(createHash("sha256").update(copy.subarray(0, -DIGEST_BYTES)).digest(), copy.length - DIGEST_BYTES);
  return copy;
}

const refusal = (reason: string) =>
  expect.objectContaining({ code: "TFHE_FILE_REFUSED", facts: expect.objectContaining({ reason }) });

describe("files of encrypted gates", () => {
  const uses: [string, () => Uint8Array, (file: Uint8Array) => unknown][] = [
    ["an evaluation key", () => evaluationKey, (file) => tfhe.loadKey(file)],
    ["a secret key", () => secretKey, (file) => tfhe.describeSecretKey(file)],
    ["ciphertexts", () => ciphertexts, (file) => tfhe.expand(file, binding)],
  ];

  for (const [name, fileOf, use] of uses) {
    it(`refuses ${name} cut short anywhere, or one byte too long`, () => {
      const file = fileOf();
      for (const length of [0, 1, 4, HEADER_BYTES, HEADER_BYTES + DIGEST_BYTES, file.length - 1]) {
        expect(() => use(file.subarray(0, length)), `${length} bytes`).toThrow(refusal("FILE_MALFORMED"));
      }
      expect(() => use(Buffer.concat([file, Buffer.of(0)]))).toThrow(refusal("FILE_MALFORMED"));
    });

    it(`refuses ${name} with one bit changed`, () => {
      const file = fileOf().slice();
      for (const at of [HEADER_BYTES, file.length >> 1, file.length - 1]) {
        file[at]! ^= 4;
        expect(() => use(file), `byte ${at}`).toThrow(refusal("FILE_CORRUPT"));
        file[at]! ^= 4;
      }
    });

    it(`refuses ${name} of another magic, version, parameter set or kind, though its digest fits`, () => {
      const file = fileOf();
      expect(() => use(altered(file, 0, 0x51))).toThrow(refusal("FILE_MALFORMED"));
      expect(() => use(altered(file, 5, 2))).toThrow(refusal("FILE_MALFORMED"));
      expect(() => use(altered(file, 6, 3))).toThrow(refusal("PARAMETER_SET_UNKNOWN"));
      expect(() => use(altered(file, 4, 9))).toThrow(refusal("FILE_KIND_MISMATCH"));
      expect(() => use(altered(file, 6, 2)), "the other set").toThrow(/expected/);
    });
  }

  it("refuses a secret key where an evaluation key belongs", () => {
    expect(() => tfhe.loadKey(secretKey)).toThrow(refusal("FILE_KIND_MISMATCH"));
  });

  it("refuses a secret key with two ones in a block", () => {
    const bits = HEADER_BYTES + 32;
    expect(() => tfhe.describeSecretKey(altered(secretKey, bits, 0xff))).toThrow(refusal("KEY_INCONSISTENT"));
  });

  it("refuses a count that the file does not hold", () => {
    const count = HEADER_BYTES + 64;
    expect(() => tfhe.expand(altered(ciphertexts, count, 4), binding)).toThrow(refusal("FILE_MALFORMED"));
    expect(() => tfhe.expand(altered(ciphertexts, count, 255, 255, 255, 255), binding)).toThrow(
      refusal("FILE_MALFORMED"),
    );
  });

  it("expands ciphertexts for their own key and context only", () => {
    const other = new Uint8Array(32).fill(1);
    const mismatch = expect.objectContaining({ code: "TFHE_BINDING_MISMATCH" });
    expect(() => tfhe.expand(ciphertexts, { ...binding, keyId: other })).toThrow(mismatch);
    expect(() => tfhe.expand(ciphertexts, { ...binding, parameterSet: 2 })).toThrow(mismatch);
    expect(() => tfhe.expand(ciphertexts, { ...binding, context: other })).toThrow(mismatch);
    const expanded = tfhe.expand(ciphertexts, binding);
    expect(expanded.words.length).toBe(3 * words);
    const file = tfhe.write(binding, expanded.words);
    expect(tfhe.expand(file, binding).words).toEqual(expanded.words);
  });

  it("encrypts no more bits than a file may hold", () => {
    expect(() => tfhe.encrypt(secretKey, new Uint8Array(16_385), context)).toThrow(refusal("CIPHERTEXTS_TOO_MANY"));
  });
});

describe("programs of gates", () => {
  const and = (a: number, b: number, out: number) => [OPERATION.and, a, b, 0, out];
  const cases: [string, number[], number[], RegExp][] = [
    ["an operation that does not exist", [8, 0, 1, 0, 2], [1], /gate 0: operation 8/],
    ["a flag that does not exist", [0x1001, 0, 1, 0, 2], [1], /gate 0: flags/],
    ["an output outside the arena", and(0, 1, 4), [1], /gate 0: output slot 4 of 4/],
    ["an input outside the arena", and(0, 4, 2), [1], /gate 0: input slot 4 of 4/],
    ["a slot written twice in a level", [...and(0, 1, 2), ...and(1, 0, 2)], [2], /gate 1: slot 2 is written twice/],
    [
      "a slot read in the level that writes it",
      [...and(0, 1, 2), ...and(2, 0, 3)],
      [2],
      /gate 1: slot 2 is written and/,
    ],
    ["levels that end beyond the gates", and(0, 1, 2), [2], /last level/],
    ["levels that go backwards", [...and(0, 1, 2), ...and(0, 1, 3)], [2, 1, 2], /level 1 ends at gate 1/],
  ];

  it.each(cases)("refuses %s and writes nothing", (_, gates, levelEnds, message) => {
    const key = tfhe.loadKey(evaluationKey);
    const arena = new Uint32Array(4 * words).fill(1);
    const program = { gates: Uint32Array.from(gates), levelEnds: Uint32Array.from(levelEnds) };
    expect(() => key.evaluate(arena, program, { threads: 1 })).toThrow(message);
    expect(arena.every((word) => word === 1)).toBe(true);
    key.release();
  });

  it("refuses an arena of broken ciphertexts, no threads, and a key that was released", () => {
    const key = tfhe.loadKey(evaluationKey);
    const program = { gates: new Uint32Array(), levelEnds: new Uint32Array() };
    expect(() => key.evaluate(new Uint32Array(words + 1), program, { threads: 1 })).toThrow(/ciphertexts of 736 words/);
    expect(() => key.evaluate(new Uint32Array(words), program, { threads: 0 })).toThrow(/threads must be 1 to 64/);
    key.release();
    expect(() => key.evaluate(new Uint32Array(words), program, { threads: 1 })).toThrow(/released/);
  });
});
