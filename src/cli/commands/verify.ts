/** block verify: executes what the journal holds again, and compares. Works on a data directory, not on a daemon. */
import { grouped } from "../../client/amounts.ts";
import { loadConfig } from "../../config/load.ts";
import { EngineError } from "../../errors.ts";
import type { Handler } from "../context.ts";
import { Progress } from "../progress.ts";
import { verifyChain } from "../seams.ts";
import { fields } from "../table.ts";

export const verify: Handler = async (context, _args, options) => {
  const { output, environment, cwd, signal } = context;
  const flags = { data_dir: options["dataDir"] };
  const { config } = loadConfig({ file: options["config"] as string | undefined, flags, environment, cwd });
  const progress = new Progress(process.stderr, "blocks");
  const report = await verifyChain(config.dataDir, {
    from: options["from"] as number | undefined,
    to: options["to"] as number | undefined,
    signal,
    keyFile: config.encryption.keyFile,
    onProgress: (step) => {
      if (output.isForPeople) progress.update(step);
    },
  }).finally(() => progress.finish());
  const { mismatch } = report;
  const render = (): string =>
    fields(
      [
        [
          "verified",
          mismatch === undefined
            ? output.styles.good("every block comes out as the journal says")
            : output.styles.bad(`block ${mismatch.height} does not`),
        ],
        ["blocks", `${grouped(report.blocks)} (${report.from} to ${report.to})`],
        [
          "pruned",
          report.prunedBelow === undefined
            ? undefined
            : `below ${report.prunedBelow}: executed again from the state after it, which is the state store's, taken back`,
        ],
        ["transactions", grouped(report.transactions)],
        ["state root", report.stateRoot],
        [
          "delta only",
          report.deltaOnlyBlocks === 0 ? undefined : `${report.deltaOnlyBlocks} blocks of a retired protocol version`,
        ],
        [
          "differs",
          mismatch === undefined
            ? undefined
            : `${mismatch.what}: the journal says ${mismatch.expected}, it comes out as ${mismatch.actual}`,
        ],
      ],
      output.styles.dim,
    );
  if (mismatch === undefined) {
    output.result(report, render);
    return;
  }
  const failure = new EngineError(
    "ROOT_MISMATCH",
    `block ${mismatch.height}: ${mismatch.what} is ${mismatch.actual}, the journal says ${mismatch.expected}`,
    { ...mismatch },
  );
  output.failedResult(report, render, failure);
  context.exit(failure.exitCode);
};
