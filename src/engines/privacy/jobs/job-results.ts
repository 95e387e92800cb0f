/** What a task's files are kept as: results under their handles, durable before anything that takes them begins. */
import { resultContext } from "../../../encoding/encrypted-handle.ts";
import { toHex } from "../../../encoding/hex.ts";
import { StorageError } from "../../../errors.ts";
import type { BlobStore, NameChange } from "../../../execution/ports.ts";
import { handleName } from "../held-blobs.ts";
import { type Job, typeName } from "./job.ts";

const RETRY_MS = 1_000;

/** @param files one for each output of the job. */
export function resultNames(
  job: Job,
  files: readonly Uint8Array[],
  { parameterSet, heldAtMs }: { parameterSet: string; heldAtMs: number },
): NameChange[] {
  return job.outputs.map(({ handle }, output) => {
    const bytes = files[output]!;
    const facts = {
      source: "result",
      keyId: toHex(job.keyId),
      parameterSet,
      type: typeName(handle),
      contract: toHex(job.contract),
      context: toHex(resultContext(handle)),
      bytes: bytes.length,
      heldAtMs,
    };
    return { name: handleName(handle), facts, bytes };
  });
}

/** Again until they are durable, or the daemon stops: what a database does not take now is not computed again for that. */
export async function keepResults(
  blobs: BlobStore,
  results: readonly NameChange[],
  isClosing: () => boolean,
): Promise<void> {
  for (;;) {
    try {
      return await blobs.commit(results);
    } catch (problem) {
      const isTransient = problem instanceof StorageError && problem.facts["retryable"] === true;
      if (!isTransient || isClosing()) throw problem;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
