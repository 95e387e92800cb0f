/** admin_*: what an operator does to a running daemon. Every call is in the audit log. */
import { EngineError } from "../errors.ts";
import type { AdminService } from "./admin.ts";
import { TOKEN } from "./examples.ts";
import { define, type MethodContext, type MethodTable } from "./method.ts";
import { Anything, closed, Facts, list, optional, Text, Truth, Whole, words } from "./schemas.ts";
import { seed } from "./seeding.ts";

const ADMIN = { role: "admin", isAudited: true } as const;
const Migration = closed(
  {
    version: Whole,
    name: Text,
    state: Text,
    appliedAt: optional(Text),
    checksum: optional(Text),
    appliedChecksum: optional(Text),
  },
  { title: "Migration" },
);
const Step = closed(
  { version: Whole, name: Text, direction: words("up", "down"), sql: Text },
  { title: "MigrationStep" },
);
const MIGRATION = { version: 1, name: "0001_contract_tables" };

export const ADMIN_METHODS = {
  admin_migrationStatus: define("admin_migrationStatus", {
    description: "Which migrations of the PostgreSQL schema are applied, and whether they are those of this program.",
    role: "admin",
    params: closed({}),
    result: closed({
      schema: Text,
      version: Whole,
      isCurrent: Truth,
      problems: list(Text),
      migrations: list(Migration),
    }),
    example: {
      params: {},
      result: {
        schema: "smart_contracts",
        version: 1,
        isCurrent: true,
        problems: [],
        migrations: [{ ...MIGRATION, state: "applied", appliedAt: "2025-06-01T12:00:00Z" }],
      },
    },
    handle: (_params, context) => adminOf(context).migrationStatus(),
  }),

  admin_migrate: define("admin_migrate", {
    ...ADMIN,
    description:
      "Applies every pending migration of the PostgreSQL schema; with dryRun it says which, and changes nothing.",
    params: closed({ dryRun: optional(Truth) }),
    result: closed({ dryRun: Truth, steps: list(Step) }),
    example: {
      params: { dryRun: true },
      result: { dryRun: true, steps: [{ ...MIGRATION, direction: "up", sql: "create table position (…)" }] },
    },
    handle: ({ dryRun = false }, context) => adminOf(context).migrate({ dryRun }),
  }),

  admin_seed: define("admin_seed", {
    ...ADMIN,
    blockMode: "auto",
    isOrdered: true,
    description:
      "Runs sample data: the transactions given, or the built-in ones. `@LABEL` in `to` and `args` is the contract that the transaction with that label deployed. What was seeded before is not run again. A chain with blocks needs `force`, unless the daemon runs with --dev.",
    params: closed({
      transactions: optional(list(Anything, "an array of transactions, each with an optional label")),
      force: optional(Truth),
    }),
    result: closed({ transactions: Whole, applied: Whole, blockHeight: Whole, contracts: Facts }),
    example: {
      params: {},
      result: { transactions: 30, applied: 30, blockHeight: 2, contracts: { dollar: TOKEN } },
    },
    async handle({ transactions, force = false }, context) {
      const admin = adminOf(context);
      const height = context.service.info()["height"] as number;
      if (height > 0 && !force && !admin.isDev)
        throw new EngineError(
          "VALIDATION_ERROR",
          `the chain has ${height} blocks, and sample data would stay in it for good: say force, or start the daemon with --dev`,
          { path: "force", expected: "true", received: force, height },
        );
      return await seed(transactions ?? admin.sample(), context);
    },
  }),

  admin_prune: define("admin_prune", {
    ...ADMIN,
    description:
      "Lets go of blocks, receipts and logs that are older than what is to be kept and that nobody needs, 64 segments of the journal at most; with dryRun it says which, and changes nothing.",
    params: closed({ keep: optional(Text), dryRun: optional(Truth) }),
    result: closed({
      dryRun: Truth,
      segments: Whole,
      bytes: Whole,
      lowestHeightBefore: Whole,
      lowestHeight: Whole,
      keptFor: Text,
    }),
    example: {
      params: { keep: "30 days", dryRun: true },
      result: {
        dryRun: true,
        segments: 3,
        bytes: 805_306_368,
        lowestHeightBefore: 0,
        lowestHeight: 14_218,
        keptFor: "retention.history",
      },
    },
    async handle({ keep, dryRun = false }, context) {
      return { dryRun, ...(await adminOf(context).prune({ keep, dryRun })) };
    },
  }),

  admin_reload: define("admin_reload", {
    ...ADMIN,
    description:
      "Reads http.tokens_file and the TLS certificate again, as SIGHUP does. Answers how many tokens there are.",
    params: closed({}),
    result: closed({ tokens: Whole, certificate: Truth }),
    example: { params: {}, result: { tokens: 2, certificate: false } },
    handle: (_params, context) => adminOf(context).reload(),
  }),
} satisfies Partial<MethodTable>;

function adminOf({ admin }: MethodContext): AdminService {
  if (admin !== undefined) return admin;
  throw new EngineError("METHOD_NOT_FOUND", "nobody administers this engine", {});
}
