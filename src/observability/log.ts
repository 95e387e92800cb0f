/**
 * The daemon's log: JSON lines on stderr, pretty on a terminal. Loaded lazily: nothing of pino is read before the daemon
 * asks for a log, and nothing of pino-pretty off a terminal.
 */
import type { Logger } from "pino";

export type Log = Logger;

export interface LogOptions {
  readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
  /** auto: pretty where stderr is a terminal. */
  readonly format: "auto" | "json" | "pretty";
}

/** Hides the secrets in a text. */
export type Mask = (text: string) => string;

const STDERR = 2;

/** Members that hold secrets, wherever they stand. */
const SECRET_MEMBER = /^(token|authorization|cookie|mnemonic)$|passw(or)?d|secret|private_?key|access_?key|api_?key/i;
const CENSOR = "***";

/** @param mask for whatever text is logged: of messages, of errors and their stacks, of values. */
export async function openLog(options: LogOptions, mask: Mask): Promise<Log> {
  const { default: pino } = await import("pino");
  const isPretty = options.format === "pretty" || (options.format === "auto" && process.stderr.isTTY);
  const destination = isPretty ? await prettyDestination() : pino.destination({ fd: STDERR, sync: true });
  // Whoever read the log has gone: a reason to say no more, none to stop the daemon.
  destination.on("error", () => undefined);
  return pino(
    {
      level: options.level,
      base: null,
      hooks: { streamWrite: (line) => redactedLine(line, mask) },
    },
    destination,
  );
}

/** A line as it may be written: whatever member or text of it is a secret is hidden, however deep it stands. */
export function redactedLine(line: string, mask: Mask): string {
  const hide = (name: string, value: unknown) => {
    if (typeof value === "string") return SECRET_MEMBER.test(name) ? CENSOR : mask(value);
    return value;
  };
  return `${JSON.stringify(JSON.parse(line), hide)}\n`;
}

async function prettyDestination(): Promise<import("node:stream").Transform> {
  const { default: pretty } = await import("pino-pretty");
  const colorize = process.stderr.isTTY && (process.env["NO_COLOR"] ?? "") === "";
  return pretty({
    destination: STDERR,
    sync: true,
    colorize,
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "pid,hostname",
    singleLine: true,
  });
}
