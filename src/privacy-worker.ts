/** Entry of a thread that evaluates circuits: reads ciphertexts and keys from the blob store, answers files of results. */
import type { EvaluationRequest } from "./engines/privacy/jobs/evaluation-pool.ts";
import { runTask, type TaskResult } from "./engines/privacy/jobs/evaluation-task.ts";
import { BlobFiles } from "./storage/blobs/blob-files.ts";

let opened: { directory: string; blobs: BlobFiles } | undefined;

export default function evaluate({ task, directory }: EvaluationRequest): TaskResult {
  if (opened?.directory !== directory) opened = { directory, blobs: BlobFiles.open(directory, { bytesMax: 0 }) };
  const { blobs } = opened;
  blobs.refresh();
  return runTask(task, (hash) => blobs.read(hash));
}
