/** What administrative methods do to the running daemon: the AdminService of rpc over migrations, tokens and certificate. */

import type { Config } from "../config/config.ts";
import { DEV_ACCOUNTS } from "../config/dev-accounts.ts";
import { parseHistory } from "../config/quantity.ts";
import type { Engine } from "../engine.ts";
import { EngineError } from "../errors.ts";
import type { AdminService } from "../rpc/admin.ts";
import type { TokenRoles } from "../rpc/http-access.ts";
import { sampleTransactions } from "../service/sample-data.ts";
import type { HistoryKept } from "../storage/prune-plan.ts";
import { databaseTools } from "../tools/database.ts";
import { loadTokens } from "./tokens.ts";

/** @param engine gives the daemon's, which prunes. @param useTokens makes them those of the HTTP listener; answers whether it has a certificate, read again. */
export function administration(
  config: Config,
  engine: Pick<Engine, "prune">,
  useTokens: (tokens: TokenRoles) => boolean,
): AdminService {
  const database = () => {
    if (config.storage.kind === "postgres") return databaseTools(config.storage.postgres);
    throw new EngineError(
      "VALIDATION_ERROR",
      `storage.kind is ${config.storage.kind}: only PostgreSQL's schema has migrations`,
      { path: "storage.kind", expected: "postgres", received: config.storage.kind },
    );
  };
  return {
    isDev: config.dev,
    migrationStatus: async () => structuredClone(await database().status()) as never,
    migrate: async ({ dryRun }) => ({ dryRun, steps: await database().migrate({ dryRun, onStep: () => undefined }) }),
    prune: async ({ keep, dryRun }) => await engine.prune(keptHistory(keep, config), dryRun),
    sample: () => sampleTransactions(DEV_ACCOUNTS),
    reload: () => {
      const tokens = loadTokens(config.http?.tokensFile);
      return { tokens: tokens.size, certificate: useTokens(tokens) };
    },
  };
}

/** @throws EngineError VALIDATION_ERROR. */
function keptHistory(keep: string | undefined, { retention }: Config): HistoryKept {
  const kept = keep === undefined ? (retention.history ?? "everything") : parseHistory(keep);
  if (kept !== undefined && kept !== "everything") return kept;
  throw new EngineError("VALIDATION_ERROR", "keep: say what to keep, like 100000 blocks or 30 days", {
    path: "keep",
    expected: "a number of blocks or a time",
    received: keep ?? "retention.history = everything",
  });
}
