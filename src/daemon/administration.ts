/** What administrative methods do to the running daemon: the AdminService of rpc over migrations, tokens and certificate. */

import type { Config } from "../config/config.ts";
import { DEV_ACCOUNTS } from "../config/dev-accounts.ts";
import { EngineError } from "../errors.ts";
import type { AdminService } from "../rpc/admin.ts";
import type { TokenRoles } from "../rpc/http-access.ts";
import { sampleTransactions } from "../service/sample-data.ts";
import { databaseTools } from "../tools/database.ts";
import { loadTokens } from "./tokens.ts";

/** @param useTokens makes them those of the HTTP listener; answers whether it has a certificate, read again. */
export function administration(config: Config, useTokens: (tokens: TokenRoles) => boolean): AdminService {
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
    sample: () => sampleTransactions(DEV_ACCOUNTS),
    reload: () => {
      const tokens = loadTokens(config.http?.tokensFile);
      return { tokens: tokens.size, certificate: useTokens(tokens) };
    },
  };
}
