/** Keys of the reference: read from the addon's files as its README describes them, or made here for a set of one's own. */
import { createCipheriv } from "node:crypto";
import { REFERENCE_SETS, type ReferenceSet, switchedBits } from "./reference-set.ts";
import { addProduct } from "./torus.ts";

export interface ReferenceSecret {
  readonly set: ReferenceSet;
  readonly lwe: Uint8Array;
  /** k·N bits. */
  readonly glwe: Uint8Array;
}

export interface ReferenceKey {
  readonly set: ReferenceSet;
  /** [bit of the LWE key][row][component]: a polynomial. Row r is component r div l, digit r mod l. */
  readonly bootstrapping: Int32Array[][][];
  /** [bit that is switched][digit]: an LWE ciphertext. */
  readonly switching: Int32Array[][];
}

const HEADER_BYTES = 16;

export function readEvaluationKey(file: Uint8Array): ReferenceKey {
  const set = REFERENCE_SETS[file[6]! + 256 * file[7]!]!;
  const seed = file.slice(HEADER_BYTES, HEADER_BYTES + 32);
  const words = wordsOf(file.subarray(HEADER_BYTES + 32));
  const bootstrapping = Array.from({ length: set.n }, (_, bit) => {
    const masks = maskStream(seed, 1, bit, (set.k + 1) * set.levels * set.k * set.N);
    return Array.from({ length: (set.k + 1) * set.levels }, () => [
      ...Array.from({ length: set.k }, () => masks(set.N)),
      words(set.N),
    ]);
  });
  const switching = Array.from({ length: switchedBits(set) }, (_, bit) => {
    const masks = maskStream(seed, 2, bit, set.switchLevels * set.n);
    return Array.from({ length: set.switchLevels }, () => Int32Array.from([...masks(set.n), ...words(1)]));
  });
  return { set, bootstrapping, switching };
}

/** ChaCha20 from counter 0, as words; nonce = domain u32 · index u64. */
function maskStream(seed: Uint8Array, domain: number, index: number, words: number): (count: number) => Int32Array {
  const iv = Buffer.alloc(16);
  iv.writeUInt32LE(domain, 4);
  iv.writeBigUInt64LE(BigInt(index), 8);
  return wordsOf(createCipheriv("chacha20", seed, iv).update(Buffer.alloc(4 * words)));
}

/** Hands out words one after the other. */
function wordsOf(bytes: Uint8Array): (count: number) => Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  return (count) => {
    const words = new Int32Array(count);
    for (let i = 0; i < count; i++, at += 4) words[i] = view.getInt32(at, true);
    return words;
  };
}

/** @param random uniform in [0, 1). */
export function makeKeys(set: ReferenceSet, random: () => number): { secret: ReferenceSecret; key: ReferenceKey } {
  const bit = () => (random() < 0.5 ? 1 : 0);
  const lwe = new Uint8Array(set.n);
  for (let first = 0; first < set.n; first += set.block) {
    if (set.block === 1) lwe[first] = bit();
    const one = Math.floor(random() * (set.block + 1));
    if (set.block > 1 && one < set.block) lwe[first + one] = 1;
  }
  const glwe = Uint8Array.from({ length: set.k * set.N }, (_, i) => (set.isCompact && i < set.n ? lwe[i]! : bit()));
  const secret = { set, lwe, glwe };
  const parts = Array.from({ length: set.k }, (_, c) => Int32Array.from(glwe.subarray(c * set.N, (c + 1) * set.N)));
  const bootstrapping = Array.from(lwe, (s) =>
    Array.from({ length: (set.k + 1) * set.levels }, (_, row) => {
      const masks = parts.map(() => Int32Array.from({ length: set.N }, () => uniform(random)));
      const body = Int32Array.from({ length: set.N }, () => noise(set.glweSigma, random));
      parts.forEach((part, c) => {
        addProduct(body, part, masks[c]!);
      });
      const polynomials = [...masks, body];
      const component = polynomials[Math.floor(row / set.levels)]!;
      component[0] = (component[0]! + s * 2 ** (32 - set.baseBits * ((row % set.levels) + 1))) | 0;
      return polynomials;
    }),
  );
  const switching = Array.from({ length: switchedBits(set) }, (_, i) =>
    Array.from({ length: set.switchLevels }, (_, j) => {
      const value = glwe[set.isCompact ? set.n + i : i]! * 2 ** (32 - set.switchBaseBits * (j + 1));
      return encryptWord(secret, value, random);
    }),
  );
  return { secret, key: { set, bootstrapping, switching } };
}

/** An LWE ciphertext of a word: mask, then body. */
export function encryptWord({ set, lwe }: ReferenceSecret, word: number, random: () => number): Int32Array {
  const mask = Array.from(lwe, () => uniform(random));
  const product = mask.reduce((sum, a, i) => (sum + a * lwe[i]!) | 0, 0);
  return Int32Array.from([...mask, (product + word + noise(set.lweSigma, random)) | 0]);
}

/** Signed: encoding plus noise. */
export function phaseOf({ lwe }: ReferenceSecret, ciphertext: Int32Array): number {
  return lwe.reduce((phase, s, i) => (phase - s * ciphertext[i]!) | 0, ciphertext[lwe.length]!);
}

function uniform(random: () => number): number {
  return Math.floor(random() * 2 ** 32) | 0;
}

function noise(sigma: number, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.round(normal * sigma * 2 ** 32) | 0;
}
