import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EvaluationKey, OPERATION } from "../../src/native/tfhe.ts";
import { NO_CONTEXT as context, plainGate, randomGates, seededBelow, tfhe } from "../support/tfhe.ts";

/** 100,000 gates take minutes: TFHE_GATES=100000 asks for them. */
const GATES = Number(process.env["TFHE_GATES"] ?? 600);
const WIDTH = 64;

const sets = tfhe.parameterSets();

for (const set of sets) {
  describe(`encrypted gates, ${set.name}`, () => {
    let secretKey: Uint8Array;
    let evaluationKey: Uint8Array;
    let keyId: Uint8Array;
    let key: EvaluationKey;
    const words = set.ciphertextWords;

    const encryptBits = (bits: Uint8Array) =>
      tfhe.expand(tfhe.encrypt(secretKey, bits, context), { parameterSet: set.id, keyId, context }).words;

    beforeAll(() => {
      ({ secretKey, evaluationKey } = tfhe.generateKeys(set.id));
      keyId = tfhe.describeSecretKey(secretKey).keyId;
      key = tfhe.loadKey(evaluationKey);
    });
    afterAll(() => key.release());

    it("promises at least 128 bits for either part and a failure of at most 2^-128", () => {
      expect(set.lweSecurityBits).toBeGreaterThanOrEqual(128);
      expect(set.glweSecurityBits).toBeGreaterThanOrEqual(128);
      expect(set.failureLog2).toBeLessThanOrEqual(-128);
    });

    it("names a key by the SHA-256 of its file", () => {
      const digest = createHash("sha256").update(evaluationKey).digest();
      expect(Buffer.from(keyId)).toEqual(digest);
      expect(Buffer.from(key.keyId)).toEqual(digest);
    });

    it("decrypts what it encrypted", () => {
      const bits = Uint8Array.from({ length: 300 }, (_, i) => (i * i) & 1);
      expect(tfhe.decrypt(secretKey, encryptBits(bits))).toEqual(bits);
    });

    it("computes every operation on every input, inverted in every way", () => {
      const gates: number[] = [];
      const expected: number[] = [];
      for (const operation of Object.values(OPERATION)) {
        const arity = { 1: 2, 2: 2, 3: 3, 4: 3, 5: 3, 6: 1, 7: 0 }[operation];
        for (let inputs = 0; inputs < 1 << arity; inputs++) {
          const slots: [number, number, number] = [inputs & 1, (inputs >> 1) & 1, inputs >> 2];
          const word = operation | (((inputs * 5 + operation) % 16) << 8);
          gates.push(word, ...slots, 2 + expected.length);
          expected.push(plainGate(word, slots));
        }
      }
      const space = new Uint32Array((2 + expected.length) * words);
      space.set(encryptBits(Uint8Array.of(0, 1)));
      key.evaluate(
        space,
        { gates: Uint32Array.from(gates), levelEnds: Uint32Array.of(expected.length) },
        { threads: 2 },
      );
      expect([...tfhe.decrypt(secretKey, space.subarray(2 * words))]).toEqual(expected);
    });

    it(`computes ${GATES} random gates, fed back, without one wrong`, { timeout: 3_600_000 }, () => {
      const below = seededBelow(42);
      let bits: Uint8Array = Uint8Array.from({ length: WIDTH }, () => below(2));
      const arena = new Uint32Array(2 * WIDTH * words);
      arena.set(encryptBits(bits));
      for (let done = 0; done < GATES; done += WIDTH) {
        const { gates, expected } = randomGates(bits, WIDTH, below);
        key.evaluate(arena, { gates, levelEnds: Uint32Array.of(WIDTH) }, { threads: 2 });
        expect(tfhe.decrypt(secretKey, arena.subarray(WIDTH * words))).toEqual(expected);
        arena.copyWithin(0, WIDTH * words);
        bits = expected;
      }
    });

    it("has noise within 0.3 bit of the formula", () => {
      const count = 400;
      const bits = Uint8Array.from({ length: count + 1 }, (_, i) => (i * i * i) & 1);
      const arena = new Uint32Array((2 * count + 1) * words);
      arena.set(encryptBits(bits));
      const gates = new Uint32Array(5 * count);
      for (let i = 0; i < count; i++) gates.set([OPERATION.xor, i, i + 1, 0, count + 1 + i], 5 * i);
      key.evaluate(arena, { gates, levelEnds: Uint32Array.of(count) }, { threads: 2 });
      const errors = [...tfhe.phases(secretKey, arena.subarray((count + 1) * words))].map((phase) => {
        return (phase - Math.sign(phase) * 2 ** 29) / 2 ** 32;
      });
      const sigma = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / count);
      expect(Math.abs(Math.log2(sigma / set.outputNoiseSigma))).toBeLessThan(0.3);
    });
  });
}
