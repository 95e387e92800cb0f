/** The commands for what a daemon keeps: the log of what administrators did, sample data, and deleting all of it. */
import type { Command } from "commander";
import { type CommandShapes, wholeNumber } from "./command-shapes.ts";

export function addKeepingCommands(program: Command, shapes: CommandShapes): void {
  const onDataDir = (command: Command, note: string): Command =>
    command
      .option("--config <file>", "configuration (POLYTORUS_CONFIG)")
      .option("--data-dir <dir>", `the data directory (default ./data); ${note}`);
  const audit = program.command("audit").description("what administrators did");
  const auditModule = () => import("./commands/audit.ts");
  onDataDir(
    shapes.leaf(audit, "show", "print the audit log, oldest first", async () => (await auditModule()).show),
    "a daemon may be running on it",
  ).option("--limit <n>", "print only the newest", wholeNumber);
  onDataDir(
    shapes.leaf(
      audit,
      "verify",
      "check that nothing in it was changed or cut",
      async () => (await auditModule()).verify,
    ),
    "a daemon may be running on it",
  ).option("--expect <hash>", "hash of a record that was noted elsewhere: the log must hold it");
  shapes
    .client(
      program,
      "seed [file]",
      "put sample data on a development chain",
      async () => (await import("./commands/seed.ts")).seed,
    )
    .option("--force", "on a chain that has blocks already")
    .addHelpText(
      "after",
      '\nFILE is { "transactions": [ … ] }. A transaction with a "label" may be called by later ones as "@LABEL". Left out:\nthree tokens with holders. Seeding again runs nothing twice.',
    );
  onDataDir(
    shapes.leaf(
      program,
      "clear",
      "delete everything that a daemon kept, but its audit log",
      async () => (await import("./commands/clear.ts")).clear,
    ),
    "no daemon may be running on it",
  ).option("--force", "without asking");
  onDataDir(
    shapes.leaf(
      program,
      "rotate-key <new-key-file>",
      "put an encrypted data directory under another key file",
      async () => (await import("./commands/rotate-key.ts")).rotate,
    ),
    "a daemon may be running on it",
  ).option("--key-file <file>", "the present one (encryption.key_file)");
}
