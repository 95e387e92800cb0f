/** The commands that take whole stores from one place to another. */
import { type Command, Option } from "commander";
import type { CommandShapes } from "./command-shapes.ts";

const STORE = "a data directory or postgres://…";
const SOURCE = "a data directory, postgres://…, or ipc:PATH of a running daemon";

export function addStateCommands(program: Command, shapes: CommandShapes): void {
  const backups = () => import("./commands/backup.ts");
  configured(
    shapes.leaf(program, "backup <file>", "write everything into one file; a daemon may be running", async () => {
      return (await backups()).backup;
    }),
  )
    .option("--from <store>", `${SOURCE} (default: --data-dir)`)
    .option("--force", "even if the file is there: it is replaced")
    .addHelpText("after", "\nExample\n  $ polytorus backup /var/backups/polytorus-$(date +%F).ptbackup");
  configured(
    shapes.leaf(program, "restore <file>", "check a backup and make a store of it", async () => {
      return (await backups()).restore;
    }),
  )
    .option("--to <store>", `${STORE} with an empty schema (default: --data-dir)`)
    .option("--force", "even if the data directory holds something: it is moved aside")
    .addHelpText("after", "\nExample\n  $ polytorus restore backup.ptbackup --data-dir ./restored");

  const state = program.command("state").description("export, import and copy the state");
  const states = () => import("./commands/state.ts");
  configured(
    shapes.leaf(state, "export", "write the state at the newest block; a daemon may be running", async () => {
      return (await states()).exportState;
    }),
  )
    .addOption(
      new Option("--format <format>", "ndjson can be imported; the others are for other programs")
        .choices(["ndjson", "json", "csv", "sql"])
        .default("ndjson"),
    )
    .option("--from <store>", `${STORE} (default: --data-dir)`)
    .option("--out <file>", "write here (default: standard output)")
    .option("--force", "even if the file is there: it is replaced")
    .addHelpText(
      "after",
      "\nExample\n  $ polytorus state export --out state.ndjson\n  $ polytorus state export | gzip > state.ndjson.gz",
    );
  configured(
    shapes.leaf(state, "import <file>", "begin a data directory with an exported state", async () => {
      return (await states()).importState;
    }),
  )
    .option("--to <store>", "a data directory, or postgres://…: the tables of an empty schema (default: --data-dir)")
    .option("--skip-validation", "compare neither hashes nor the state root")
    .option("--force", "even if the data directory holds something: it is moved aside")
    .addHelpText(
      "after",
      "\nA run that was cut goes on where it was when it is started again.\n\nExample\n  $ polytorus state import state.ndjson --data-dir ./imported",
    );
  configured(shapes.leaf(state, "copy", "copy everything from one store to another", async () => (await states()).copy))
    .requiredOption("--from <store>", SOURCE)
    .requiredOption("--to <store>", STORE)
    .option("--force", "even if the data directory holds something: it is moved aside")
    .addHelpText(
      "after",
      "\nExample\n  $ polytorus state copy --from ./data --to postgres://polytorus@db.example/polytorus",
    );
}

function configured(command: Command): Command {
  return command
    .option("--config <file>", "configuration (POLYTORUS_CONFIG)")
    .option("--data-dir <dir>", "the data directory (default ./data)");
}
