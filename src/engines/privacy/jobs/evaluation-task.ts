/**
 * EvaluationTask: circuits to be evaluated together under one key, as a message for a worker; and what the worker does.
 *   stored ciphertexts, constants ── read, expand ──▶ Scheme.evaluate ──▶ one ciphertext file for each result
 *                            checkpoints ── resume ──▶      │ ── every `checkpointGates`, and when stopped ──▶ checkpoints
 * Always
 *  - The same task gives the same files, whichever worker runs it, however often, and wherever it was interrupted.
 */

import { resultContext } from "../../../encoding/encrypted-handle.ts";
import { fromHex } from "../../../encoding/hex.ts";
import { EngineError } from "../../../errors.ts";
import type { Circuit } from "../circuit/circuit.ts";
import { findParameterSet } from "../schemes/schemes.ts";
import { type Checkpoints, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";

export type TaskInput =
  /** A file of the blob store. */
  | { readonly blob: string; readonly context: string }
  /** Bits of a constant, least significant first. */
  | { readonly constant: readonly boolean[] };

export interface TaskApplication {
  readonly jobId: string;
  readonly circuit: Circuit;
  readonly inputs: readonly TaskInput[];
  /** Where the bits of each result lie among the circuit's, and its handle. */
  readonly outputs: readonly { readonly handle: Uint8Array; readonly at: number; readonly bits: number }[];
}

export interface EvaluationTask {
  readonly parameterSet: string;
  readonly keyId: Uint8Array;
  readonly keyBlob: string;
  readonly applications: readonly TaskApplication[];
  readonly control: Int32Array;
  readonly threads: number;
  /** How many are done at least between two checkpoints. */
  readonly checkpointGates: number;
}

export interface TaskStores {
  readBlob(hash: Uint8Array): Uint8Array | undefined;
  readonly checkpoints: Checkpoints;
}

/** For each application a file for each result; undefined when it was stopped. */
export type TaskResult = Uint8Array[][] | undefined;

export function runTask(task: EvaluationTask, { readBlob, checkpoints }: TaskStores): TaskResult {
  const found = findParameterSet(task.parameterSet);
  if (found === undefined || found.scheme.missing !== undefined)
    throw new EngineError(
      "PRIVACY_SCHEME_MISSING",
      `parameter set ${task.parameterSet}: ${found?.scheme.missing ?? "this version does not have it"}`,
      { parameterSet: task.parameterSet },
    );
  const { scheme, parameterSet } = found;
  const require = (blob: string) => {
    const bytes = readBlob(fromHex(blob)!);
    if (bytes === undefined) throw new EngineError("INTERNAL_ERROR", `blob ${blob} is gone`, { blob });
    return bytes;
  };
  const of = task.applications.map(({ circuit }) => ({ keyId: task.keyId, circuit, bitBytes: parameterSet.bitBytes }));
  const evaluated = scheme.evaluate(
    { keyId: task.keyId, parameterSet, read: () => require(task.keyBlob) },
    task.applications.map(({ circuit, inputs, jobId }, index) => {
      const saved = checkpoints.read(jobId);
      return {
        circuit,
        inputs: inputs.map((input) => {
          if ("constant" in input) return scheme.trivial(parameterSet, input.constant);
          const binding = { keyId: task.keyId, context: fromHex(input.context)! };
          return scheme.readCiphertext(require(input.blob), binding, "input").bits;
        }),
        resume: saved && decodeCheckpoint(of[index]!, saved),
      };
    }),
    {
      control: task.control,
      threads: task.threads,
      checkpoint: {
        everyGates: task.checkpointGates,
        save: (progress) =>
          progress.forEach((at, index) => {
            checkpoints.write(task.applications[index]!.jobId, encodeCheckpoint(of[index]!, at));
          }),
      },
    },
  );
  return evaluated?.map((bits, index) =>
    task.applications[index]!.outputs.map(({ handle, at, bits: width }) => {
      const slice = bits.subarray(at * parameterSet.bitBytes, (at + width) * parameterSet.bitBytes);
      return scheme.writeCiphertext(parameterSet, { keyId: task.keyId, context: resultContext(handle) }, slice);
    }),
  );
}
