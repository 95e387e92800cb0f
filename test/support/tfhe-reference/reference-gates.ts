/**
 * TFHE's gates in TypeScript, slowly and exactly, after native/src/tfhe/README.md: no transform, no rounding, no batches.
 *   sum of inputs ──▶ blind rotation ──▶ coefficient 0 ──▶ key switch
 * Since the addon's rounding recovers exact integers, both give the same ciphertexts, word by word.
 */
import { INVERT, OPERATION } from "../../../src/native/tfhe.ts";
import type { ReferenceKey } from "./reference-key.ts";
import { addProduct, digitsOf, rotated, scaledDown } from "./torus.ts";

/** +1/8. */
export const BIT_ONE = 0x20000000;

/** @param word operation and inversion flags. Inputs are LWE ciphertexts: mask, then body. */
export function referenceGate(key: ReferenceKey, word: number, inputs: readonly Int32Array[]): Int32Array {
  const [x, y, z] = inputs.map((input, i) => ((word & (INVERT.input0 << i)) === 0 ? input : times(-1, input)));
  const result = operate(key, word & 0xff, x!, y!, z!);
  return (word & INVERT.output) === 0 ? result : times(-1, result);
}

function operate(key: ReferenceKey, operation: number, x: Int32Array, y: Int32Array, z: Int32Array): Int32Array {
  switch (operation) {
    case OPERATION.and:
      return bootstrap(key, plus(-BIT_ONE, x, y));
    case OPERATION.xor:
      return bootstrap(key, plus(2 * BIT_ONE, times(2, x), times(2, y)));
    case OPERATION.majority:
      return bootstrap(key, plus(0, x, y, z));
    case OPERATION.parity:
      return bootstrap(key, times(-2, plus(0, x, y, z)));
    case OPERATION.select: {
      // x when the first holds, else y: whichever agrees with XNOR(s, x) has the majority.
      const agrees = times(-1, operate(key, OPERATION.xor, x, y, z));
      return bootstrap(key, plus(0, y, z, agrees));
    }
    default:
      throw new RangeError(`operation ${operation} has no bootstrap`);
  }
}

function bootstrap(key: ReferenceKey, sum: Int32Array): Int32Array {
  return switchKey(key, extract(rotateBlindly(key, sum)));
}

/** The polynomials of X^(-phase) · (1/8)(1 + X + … + X^(N-1)), encrypted. */
function rotateBlindly({ set, bootstrapping }: ReferenceKey, sum: Int32Array): Int32Array[] {
  const { n, N, k, block, levels, baseBits } = set;
  const start = rotated(new Int32Array(N).fill(BIT_ONE), 2 * N - scaledDown(sum[n]!, N));
  const accumulator = Array.from({ length: k + 1 }, (_, c) => (c === k ? start : new Int32Array(N)));
  for (let first = 0; first < n; first += block) {
    const digits = accumulator.flatMap((polynomial) => digitPolynomials(polynomial, levels, baseBits));
    const bits = Array.from({ length: block }, (_, i) => first + i);
    digits.forEach((digit, row) => {
      for (let c = 0; c <= k; c++) {
        // Sum over the block's bits of (X^a - 1) times their row: at most one of them is the encryption of a 1.
        const factor = new Int32Array(N);
        for (const bit of bits) {
          const polynomial = bootstrapping[bit]![row]![c]!;
          const turned = rotated(polynomial, scaledDown(sum[bit]!, N));
          for (let i = 0; i < N; i++) factor[i] = (factor[i]! + turned[i]! - polynomial[i]!) | 0;
        }
        addProduct(accumulator[c]!, digit, factor);
      }
    });
  }
  return accumulator;
}

function digitPolynomials(polynomial: Int32Array, levels: number, bits: number): Int32Array[] {
  const byCoefficient = Array.from(polynomial, (word) => digitsOf(word, levels, bits));
  return Array.from({ length: levels }, (_, j) => Int32Array.from(byCoefficient, (digits) => digits[j]!));
}

/** Coefficient 0, under the flattened GLWE key. */
function extract(accumulator: readonly Int32Array[]): Int32Array {
  const masks = accumulator.slice(0, -1).flatMap((a) => Array.from(a, (_, i) => (i === 0 ? a[0]! : -a[a.length - i]!)));
  return Int32Array.from([...masks, accumulator.at(-1)![0]!]);
}

function switchKey({ set, switching }: ReferenceKey, extracted: Int32Array): Int32Array {
  const kept = set.isCompact ? set.n : 0;
  const out = new Int32Array(set.n + 1);
  out.set(extracted.subarray(0, kept));
  out[set.n] = extracted.at(-1)!;
  switching.forEach((rows, bit) => {
    const digits = digitsOf(extracted[kept + bit]!, set.switchLevels, set.switchBaseBits);
    rows.forEach((row, j) => {
      for (let i = 0; i <= set.n; i++) out[i] = (out[i]! - digits[j]! * row[i]!) | 0;
    });
  });
  return out;
}

function times(factor: number, a: Int32Array): Int32Array {
  return a.map((word) => Math.imul(factor, word));
}

/** A sum of ciphertexts, and a constant. */
function plus(constant: number, ...terms: readonly Int32Array[]): Int32Array {
  const sum = new Int32Array(terms[0]!.length);
  for (const term of terms) for (let i = 0; i < sum.length; i++) sum[i] = (sum[i]! + term[i]!) | 0;
  sum[sum.length - 1] = (sum[sum.length - 1]! + constant) | 0;
  return sum;
}
