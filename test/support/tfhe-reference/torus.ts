/** Words of the torus and polynomials of them modulo X^N + 1, multiplied the slow way: exact, modulo 2^32. */

/** sum += a · b: every coefficient as it is defined, four in one pass because a pass waits for memory. N is a multiple of four. */
export function addProduct(sum: Int32Array, a: Int32Array, b: Int32Array): void {
  const N = a.length;
  const wrapped = new Int32Array(2 * N + 3);
  for (let i = 0; i < N; i++) [wrapped[i], wrapped[i + N]] = [-b[i]!, b[i]!];
  for (let k = 0; k < N; k += 4) {
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    let [b1, b2, b3] = [wrapped[N + k + 1]!, wrapped[N + k + 2]!, wrapped[N + k + 3]!];
    for (let i = 0; i < N; i++) {
      const x = a[i]!;
      const b0 = wrapped[N + k - i]!;
      s0 = (s0 + Math.imul(x, b0)) | 0;
      s1 = (s1 + Math.imul(x, b1)) | 0;
      s2 = (s2 + Math.imul(x, b2)) | 0;
      s3 = (s3 + Math.imul(x, b3)) | 0;
      b3 = b2;
      b2 = b1;
      b1 = b0;
    }
    sum[k]! += s0;
    sum[k + 1]! += s1;
    sum[k + 2]! += s2;
    sum[k + 3]! += s3;
  }
}

/** X^power · a, for powers from 0 to 2N. */
export function rotated(a: Int32Array, power: number): Int32Array {
  const N = a.length;
  const shift = power % N;
  const sign = power % (2 * N) < N ? 1 : -1;
  const out = new Int32Array(N);
  for (let i = 0; i < N - shift; i++) out[i + shift] = sign * a[i]!;
  for (let i = N - shift; i < N; i++) out[i + shift - N] = -sign * a[i]!;
  return out;
}

/** Balanced digits of a word, most significant first: sum of digit[j] · 2^(32 - bits·(j+1)), to the nearest such sum. */
export function digitsOf(word: number, levels: number, bits: number): number[] {
  const half = 2 ** (bits - 1);
  let offset = 2 ** (31 - bits * levels);
  for (let j = 0; j < levels; j++) offset += half * 2 ** (32 - bits * (j + 1));
  const shifted = (word + offset) >>> 0;
  return Array.from({ length: levels }, (_, j) => ((shifted >>> (32 - bits * (j + 1))) & (2 * half - 1)) - half);
}

/** round(word · 2N / 2^32) mod 2N. */
export function scaledDown(word: number, N: number): number {
  return Math.floor(((word >>> 0) * 2 * N) / 2 ** 32 + 0.5) % (2 * N);
}
