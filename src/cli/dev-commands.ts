/** The commands for a chain of one's own, under `serve --dev`. */
import { Argument, type Command } from "commander";
import { type CommandShapes, wholeNumber } from "./command-shapes.ts";

export function addDevCommands(program: Command, shapes: CommandShapes): void {
  const dev = program.command("dev").description("snapshots, time and accounts of `serve --dev`");
  const commands = () => import("./commands/dev.ts");
  shapes.client(dev, "accounts", "list the named accounts", async () => (await commands()).accounts);
  shapes
    .client(dev, "snapshot", "note the chain as it is", async () => (await commands()).snapshot)
    .addHelpText("after", "\nExample\n  $ polytorus dev snapshot --json | jq -r .result.snapshotId");
  shapes.client(dev, "revert <snapshot>", "go back to a snapshot", async () => (await commands()).revert);
  shapes
    .client(dev, "time", "put the clock of new blocks forward", async () => (await commands()).time)
    .option("--forward <span>", "by so much: a number and ms, s, m, h, d or w")
    .option("--next <time>", "the next block gets this time, in milliseconds since 1970 or as ISO 8601")
    .addHelpText("after", "\nExample\n  $ polytorus dev time --forward 30d");
  shapes
    .client(dev, "mine", "make empty blocks", async () => (await commands()).mine)
    .addArgument(new Argument("[blocks]", "how many (default: 1)").argParser(wholeNumber));
}
