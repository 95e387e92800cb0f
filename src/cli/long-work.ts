/** Runs work that takes long: with progress for people, and stopped by Ctrl-C. */
import type { Config } from "../config/config.ts";
import type { CommandContext } from "./context.ts";
import { Progress } from "./progress.ts";
import { audited } from "./seams.ts";
import type { CopyRun, StoreAddress } from "./store-copies.ts";

/** What is counted in a phase that is not about rows. */
const UNITS: Readonly<Record<string, string>> = {
  log: "entries",
  applying: "entries",
  importing: "bytes",
  hashing: "bytes",
};

export async function runWithProgress<Result>(
  { output, signal }: CommandContext,
  work: (run: CopyRun) => Promise<Result>,
): Promise<Result> {
  let progress: Progress | undefined;
  let phase: string | undefined;
  const onProgress: CopyRun["onProgress"] = (step) => {
    if (!output.isForPeople) return;
    // Each phase has a rate of its own.
    if (phase !== step.phase) progress = new Progress(process.stderr, UNITS[step.phase] ?? "rows");
    phase = step.phase;
    progress?.update(step);
  };
  try {
    return await work({ signal, onProgress });
  } finally {
    progress?.finish();
  }
}

/** What is noted in the audit log of a data directory that was made or read, once it is done. */
export async function noted(
  config: Config,
  address: StoreAddress,
  action: string,
  facts: Record<string, unknown>,
): Promise<void> {
  if (address.kind === "directory")
    await audited({ ...config, dataDir: address.path }, { action, facts }, async () => undefined);
}
