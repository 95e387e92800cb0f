/** audit: what administrators did, from a data directory; a daemon may be running on it. */
import { grouped } from "../../client/amounts.ts";
import { loadConfig } from "../../config/load.ts";
import { EngineError } from "../../errors.ts";
import type { CommandContext, Handler, Options } from "../context.ts";
import { type AuditEntry, auditLog, verifyAuditLog } from "../seams.ts";
import { fields, table } from "../table.ts";

function dataDirOf({ environment, cwd }: CommandContext, options: Options): string {
  const flags = { data_dir: options["dataDir"] };
  return loadConfig({ file: options["config"] as string | undefined, flags, environment, cwd }).config.dataDir;
}

export const show: Handler = async (context, _args, options) => {
  const limit = (options["limit"] as number | undefined) ?? Number.POSITIVE_INFINITY;
  const items: AuditEntry[] = [];
  for (const entry of await auditLog(dataDirOf(context, options))) {
    items.push(entry);
    if (items.length > limit) items.shift();
  }
  context.output.page({ items }, () => {
    const rows = items.map((entry) => [
      String(entry.seq),
      entry.at,
      entry.actor,
      entry.action,
      entry.of === undefined ? entry.phase : `${entry.phase} (${entry.of})`,
      JSON.stringify(entry.facts),
    ]);
    const columns = ["seq", "at", "who", "what", "outcome", "facts"].map((title) => ({ title }));
    return table(columns, rows, context.output.styles.dim);
  });
};

export const verify: Handler = async (context, _args, options) => {
  const { output } = context;
  const dataDir = dataDirOf(context, options);
  const report = await verifyAuditLog(dataDir);
  const expected = options["expect"] as string | undefined;
  if (expected !== undefined) await requireRecord(dataDir, expected);
  output.result(report, () =>
    fields(
      [
        ["verified", output.styles.good("every record follows the one before it")],
        ["records", `${grouped(report.records)} (${report.firstSeq} to ${report.lastSeq}) in ${report.files} files`],
        ["newest", report.hash],
        ["expected", expected === undefined ? undefined : `${expected} is in it`],
      ],
      output.styles.dim,
    ),
  );
};

/** @throws EngineError AUDIT_DAMAGED: who rewrites the whole log, HEAD and all, can't make this hash come out. */
async function requireRecord(dataDir: string, hash: string): Promise<void> {
  for (const entry of await auditLog(dataDir)) if (entry.hash === hash) return;
  throw new EngineError("AUDIT_DAMAGED", `no record of the audit log has the hash ${hash}`, { hash });
}
