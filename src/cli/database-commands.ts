/** The commands of the PostgreSQL schema, and of looking after what a daemon keeps. */
import { Argument, type Command } from "commander";
import { type CommandShapes, wholeNumber } from "./command-shapes.ts";
import type { Handler } from "./context.ts";

export function addDatabaseCommands(program: Command, shapes: CommandShapes): void {
  const db = program.command("db").description("migrations of the PostgreSQL schema");
  const module = () => import("./commands/db.ts");
  const leaf = (nameAndArgs: string, summary: string, load: () => Promise<Handler>): Command =>
    shapes
      .leaf(db, nameAndArgs, summary, load)
      .option("--config <file>", "configuration (POLYTORUS_CONFIG)")
      .option("--database <url>", "postgres://… (DATABASE_URL, storage.postgres.url)");
  leaf("migrate", "apply every migration that is pending", async () => (await module()).migrate).option(
    "--dry-run",
    "print what would be applied, and change nothing",
  );
  leaf("rollback", "take back every migration above a version", async () => (await module()).rollback)
    .addArgument(new Argument("<version>", "number of the last migration to keep").argParser(wholeNumber))
    .option("--force", "even if tables that hold rows are dropped");
  leaf("status", "show which migrations are applied", async () => (await module()).status);
  leaf(
    "validate",
    "compare what was applied with this program's migrations",
    async () => (await module()).validate,
  ).option("--verbose", "with both checksums of each");
  shapes.leaf(
    db,
    "create <name>",
    "write an empty migration with the next number",
    async () => (await module()).create,
  );
  leaf(
    "maintenance",
    "vacuum, analyze, check and prune the data directory, and PostgreSQL where it is the storage",
    async () => (await import("./commands/maintenance.ts")).maintenance,
  )
    .option("--data-dir <dir>", "the data directory (default ./data)")
    .option("--vacuum", "give free space back; of the embedded state only while no daemon runs")
    .option("--analyze", "renew what the planner knows of the tables, and count")
    .option(
      "--prune",
      "let go of blocks, receipts and logs that are older than what is kept; a daemon that runs does it itself",
    )
    .option("--keep <history>", "'100000 blocks' or '30 days' (retention.history)")
    .option("--dry-run", "say what would be pruned, and change nothing")
    .option("--check", "hash the state again and compare with the block's root; check the journal's checksums");
  leaf("reset", "drop the schema", async () => (await module()).reset).option("--force", "even if it holds rows");
}
