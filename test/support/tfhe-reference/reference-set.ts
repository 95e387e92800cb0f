/** Parameter sets as native/src/tfhe/README.md states them, copied by hand from its table, and its noise formula. */
export interface ReferenceSet {
  /** LWE dimension, and the length of the blocks that hold at most one 1. */
  readonly n: number;
  readonly block: number;
  readonly lweSigma: number;
  /** GLWE: k mask polynomials of degree N. */
  readonly k: number;
  readonly N: number;
  readonly glweSigma: number;
  /** Digits of the bootstrapping decomposition. */
  readonly levels: number;
  readonly baseBits: number;
  /** Digits of the key switch. */
  readonly switchLevels: number;
  readonly switchBaseBits: number;
  /** The LWE key is the beginning of the GLWE key. */
  readonly isCompact: boolean;
}

/** By the number in file headers. */
export const REFERENCE_SETS: Readonly<Record<number, ReferenceSet>> = {
  1: {
    ...{ n: 735, block: 3, lweSigma: 2.120846893069972e-5, k: 2, N: 512, glweSigma: 2 ** -23.25 },
    ...{ levels: 3, baseBits: 5, switchLevels: 4, switchBaseBits: 3, isCompact: true },
  },
  2: {
    ...{ n: 805, block: 1, lweSigma: 5.8615896642671336e-6, k: 3, N: 512, glweSigma: 9.315272083503367e-10 },
    ...{ levels: 2, baseBits: 10, switchLevels: 5, switchBaseBits: 3, isCompact: false },
  },
};

/** Hides nothing; small enough for hundreds of gates, and noisy enough that the noise says something. */
export const SMALL_SET: ReferenceSet = {
  ...{ n: 24, block: 3, lweSigma: 1e-4, k: 2, N: 64, glweSigma: 2 ** -18 },
  ...{ levels: 3, baseBits: 5, switchLevels: 4, switchBaseBits: 3, isCompact: true },
};

export function switchedBits({ k, N, n, isCompact }: ReferenceSet): number {
  return isCompact ? k * N - n : k * N;
}

/** Standard deviation of a bootstrapped gate's phase, as a fraction of the torus. */
export function outputSigma(set: ReferenceSet): number {
  const { n, k, N, block, levels, baseBits, switchLevels, switchBaseBits } = set;
  const [B, K] = [2 ** baseBits, 2 ** switchBaseBits];
  const ones = block > 1 ? n / (block + 1) : n / 2;
  const switched = switchedBits(set);
  const weight = set.isCompact ? ones + switched / 2 : (k * N) / 2;
  const rotation =
    (n * 2 * (k + 1) * levels * N * (B ** 2 + 2) * set.glweSigma ** 2) / 12 +
    (ones * 2 * (1 + weight) * B ** (-2 * levels)) / 12;
  const switching =
    (switched * switchLevels * (K ** 2 + 2) * set.lweSigma ** 2) / 12 +
    ((switched / 2) * K ** (-2 * switchLevels)) / 12;
  return Math.sqrt(rotation + switching);
}
