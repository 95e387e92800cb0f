/**
 * Tfhe: encrypted bits, and gates on them, in C++ (native/src/tfhe, whose README.md states formats, papers and security).
 *   key holder   generateKeys · encrypt · decrypt      its own process: a daemon never sees a secret key
 *   engine       loadKey ──▶ EvaluationKey.evaluate    synchronous, on the calling thread and `threads - 1` more
 * There is no twin in TypeScript that is fast enough to be of use: without the addon there is no TFHE, and whoever
 * wants it reports what loadAddon() says is missing.
 * Always
 *  - A gate's output bytes depend on key and inputs alone: not on thread, batch or instruction set.
 *  - Expanded keys belong to the process: a second worker that loads one shares it.
 */
import { type ErrorCode, RejectedError } from "../errors.ts";
import type { Addon } from "./addon.ts";
import type {
  TfheAddon,
  TfheCiphertexts,
  TfheEvaluation,
  TfheKernel,
  TfheKeyCache,
  TfheKeyHandle,
  TfheParameterSet,
} from "./tfhe-addon.ts";

/** `tfhe-block3-n735`. */
export const DEFAULT_PARAMETER_SET = 1;
export const CONTEXT_BYTES = 32;
/** Words of a gate in a program: operation, three inputs, output. */
export const GATE_WORDS = 5;

/** Operations of a gate; README.md gives inputs and cost of each. */
export const OPERATION = { and: 1, xor: 2, majority: 3, parity: 4, select: 5, copy: 6, zero: 7 } as const;
/** Flags beside the operation; they cost nothing. */
export const INVERT = { input0: 0x100, input1: 0x200, input2: 0x400, output: 0x800 } as const;

/** What ciphertexts belong to: key and context are 32 bytes each. */
export interface Binding {
  readonly parameterSet: number;
  readonly keyId: Uint8Array;
  readonly context: Uint8Array;
}

export interface GateProgram {
  /** GATE_WORDS a gate; no slot is written twice in a level, or read in the level that writes it. */
  readonly gates: Uint32Array;
  /** For each level the index of the gate after its last. */
  readonly levelEnds: Uint32Array;
}

export interface EvaluateOptions {
  /** Threads that evaluate, the caller's among them; 1 to 64. */
  readonly threads: number;
  /**
   * Two words, on shared memory so that another thread can use them meanwhile: [0] anything but 0 stops before the next
   * batch (of at most 16 bootstraps a thread); [1] is counted up by the bootstraps done.
   */
  readonly control?: Int32Array;
}

export class Tfhe {
  readonly #addon: TfheAddon;

  constructor(addon: Addon) {
    this.#addon = addon.tfhe;
  }

  parameterSets(): readonly TfheParameterSet[] {
    return this.#addon.parameterSets();
  }

