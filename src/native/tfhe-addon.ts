/**
 * What native/src/addon/tfhe.cc exports. Arrays passed in are not kept; errors of bad files carry a `code`. Formats, gates
 * and parameter sets: native/src/tfhe/README.md.
 */
export interface TfheAddon {
  parameterSets(): TfheParameterSet[];
  generateKeys(parameterSet: number): { secretKey: Uint8Array; evaluationKey: Uint8Array };
  describeSecretKey(secretKey: Uint8Array): { keyId: Uint8Array; parameterSet: number };
  encrypt(secretKey: Uint8Array, bits: Uint8Array, context: Uint8Array): Uint8Array;
  decrypt(secretKey: Uint8Array, words: Uint32Array): Uint8Array;
  phases(secretKey: Uint8Array, words: Uint32Array): Int32Array;
  expand(file: Uint8Array): TfheCiphertexts;
  write(parameterSet: number, keyId: Uint8Array, context: Uint8Array, words: Uint32Array): Uint8Array;
  loadKey(file: Uint8Array, kernel: TfheKernel | ""): TfheKeyHandle;
  attachKey(keyId: Uint8Array, kernel: TfheKernel | ""): TfheKeyHandle | undefined;
  releaseKey(handle: number): boolean;
  keyCache(maxBytes?: number): TfheKeyCache;
  evaluate(
    handle: number,
    arena: Uint32Array,
    gates: Uint32Array,
    levelEnds: Uint32Array,
    threads: number,
    control: Int32Array,
  ): TfheEvaluation;
}

export type TfheKernel = "avx512" | "avx2" | "portable";

export interface TfheParameterSet {
  readonly id: number;
  readonly name: string;
  readonly source: string;
  /** Of the cheapest known attack, by the lattice estimator. */
  readonly lweSecurityBits: number;
  readonly glweSecurityBits: number;
  /** log2 of the probability that the worst gate comes out wrong. */
  readonly failureLog2: number;
  /** Standard deviation of a bootstrapped ciphertext's phase, as a fraction of the torus, by the noise formula. */
  readonly outputNoiseSigma: number;
  /** 32-bit words of one ciphertext. */
  readonly ciphertextWords: number;
  readonly residentKeyBytes: number;
}

export interface TfheCiphertexts {
  readonly parameterSet: number;
  readonly keyId: Uint8Array;
  /** 32 bytes that the encrypting side chose. */
  readonly context: Uint8Array;
  /** One ciphertext after the other. */
  readonly words: Uint32Array;
}

export interface TfheKeyHandle {
  readonly handle: number;
  readonly keyId: Uint8Array;
  readonly parameterSet: number;
  readonly kernel: TfheKernel;
  readonly residentBytes: number;
}

/** Of the whole process. */
export interface TfheKeyCache {
  readonly keys: number;
  readonly residentBytes: number;
  readonly maxBytes: number;
}

export interface TfheEvaluation {
  /** Levels that are complete: all of them unless it was cancelled. */
  readonly levels: number;
  readonly bootstraps: number;
}
