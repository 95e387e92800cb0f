/** db maintenance: vacuum, analyze, check and prune what a daemon keeps, in its data directory and in PostgreSQL. */
import { existsSync } from "node:fs";
import { grouped } from "../../client/amounts.ts";
import { type Client, connect } from "../../client/client.ts";
import type { Config } from "../../config/config.ts";
import { loadConfig } from "../../config/load.ts";
import { parseHistory } from "../../config/quantity.ts";
import { EngineError } from "../../errors.ts";
import type { Handler, Options } from "../context.ts";
import { Progress } from "../progress.ts";
import { audited, type MaintenanceReport, maintain, type PruneRun, type StoreReport } from "../seams.ts";
import type { Styles } from "../styles.ts";
import { fields } from "../table.ts";

/** A VACUUM takes as long as it takes. */
const STATEMENT_TIMEOUT_MS = 24 * 3_600_000;

export const maintenance: Handler = async (context, _args, options) => {
  const { output, environment, cwd, signal } = context;
  const { config } = loadConfig({
    file: options["config"] as string | undefined,
    flags: { data_dir: options["dataDir"], "storage.kind": options["database"] },
    environment,
    cwd,
  });
  const pruned = options["prune"] === true ? pruneRun(options, config) : undefined;
  if (pruned === undefined && (options["keep"] ?? options["dryRun"]) !== undefined)
    throw new EngineError("VALIDATION_ERROR", "--keep and --dry-run belong to --prune", { path: "--prune" });
  const asked = {
    prune: pruned,
    vacuum: options["vacuum"] === true,
    analyze: options["analyze"] === true,
    check: options["check"] === true,
  };
  if (!asked.vacuum && !asked.analyze && !asked.check && pruned === undefined)
    throw new EngineError(
      "VALIDATION_ERROR",
      "say what to do: --prune, --vacuum, --analyze, --check, or several of them",
      {
        path: "--check",
      },
    );
  const progress = new Progress(process.stderr, "rows");
  const run = {
    ...asked,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    signal,
    onProgress: (step: { phase: string; done: number; total: number }) => {
      if (output.isForPeople) progress.update(step);
    },
  };
  const daemon = pruned === undefined ? undefined : await daemonAt(config.ipc.path);
  const work = async (): Promise<MaintenanceReport> => {
    if (daemon === undefined) return await maintain(config, run);
    const journal = await prunedByDaemon(daemon, options);
    const { stores, isSound } = await maintain(config, { ...run, prune: { ...pruned!, tablesOnly: true } });
    return { stores: [journal, ...stores], isSound };
  };
  let report: MaintenanceReport;
  try {
    report = await audited(config, { action: "db.maintenance", facts: asked }, work, ({ stores }) => ({ stores }));
  } finally {
    progress.finish();
    await daemon?.close();
  }
  const render = (): string => report.stores.map((store) => storeText(store, asked.check, output.styles)).join("\n\n");
  if (report.isSound) {
    output.result(report, render);
    return;
  }
  const problems = report.stores.flatMap((store) => store.problems);
  const failure = new EngineError("STORAGE_ERROR", problems.join("; "), { retryable: false, problems });
  output.failedResult(report, render, failure);
  context.exit(failure.exitCode);
};

/** The daemon that runs on the data directory; undefined when none does. */
async function daemonAt(ipc: string): Promise<Client | undefined> {
  if (!existsSync(ipc)) return undefined;
  try {
    return await connect({ ipc });
  } catch (problem) {
    if (problem instanceof EngineError && problem.code === "CONNECTION_FAILED") return undefined;
    throw problem;
  }
}

async function prunedByDaemon(daemon: Client, options: Options): Promise<StoreReport> {
  const params = { keep: options["keep"] as string | undefined, dryRun: options["dryRun"] === true };
  return { store: "journal, by the daemon", facts: { ...(await daemon.call("admin_prune", params)) }, problems: [] };
}

/** @throws EngineError VALIDATION_ERROR when nothing says what to keep. */
function pruneRun(options: Options, { retention }: Config): PruneRun {
  const asked = options["keep"] as string | undefined;
  const kept = asked === undefined ? (retention.history ?? "everything") : parseHistory(asked);
  if (kept === undefined || kept === "everything")
    throw new EngineError(
      "VALIDATION_ERROR",
      "say what to keep: --keep '100000 blocks' or '30 days', or retention.history",
      {
        path: "--keep",
        expected: "a number of blocks or a time",
        received: asked ?? "everything",
      },
    );
  return { kept, dryRun: options["dryRun"] === true, tablesOnly: false };
}

function storeText({ store, facts, problems }: StoreReport, isChecked: boolean, styles: Styles): string {
  const verdict = problems.length > 0 ? styles.bad(problems.join("\n")) : isChecked ? styles.good("sound") : "done";
  const shown = Object.entries(facts).map(
    ([name, value]) =>
      [
        name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
        typeof value === "number" ? grouped(value) : typeof value === "string" ? value : JSON.stringify(value),
      ] as const,
  );
  return fields([[store, verdict], ...shown], styles.dim);
}
