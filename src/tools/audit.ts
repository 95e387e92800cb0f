/** The audit log as the command line uses it: its own actions go in beside a daemon's, and it can be read and checked. */
import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { AuditEntry, AuditSummary } from "../cli/seams.ts";
import type { Config } from "../config/config.ts";
import { EngineError } from "../errors.ts";
import { AUDIT_DIRECTORY, auditRecords, verifyAudit } from "../storage/audit-format.ts";
import { AuditLog } from "../storage/audit-log.ts";
import { DataDir } from "../storage/data-dir.ts";

/** Runs `body` between two records, by the user of this process. With storage in memory there is nowhere to keep them. */
export async function audited<T>(
  { dataDir, storage, audit }: Config,
  action: { action: string; facts: Record<string, unknown> },
  body: () => Promise<T>,
  outcome: (result: T) => object = () => ({}),
): Promise<T> {
  if (storage.kind === "memory") return await body();
  DataDir.ensure(dataDir);
  const log = new AuditLog({ dataDir, bytesMax: audit.maxBytes, now: Date.now });
  return await log.around({ actor: userOfThisProcess(), ...action }, body, outcome);
}

export function verifyAuditLog(dataDir: string): AuditSummary {
  return verifyAudit(requireAudit(dataDir));
}

/** Every record that is there, oldest first, checked as it is read. */
export function* auditLog(dataDir: string): Generator<AuditEntry> {
  yield* auditRecords(requireAudit(dataDir));
}

function requireAudit(dataDir: string): string {
  const directory = join(dataDir, AUDIT_DIRECTORY);
  if (!existsSync(directory))
    throw new EngineError("VALIDATION_ERROR", `there is no audit log in ${dataDir}: nothing was administered there`, {
      path: "data-dir",
      directory,
    });
  return directory;
}

function userOfThisProcess(): string {
  const { username } = userInfo();
  const sudo = process.env["SUDO_USER"];
  return sudo === undefined ? `user ${username}` : `user ${username} (sudo: ${sudo})`;
}