  /** About a second for the default set. @throws RejectedError TFHE_FILE_REFUSED for an unknown set. */
  generateKeys(parameterSet: number = DEFAULT_PARAMETER_SET): { secretKey: Uint8Array; evaluationKey: Uint8Array } {
    return refusing(() => this.#addon.generateKeys(parameterSet));
  }

  describeSecretKey(secretKey: Uint8Array): { keyId: Uint8Array; parameterSet: number } {
    return refusing(() => this.#addon.describeSecretKey(secretKey));
  }

  /** A file of seeded ciphertexts: 4 bytes a bit. `bits` has one bit a byte; at most 16,384. */
  encrypt(secretKey: Uint8Array, bits: Uint8Array, context: Uint8Array): Uint8Array {
    return refusing(() => this.#addon.encrypt(secretKey, bits, context));
  }

  /** @throws RejectedError TFHE_FILE_REFUSED; TFHE_BINDING_MISMATCH when the file is of another key, parameter set or context. */
  expand(file: Uint8Array, expected: Binding): TfheCiphertexts {
    const ciphertexts = refusing(() => this.#addon.expand(file));
    requireSame("parameter set", String(expected.parameterSet), String(ciphertexts.parameterSet));
    requireSame("key", hexOf(expected.keyId), hexOf(ciphertexts.keyId));
    requireSame("context", hexOf(expected.context), hexOf(ciphertexts.context));
    return ciphertexts;
  }

  /** A file of expanded ciphertexts: what an evaluation's results are stored and sent as. */
  write(binding: Binding, words: Uint32Array): Uint8Array {
    return refusing(() => this.#addon.write(binding.parameterSet, binding.keyId, binding.context, words));
  }

  /** One bit a byte. */
  decrypt(secretKey: Uint8Array, words: Uint32Array): Uint8Array {
    return refusing(() => this.#addon.decrypt(secretKey, words));
  }

  /** Phases as signed 32-bit fractions of the torus: encoding (±2^29) plus noise. For measuring noise. */
  phases(secretKey: Uint8Array, words: Uint32Array): Int32Array {
    return refusing(() => this.#addon.phases(secretKey, words));
  }

  /**
   * Expands an evaluation key, or joins the process's copy. `kernel` forces an instruction set: for tests.
   * @throws RejectedError TFHE_FILE_REFUSED, TFHE_KEY_CACHE_FULL
   */
  loadKey(file: Uint8Array, kernel: TfheKernel | "" = ""): EvaluationKey {
    return new EvaluationKey(
      this.#addon,
      refusing(() => this.#addon.loadKey(file, kernel)),
    );
  }

  /** The process's copy, without the file; undefined when there is none. */
  attachKey(keyId: Uint8Array, kernel: TfheKernel | "" = ""): EvaluationKey | undefined {
    const handle = refusing(() => this.#addon.attachKey(keyId, kernel));
    return handle && new EvaluationKey(this.#addon, handle);
  }

  /** What the process's expanded keys use; `maxBytes` sets the bound. */
  keyCache(maxBytes?: number): TfheKeyCache {
    return this.#addon.keyCache(maxBytes);
  }
}

export class EvaluationKey {
  readonly #addon: TfheAddon;
  readonly #handle: TfheKeyHandle;

  constructor(addon: TfheAddon, handle: TfheKeyHandle) {
    this.#addon = addon;
    this.#handle = handle;
  }

  get keyId(): Uint8Array {
    return this.#handle.keyId;
  }

  get parameterSet(): number {
    return this.#handle.parameterSet;
  }

  get kernel(): TfheKernel {
    return this.#handle.kernel;
  }

  get residentBytes(): number {
    return this.#handle.residentBytes;
  }

  /**
   * Runs the program on the arena, in place. The program is checked as a whole before anything is written; after a
   * cancellation the levels counted are complete and what the next one has written is undefined.
   * @throws RangeError when the program is malformed: a bug of the caller.
   */
  evaluate(arena: Uint32Array, program: GateProgram, options: EvaluateOptions): TfheEvaluation {
    const control = options.control ?? new Int32Array(2);
    return refusing(() =>
      this.#addon.evaluate(this.#handle.handle, arena, program.gates, program.levelEnds, options.threads, control),
    );
  }

  /** Lets go of the process's copy, which goes when nobody holds it and room is needed. */
  release(): void {
    this.#addon.releaseKey(this.#handle.handle);
  }
}

const REFUSALS: Readonly<Record<string, ErrorCode>> = {
  FILE_MALFORMED: "TFHE_FILE_REFUSED",
  FILE_CORRUPT: "TFHE_FILE_REFUSED",
  FILE_KIND_MISMATCH: "TFHE_FILE_REFUSED",
  PARAMETER_SET_UNKNOWN: "TFHE_FILE_REFUSED",
  KEY_INCONSISTENT: "TFHE_FILE_REFUSED",
  CIPHERTEXTS_TOO_MANY: "TFHE_FILE_REFUSED",
  KEY_CACHE_FULL: "TFHE_KEY_CACHE_FULL",
};

function refusing<Result>(act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && typeof error.code === "string")) throw error;
    const code = REFUSALS[error.code];
    if (code === undefined) throw new RangeError(error.message, { cause: error });
    throw new RejectedError(code, error.message, { reason: error.code }, { cause: error });
  }
}

function hexOf(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}

function requireSame(what: string, expected: string, received: string): void {
  if (expected === received) return;
  const message = `expected ciphertexts of ${what} ${expected}, received ${received}`;
  throw new RejectedError("TFHE_BINDING_MISMATCH", message, { what, expected, received });
}
