/**
 * Scheme `tfhe`: bits encrypted with LWE, gates by bootstrapping, in the native addon (native/src/tfhe/README.md: papers,
 * parameter sets, noise). Without the addon its files can be neither checked nor evaluated, and `missing` says why.
 */
import { toLatin1 } from "../../../encoding/bytes.ts";
import { FileKind, readPrivacyFile, unknownParameterSet } from "../../../encoding/privacy-file.ts";
import { RejectedError } from "../../../errors.ts";
import { isAddon, loadAddon } from "../../../native/addon.ts";
import { type Binding, type EvaluationKey, Tfhe } from "../../../native/tfhe.ts";
import type { Circuit } from "../circuit/circuit.ts";
import { placeGates, sliceOf } from "./gate-program.ts";
import type { Application, EvaluationKeySource, EvaluationRun, ParameterSet, Scheme } from "./scheme.ts";

/** +1/8 and -1/8 of the torus: what a bare bit is. */
const [WORD_TRUE, WORD_FALSE] = [0x20000000, 0xe0000000];
/** 32 bytes of seed, then n·(k+1)·l·N words and (kN-n or kN)·t words, by the number of the parameter set. */
const KEY_PAYLOAD_BYTES: Readonly<Record<number, number>> = {
  1: 32 + 4 * (735 * 3 * 3 * 512 + (2 * 512 - 735) * 4),
  2: 32 + 4 * (805 * 4 * 2 * 512 + 3 * 512 * 5),
};
/** Gates of one native call: a thread that is killed ends with the call it is in. */
const SLICE_GATES = 256;
/** Expanded keys that one thread holds on to; the process shares them. */
const KEYS_HELD = 4;

export function openTfheScheme(): Scheme {
  const addon = loadAddon();
  if (!isAddon(addon)) return new TfheScheme(undefined, addon.missing);
  return new TfheScheme(new Tfhe(addon), undefined);
}

class TfheScheme implements Scheme {
  readonly id = "tfhe";
  readonly magic = "PTFH";
  readonly security = "computational: learning with errors";
  readonly claim =
    "Whoever has no secret key learns nothing of inputs, state and results beyond what `leaks` names; the daemon has none.";
  readonly assumptions = [
    "learning with errors, with block-binary or uniform binary keys, and its ring form",
    "circular security: the evaluation key encrypts the key under itself",
    "the holder of the secret key reveals no decryption of evaluated values to others (IND-CPA-D)",
  ];
  readonly leaks = [
    "circuits, types, sizes and times; who calls what, when, with which public inputs",
    "ciphertexts are malleable: that a call means what it says follows from who may send it, not from the ciphertext",
    "that a result was computed rightly is shown by computing it again; there is no proof",
    "the holder of the secret key can read everything under it",
  ];
  readonly cost = "a gate takes milliseconds";
  readonly paper =
    "Chillotti, Gama, Georgieva, Izabachène: TFHE (ePrint 2018/421); Lee, Min, Seo, Song (ePrint 2023/958)";
  readonly missing: string | undefined;
  readonly parameterSets: readonly ParameterSet[];
  readonly #tfhe: Tfhe | undefined;
  readonly #keys = new Map<string, EvaluationKey>();

  constructor(tfhe: Tfhe | undefined, missing: string | undefined) {
    this.#tfhe = tfhe;
    this.missing = missing;
    this.parameterSets = (tfhe?.parameterSets() ?? []).map((set) => ({
      id: set.name,
      number: set.id,
      securityBits: Math.floor(Math.min(set.lweSecurityBits, set.glweSecurityBits)),
      failureLog2: set.failureLog2,
      source: set.source,
      bitBytes: 4 * set.ciphertextWords,
    }));
  }

  readEvaluationKey(file: Uint8Array, path: string): ParameterSet {
    const { kind, parameterSet: number, payload } = readPrivacyFile(file, path);
    if (kind !== FileKind.evaluationKey) refuse(path, 4, "it is no evaluation key");
    const set = this.parameterSets.find((candidate) => candidate.number === number);
    if (set === undefined) throw unknownParameterSet(path, this.magic, number);
    const bytes = KEY_PAYLOAD_BYTES[number];
    if (bytes !== undefined && payload.length !== bytes)
      refuse(path, 8, `an evaluation key of ${set.id} has ${bytes} bytes of payload, not ${payload.length}`);
    return set;
  }

