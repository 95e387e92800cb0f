/** Runs the command line: parses, hands a command its context, and turns whatever happens into output and an exit code. */
import { type Command, CommanderError } from "commander";
import { EngineError, toEngineError } from "../errors.ts";
import { LazyRemote, nameOf, targetFrom } from "./connection.ts";
import type { CommandContext, Handler, Options } from "./context.ts";
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, endInterrupted } from "./exit-codes.ts";
import { Output, type OutputFormat } from "./output.ts";
import { createProgram } from "./program.ts";

/** Commands that stop their own work at Ctrl-C; the others are simply over. */
const STOPPABLE = new Set([
  "block verify",
  "db maintenance",
  "backup",
  "restore",
  "state export",
  "state import",
  "state copy",
  "privacy decryptor",
]);

/** Resolves with the exit code when everything is written. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  stopWhenNobodyReads();
  let exitCode = 0;
  const program = createProgram(async (load, command) => {
    exitCode = await runHandler(load, command, program);
  });
  for (const command of commandsOf(program)) {
    command.exitOverride().configureOutput({ outputError: () => undefined });
  }
  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (problem) {
    if (!(problem instanceof CommanderError)) throw problem;
    return tellUsage(problem, argv);
  }
}

async function runHandler(load: () => Promise<Handler>, command: Command, program: Command): Promise<number> {
  const options = command.opts<Options>();
  const environment = options["color"] === false ? { ...process.env, NO_COLOR: "1" } : process.env;
  const output = new Output(formatOf(options), { stdout: process.stdout, stderr: process.stderr, environment });
  const abort = new AbortController();
  const onInterrupt = (): void => {
    if (abort.signal.aborted) endInterrupted();
    if (!STOPPABLE.has(pathOf(command))) process.exit(EXIT_INTERRUPTED);
    abort.abort();
  };
  // `serve` stops gracefully, in its own time.
  if (command.name() !== "serve") process.on("SIGINT", onInterrupt);
  let exitCode = 0;
  let remote: LazyRemote | undefined;
  try {
    const target = targetFrom(command.name() === "serve" ? {} : options, environment, process.cwd());
    remote = new LazyRemote(target);
    const context: CommandContext = {
      output,
      environment,
      cwd: process.cwd(),
      remote,
      remoteName: nameOf(target),
      signal: abort.signal,
      program,
      exit: (code) => {
        exitCode = code;
      },
    };
    const handler = await load();
    await handler(context, command.processedArgs, options);
  } catch (problem) {
    if (abort.signal.aborted) return EXIT_INTERRUPTED;
    const error = toEngineError(problem);
    output.error(error);
    if (error.code === "INTERNAL_ERROR" && problem instanceof Error && environment["DEBUG"] !== undefined)
      output.talk(problem.stack ?? "");
    exitCode = error.exitCode;
  } finally {
    await remote?.close();
  }
  return exitCode;
}

function formatOf(options: Options): OutputFormat {
  const named = options["output"] as OutputFormat | undefined;
  return named ?? (options["json"] === true ? (options["follow"] === true ? "ndjson" : "json") : "table");
}

/** Commander has printed help and the version itself; what is left is a command line that does not parse. */
function tellUsage(problem: CommanderError, argv: readonly string[]): number {
  if (problem.exitCode === 0) return 0;
  const wantsJson = argv.some(
    (word, i) =>
      /^(?:-j|--json|--output=(?:nd)?json)$/.test(word) ||
      (word === "--output" && /^(?:nd)?json$/.test(argv[i + 1] ?? "")),
  );
  const output = new Output(wantsJson ? "json" : "table", {
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
  });
  if (problem.code === "commander.help") return EXIT_USAGE;
  const message = problem.message.replace(/^error: /, "");
  if (wantsJson) output.error(new EngineError("VALIDATION_ERROR", message, { path: "command line" }));
  else
    output.talk(
      `${output.talkStyles.bad("error:")} ${message}\n${output.talkStyles.dim("hint:")} --help after a command shows what it takes`,
    );
  return EXIT_USAGE;
}

/** Its words after the program's name. */
function pathOf(command: Command): string {
  const above = command.parent?.parent == null ? "" : `${pathOf(command.parent)} `;
  return above + command.name();
}

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

/** `polytorus … | head` closes the pipe: nothing is left to do, and nothing went wrong. A full disk is another matter. */
function stopWhenNobodyReads(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (problem: NodeJS.ErrnoException) => {
      if (problem.code === "EPIPE") process.exit(0);
      if (stream === process.stdout) process.stderr.write(`error: the output can't be written: ${problem.message}\n`);
      process.exit(EXIT_FAILED);
    });
  }
}
