/** The addon's gates against the same scheme in TypeScript without any transform: the same ciphertexts, word by word. */
import { describe, expect, it } from "vitest";
import { INVERT, OPERATION } from "../../src/native/tfhe.ts";
import { NO_CONTEXT as context, plainGate, seededBelow, tfhe } from "../support/tfhe.ts";
import { BIT_ONE, referenceGate } from "../support/tfhe-reference/reference-gates.ts";
import { encryptWord, makeKeys, phaseOf, readEvaluationKey } from "../support/tfhe-reference/reference-key.ts";
import { outputSigma, REFERENCE_SETS, SMALL_SET } from "../support/tfhe-reference/reference-set.ts";

const GATES: Readonly<Record<number, readonly number[]>> = {
  1: [OPERATION.and | INVERT.input1, OPERATION.parity | INVERT.output],
  2: [OPERATION.majority | INVERT.input0],
};

describe.each(tfhe.parameterSets())("$name", (set) => {
  it("has the noise formula of the reference", () => {
    expect(set.outputNoiseSigma).toBeCloseTo(outputSigma(REFERENCE_SETS[set.id]!), 12);
  });

  it("computes the ciphertexts of the reference, every word", () => {
    const { secretKey, evaluationKey } = tfhe.generateKeys(set.id);
    const { keyId } = tfhe.describeSecretKey(secretKey);
    const file = tfhe.encrypt(secretKey, Uint8Array.of(1, 0, 1), context);
    const { words: inputs } = tfhe.expand(file, { parameterSet: set.id, keyId, context });
    const words = set.ciphertextWords;
    const slices = [0, 1, 2].map((i) => Int32Array.from(inputs.subarray(i * words, (i + 1) * words)));
    const key = tfhe.loadKey(evaluationKey);
    const reference = readEvaluationKey(evaluationKey);
    for (const word of GATES[set.id]!) {
      const arena = new Uint32Array(4 * words);
      arena.set(inputs);
      key.evaluate(arena, { gates: Uint32Array.of(word, 0, 1, 2, 3), levelEnds: Uint32Array.of(1) }, { threads: 1 });
      const output = arena.subarray(3 * words);
      expect(Int32Array.from(output)).toEqual(referenceGate(reference, word, slices));
      expect([...tfhe.decrypt(secretKey, output)]).toEqual([plainGate(word, [1, 0, 1])]);
    }
    key.release();
  });
});

describe("the reference on a small set", () => {
  const random = seededBelow(11);
  const uniform = () => random(2 ** 31) / 2 ** 31;
  const { secret, key } = makeKeys(SMALL_SET, uniform);
  const encrypt = (bit: number) => encryptWord(secret, bit === 1 ? BIT_ONE : -BIT_ONE, uniform);

  it("computes 400 random gates, fed back, without one wrong, with the noise of the formula", () => {
    let bits = Array.from({ length: 16 }, () => random(2));
    let pool = bits.map(encrypt);
    const errors: number[] = [];
    for (let round = 0; round < 25; round++) {
      const gates = bits.map(() => ({
        word: (1 + random(5)) | (random(16) << 8),
        slots: [random(16), random(16), random(16)],
      }));
      const outputs = gates.map(({ word, slots }) =>
        referenceGate(
          key,
          word,
          slots.map((slot) => pool[slot]!),
        ),
      );
      bits = gates.map(({ word, slots }) =>
        plainGate(
          word,
          slots.map((slot) => bits[slot]!),
        ),
      );
      const phases = outputs.map((output) => phaseOf(secret, output));
      expect(phases.map((phase) => Number(phase >= 0))).toEqual(bits);
      errors.push(...phases.map((phase) => (phase - Math.sign(phase) * BIT_ONE) / 2 ** 32));
      pool = outputs;
    }
    const sigma = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
    expect(Math.abs(Math.log2(sigma / outputSigma(SMALL_SET)))).toBeLessThan(0.3);
  });
});
