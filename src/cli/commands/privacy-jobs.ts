/** privacy schemes, jobs, watch, wait, cancel, explain */
import { setTimeout as sleep } from "node:timers/promises";
import { grouped } from "../../client/amounts.ts";
import type { JobJson, JobReference, JobStatusJson } from "../../client/privacy-methods.ts";
import { EngineError } from "../../errors.ts";
import type { CommandContext, Handler } from "../context.ts";
import { fields, table } from "../table.ts";
import { requireAddress } from "../transactions.ts";
import { requireHash } from "./privacy-keys.ts";

const WATCH_MS = 500;
const WAIT_MS = 20_000;

export const schemes: Handler = async ({ remote, output }) => {
  const items = await remote.call("privacy_schemes", {});
  output.result(items, () =>
    items
      .map((scheme) =>
        fields([
          ["scheme", scheme.id],
          ["security", scheme.security],
          ["claim", scheme.claim],
          [
            "parameter sets",
            scheme.parameterSets.map(({ id, securityBits }) => `${id} (${securityBits} bits)`).join(", "),
          ],
          ["not hidden", scheme.leaks.join("\n")],
          ["missing", scheme.missing ?? undefined],
        ]),
      )
      .join("\n\n"),
  );
};

export const jobs: Handler = async ({ remote, output }, _args, options) => {
  const page = await remote.call("privacy_jobs", {
    status: options["status"] as JobStatusJson | undefined,
    contract: options["contract"] as string | undefined,
    limit: options["limit"] as number,
  });
  output.page(page, () => jobTable(page.items));
  if (output.isForPeople) output.talk(output.talkStyles.dim(`${page.open} not over`));
};

function jobTable(items: readonly JobJson[]): string {
  return table(
    [
      { title: "job" },
      { title: "status" },
      { title: "%", align: "right" },
      { title: "gates", align: "right" },
      { title: "left" },
      { title: "because" },
    ],
    items.map((job) => [
      `${job.jobId.slice(0, 14)}…`,
      job.status,
      String(job.percent),
      grouped(job.gatesTotal),
      leftText(job),
      job.because ?? "",
    ]),
  );
}

function leftText({ etaMs, status }: JobJson): string {
  if (status === "done" || status === "failed" || status === "cancelled") return "";
  return etaMs === null ? "unknown" : `${Math.ceil(etaMs / 1000)} s`;
}

/**
 * Asks again and again: it ends when nothing is open, and of that a stream of changes says nothing (`events --types jobs`
 * is that stream). Asked are only those that run, few as the threads that run them.
 */
export const watch: Handler = async ({ remote, output }) => {
  for (;;) {
    const { items: running, open } = await remote.call("privacy_jobs", { status: "running" });
    const line = running
      .map(
        (job) =>
          `${job.jobId.slice(0, 14)}…  ${job.phase}  ${job.percent} %  ${grouped(job.ratePerSecond)} gates/s  ${leftText(job)} left`,
      )
      .join("\n");
    output.item({ open, running }, () => `${open} not over${line === "" ? "" : `\n${line}`}`);
    if (open === 0) return;
    await sleep(WATCH_MS);
  }
};

export const wait: Handler = async (context, args, options) => {
  const handle = requireHash(args[0] as string, "HANDLE");
  const until = performance.now() + 1000 * (options["timeout"] as number);
  for (;;) {
    const left = until - performance.now();
    const job = await context.remote.call("privacy_job", {
      handle,
      waitMs: Math.round(Math.min(WAIT_MS, Math.max(0, left))),
    });
    if (job.status === "done" || left <= 0) return tellJob(context, job);
    if (job.status === "failed" || job.status === "cancelled")
      throw new EngineError("PRIVACY_RESULT_FAILED", `${handle}: the evaluation ${job.status}: ${job.because}`, {
        handle,
        because: job.because,
      });
    if (context.output.isTalkLive)
      context.output.talk(context.output.talkStyles.dim(`${job.phase}  ${job.percent} %  ${leftText(job)} left`));
  }
};

export const cancel: Handler = async (context, args) => {
  tellJob(context, await context.remote.call("privacy_cancelJob", referenceOf(args[0] as string)));
};

export const explainAccess: Handler = async ({ remote, output }, args) => {
  const handle = requireHash(args[0] as string, "HANDLE");
  const account = requireAddress(args[1] as string, "ACCOUNT");
  const answer = await remote.call("privacy_explain", { handle, account });
  output.result(answer, () => `${answer.allowed ? "allowed" : "not allowed"}: ${answer.because}`);
};

function referenceOf(text: string): JobReference {
  return /^0x[0-9a-fA-F]{64}$/.test(text) ? { handle: text } : { jobId: text };
}

function tellJob({ output }: CommandContext, job: JobJson): void {
  output.result(job, () =>
    fields([
      ["job", job.jobId],
      ["status", job.status],
      ["gates", `${grouped(job.gatesDone)} of ${grouped(job.gatesTotal)}, depth ${job.depth}`],
      ["contract", job.contract],
      ["parameter set", `${job.parameterSet}; ${job.security}`],
      ["results", job.handles.join("\n")],
      ["because", job.because ?? undefined],
    ]),
  );
}
