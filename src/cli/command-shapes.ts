/**
 * What commands have in common: every one can print JSON, those that ask the daemon can say where it is, those that send a
 * transaction for whom, and lists come in pages.
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Handler } from "./context.ts";
import { OUTPUT_FORMATS } from "./output.ts";

/** Runs a command that was parsed: run.ts. */
export type RunHandler = (load: () => Promise<Handler>, command: Command) => Promise<void>;

const DAEMON_GROUP = "Daemon:";
const OUTPUT_GROUP = "Output:";

/** Items listed unless --limit says otherwise. */
const LIMIT_DEFAULT = 100;

export class CommandShapes {
  readonly #run: RunHandler;

  constructor(run: RunHandler) {
    this.#run = run;
  }

  leaf(parent: Command, nameAndArgs: string, summary: string, load: () => Promise<Handler>): Command {
    const command = parent.command(nameAndArgs).description(summary);
    return command
      .addOption(shared(OUTPUT_GROUP, "-j, --json", "print one JSON envelope: { status, result, error }"))
      .addOption(shared(OUTPUT_GROUP, "--output <format>", "how to print").choices(OUTPUT_FORMATS))
      .addOption(shared(OUTPUT_GROUP, "--no-color", "print without colour (NO_COLOR)"))
      .action(() => this.#run(load, command));
  }

  /** A command that asks the daemon. */
  client(parent: Command, nameAndArgs: string, summary: string, load: () => Promise<Handler>): Command {
    return this.leaf(parent, nameAndArgs, summary, load)
      .addOption(shared(DAEMON_GROUP, "--ipc <path>", "its socket (POLYTORUS_IPC; default ./data/engine.ipc)"))
      .addOption(shared(DAEMON_GROUP, "--url <url>", "its HTTP address (POLYTORUS_URL)"))
      .addOption(shared(DAEMON_GROUP, "--token <token>", "bearer token for --url (POLYTORUS_TOKEN)"));
  }

  /** A command that sends a transaction, or runs one without keeping it. */
  sender(parent: Command, nameAndArgs: string, summary: string, load: () => Promise<Handler>): Command {
    return this.client(parent, nameAndArgs, summary, load)
      .option("--from <address>", "act as this account (POLYTORUS_FROM; default: the first development account)")
      .option("--gas-limit <gas>", "gas that may be spent (default: estimated, and 20 % more)");
  }

  pages(command: Command): Command {
    return command
      .option("--limit <n>", "print at most this many", wholeNumber, LIMIT_DEFAULT)
      .option("--cursor <cursor>", "go on where an earlier page ended");
  }
}

/** An option that many commands have. */
function shared(group: string, flags: string, description: string): Option {
  return new Option(flags, description).helpGroup(group);
}

/** What a command alone has comes before what it shares. */
export function putSharedOptionsLast(command: Command): void {
  const rank = ({ helpGroupHeading }: Option): number =>
    [undefined, DAEMON_GROUP, OUTPUT_GROUP].indexOf(helpGroupHeading);
  (command.options as Option[]).sort((a, b) => rank(a) - rank(b));
  for (const child of command.commands) putSharedOptionsLast(child);
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("Expected a whole number.");
  return Number(text);
}