  readCiphertext(file: Uint8Array, binding: { keyId: Uint8Array; context: Uint8Array }, path: string) {
    const { parameterSet: number } = readPrivacyFile(file, path);
    const parameterSet = this.parameterSets.find((set) => set.number === number);
    if (parameterSet === undefined) throw unknownParameterSet(path, this.magic, number);
    const { words } = expanded(this.#require(), file, { ...binding, parameterSet: number }, path);
    const bits = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    return { parameterSet, bitCount: bits.length / parameterSet.bitBytes, bits };
  }

  writeCiphertext(
    parameterSet: ParameterSet,
    binding: { keyId: Uint8Array; context: Uint8Array },
    bits: Uint8Array,
  ): Uint8Array {
    return this.#require().write({ ...binding, parameterSet: parameterSet.number }, wordsOf(bits));
  }

  trivial({ bitBytes }: ParameterSet, bits: readonly boolean[]): Uint8Array {
    const words = bitBytes / 4;
    const all = new Uint32Array(words * bits.length);
    bits.forEach((bit, index) => {
      all[words * (index + 1) - 1] = bit ? WORD_TRUE : WORD_FALSE;
    });
    return new Uint8Array(all.buffer);
  }

  evaluate(
    source: EvaluationKeySource,
    applications: readonly Application[],
    { control, threads, checkpoint }: EvaluationRun,
  ): Uint8Array[] | undefined {
    const key = this.#key(source);
    const words = source.parameterSet.bitBytes / 4;
    const program = placeGates(
      applications.map(({ circuit, resume }) => ({ circuit, doneLevels: resume?.level ?? 0 })),
    );
    const arena = new Uint32Array(words * program.slots);
    applications.forEach(({ inputs, resume }, index) => {
      let at = words * program.firstSlots[index]!;
      for (const bits of resume === undefined ? inputs : [resume.bits]) {
        arena.set(wordsOf(bits), at);
        at += bits.length / 4;
      }
    });
    if (applications.some(({ resume }) => resume !== undefined))
      for (const { gates } of program.progress(0)) Atomics.add(control, 2, gates);
    const depth = program.levelEnds.length;
    const everyGates = checkpoint?.everyGates ?? Infinity;
    let [level, savedLevel, unsaved] = [0, 0, 0];
    const save = () => {
      if (level === savedLevel) return;
      checkpoint?.save(
        program.progress(level).map((at) => ({ level: at.level, bits: gather(arena, words, at.slots) })),
      );
      [savedLevel, unsaved] = [level, 0];
    };
    while (level < depth) {
      const slice = sliceOf(program, level, Math.min(SLICE_GATES, everyGates));
      const done = key.evaluate(arena, slice, { threads, control });
      level += done.levels;
      unsaved += done.bootstraps;
      const isStopped = done.levels < slice.levelEnds.length;
      if (isStopped || (level < depth && unsaved >= everyGates)) save();
      if (isStopped) return undefined;
    }
    return applications.map(({ circuit }, index) => outputsOf(circuit, program.outputSlots[index]!, arena, words));
  }

  #key({ keyId, read }: EvaluationKeySource): EvaluationKey {
    const tfhe = this.#require();
    const name = toLatin1(keyId);
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = tfhe.attachKey(keyId) ?? tfhe.loadKey(read());
    const [oldest] = this.#keys.keys();
    if (this.#keys.size >= KEYS_HELD && oldest !== undefined) {
      this.#keys.get(oldest)!.release();
      this.#keys.delete(oldest);
    }
    this.#keys.set(name, key);
    return key;
  }

  #require(): Tfhe {
    if (this.#tfhe !== undefined) return this.#tfhe;
    throw new RejectedError("PRIVACY_SCHEME_MISSING", `TFHE needs the native addon: ${this.missing}`, {
      missing: this.missing,
    });
  }
}

/** The ciphertexts of some slots, one after the other. */
function gather(arena: Uint32Array, words: number, slots: readonly number[]): Uint8Array {
  const out = new Uint32Array(words * slots.length);
  slots.forEach((slot, index) => {
    out.set(arena.subarray(words * slot, words * (slot + 1)), words * index);
  });
  return new Uint8Array(out.buffer);
}

function outputsOf({ outputs }: Circuit, slots: Int32Array, arena: Uint32Array, words: number): Uint8Array {
  const out = new Uint32Array(words * slots.length);
  outputs.forEach((literal, bit) => {
    const target = out.subarray(words * bit, words * (bit + 1));
    const slot = slots[bit]!;
    if (slot < 0) target[words - 1] = (literal & 1) === 1 ? WORD_TRUE : WORD_FALSE;
    else {
      target.set(arena.subarray(words * slot, words * (slot + 1)));
      if ((literal & 1) === 1) negate(target);
    }
  });
  return new Uint8Array(out.buffer);
}

/** The negation of a ciphertext: of mask and body alike. */
function negate(words: Uint32Array): void {
  for (let i = 0; i < words.length; i++) words[i] = -words[i]!;
}

function wordsOf(bits: Uint8Array): Uint32Array {
  const whole = bits.byteOffset % 4 === 0 ? bits : bits.slice();
  return new Uint32Array(whole.buffer, whole.byteOffset, whole.length / 4);
}

function expanded(tfhe: Tfhe, file: Uint8Array, binding: Binding, path: string) {
  try {
    return tfhe.expand(file, binding);
  } catch (problem) {
    if (!(problem instanceof RejectedError)) throw problem;
    const code = problem.code === "TFHE_BINDING_MISMATCH" ? "PRIVACY_INPUT_MISMATCH" : "PRIVACY_FILE_INVALID";
    throw new RejectedError(code, `${path}: ${problem.message}`, { path, ...problem.facts }, { cause: problem });
  }
}

function refuse(path: string, offset: number, problem: string): never {
  throw new RejectedError("PRIVACY_FILE_INVALID", `${path}, byte ${offset}: ${problem}`, { path, offset, problem });
}
