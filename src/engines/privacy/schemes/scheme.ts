/** What an encryption scheme is to the engine: whose files it reads, and how gates are evaluated on its ciphertexts. */
import type { Circuit } from "../circuit/circuit.ts";

export interface ParameterSet {
  readonly id: string;
  /** In file headers. */
  readonly number: number;
  /** Of the cheapest attack known; 0 where nothing is hidden. */
  readonly securityBits: number;
  /** log2 of the probability that a gate goes wrong. */
  readonly failureLog2: number | null;
  readonly source: string;
  /** Of one encrypted bit, in a ciphertext file. */
  readonly bitBytes: number;
}

export interface SchemeDescription {
  readonly id: string;
  /** "none" where nothing is hidden. */
  readonly security: string;
  readonly claim: string;
  readonly assumptions: readonly string[];
  readonly leaks: readonly string[];
  readonly cost: string;
  readonly paper: string;
  readonly parameterSets: readonly ParameterSet[];
}

/** One circuit over encrypted values: the bits of each, one after the other, in the scheme's form. */
export interface Application {
  readonly circuit: Circuit;
  readonly inputs: readonly Uint8Array[];
  /** Where an earlier evaluation of the same was interrupted. */
  readonly resume?: Progress | undefined;
}

/** A circuit evaluated up to a level: the bits of `liveWires` there, in the scheme's form. */
export interface Progress {
  readonly level: number;
  readonly bits: Uint8Array;
}

export interface EvaluationRun {
  /** On shared memory: [0] anything but 0 stops; [1] is counted up by gates done; [2] by those that `resume` saved. */
  readonly control: Int32Array;
  /** Threads that may work on it, this one among them. */
  readonly threads: number;
  /**
   * Is given the progress of each application, in order, after every so many gates, and when it is stopped. A scheme whose
   * gates cost next to nothing never asks for it.
   */
  readonly checkpoint?: { readonly everyGates: number; save(progress: readonly Progress[]): void };
}

/** A ciphertext file's content, in the form that `evaluate` takes. */
export interface ReadCiphertext {
  readonly parameterSet: ParameterSet;
  readonly bitCount: number;
  /** `bitBytes` a bit. */
  readonly bits: Uint8Array;
}

/** What a ciphertext file belongs to; both are 32 bytes. */
export interface CiphertextBinding {
  readonly keyId: Uint8Array;
  readonly context: Uint8Array;
}

export interface Scheme extends SchemeDescription {
  /** What its files begin with. */
  readonly magic: string;
  /** Why it cannot be evaluated on this machine, if it cannot. */
  readonly missing: string | undefined;
  /** @throws RejectedError PRIVACY_FILE_INVALID, TFHE_FILE_REFUSED when the file is no evaluation key of a set that is known. */
  readEvaluationKey(file: Uint8Array, path: string): ParameterSet;
  /** @throws RejectedError; PRIVACY_INPUT_MISMATCH when it belongs to something else. */
  readCiphertext(file: Uint8Array, binding: CiphertextBinding, path: string): ReadCiphertext;
  /** A file of what an evaluation made. */
  writeCiphertext(parameterSet: ParameterSet, binding: CiphertextBinding, bits: Uint8Array): Uint8Array;
  /** Bits that hide nothing: public constants. */
  trivial(parameterSet: ParameterSet, bits: readonly boolean[]): Uint8Array;
  /**
   * Evaluates circuits side by side: gates of one level together, whichever circuit they are of.
   * @returns for each application the bits of all its outputs, one after the other; undefined when it was stopped.
   */
  evaluate(
    key: EvaluationKeySource,
    applications: readonly Application[],
    run: EvaluationRun,
  ): Uint8Array[] | undefined;
}

export interface EvaluationKeySource {
  readonly keyId: Uint8Array;
  readonly parameterSet: ParameterSet;
  /** The file: read where the expanded key is not at hand. */
  read(): Uint8Array;
}
