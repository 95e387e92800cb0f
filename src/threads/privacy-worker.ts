/** Entry of a thread that evaluates circuits: reads ciphertexts and keys from the blob store, answers files of results. */
import type { EvaluationRequest } from "../engines/privacy/jobs/evaluation-pool.ts";
import { runTask, type TaskResult } from "../engines/privacy/jobs/evaluation-task.ts";
import { BlobFiles } from "../storage/blobs/blob-files.ts";
import { CheckpointFiles } from "../storage/blobs/checkpoint-files.ts";

let opened: { directory: string; blobs: BlobFiles; checkpoints: CheckpointFiles } | undefined;

export default function evaluate({ task, directory }: EvaluationRequest): TaskResult {
  if (opened?.directory !== directory) {
    const blobs = BlobFiles.open(directory, { bytesMax: 0 });
    opened = { directory, blobs, checkpoints: new CheckpointFiles(directory) };
  }
  const { blobs, checkpoints } = opened;
  blobs.refresh();
  return runTask(task, { readBlob: (hash) => blobs.read(hash), checkpoints });
}
