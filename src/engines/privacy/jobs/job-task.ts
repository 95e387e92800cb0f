/** Ready jobs of one key as a task for a worker. */
import type { Handle } from "../../../encoding/encrypted-handle.ts";
import { toHex } from "../../../encoding/hex.ts";
import { EngineError } from "../../../errors.ts";
import type { BlobStore } from "../../../execution/ports.ts";
import { heldCiphertext, heldKey } from "../held-blobs.ts";
import type { EvaluationTask, TaskInput } from "./evaluation-task.ts";
import { type Job, outputBits } from "./job.ts";

/** @throws EngineError PRIVACY_KEY_UNKNOWN */
export function taskOf(
  blobs: BlobStore,
  jobs: readonly Job[],
  run: Pick<EvaluationTask, "control" | "threads" | "checkpointGates">,
): EvaluationTask {
  const { keyId } = jobs[0]!;
  const key = heldKey(blobs, keyId);
  if (key === undefined)
    throw new EngineError("PRIVACY_KEY_UNKNOWN", `the evaluation key ${toHex(keyId)} is not here`, {});
  return {
    ...run,
    parameterSet: key.parameterSet,
    keyId,
    keyBlob: key.blob,
    applications: jobs.map((job) => ({
      jobId: job.id,
      circuit: job.placed!.circuit,
      inputs: job.inputs.map((input) => inputOf(blobs, job, input)),
      outputs: job.outputs.map(({ handle, output }) => ({ handle, ...outputBits(job.placed!, output) })),
    })),
  };
}

function inputOf(blobs: BlobStore, job: Job, handle: Handle): TaskInput {
  const held = heldCiphertext(blobs, handle);
  if (held !== undefined) return { blob: held.blob, context: held.context };
  const value = job.constants.get(toHex(handle));
  if (value === undefined) throw new EngineError("INTERNAL_ERROR", `${toHex(handle)} is not held`, {});
  return { constant: value };
}
