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

const STDERR = 2;

/** Members that hold secrets wherever they stand, up to two levels deep. */
const SECRET_MEMBERS = ["token", "password", "secret", "authorization", "privateKey", "mnemonic"];
const CENSOR = "***";

export async function openLog(options: LogOptions): Promise<Log> {
  const { default: pino } = await import("pino");
  const isPretty = options.format === "pretty" || (options.format === "auto" && process.stderr.isTTY);
  const destination = isPretty ? await prettyDestination() : pino.destination({ fd: STDERR, sync: true });
  // Whoever read the log has gone: a reason to say no more, none to stop the daemon.
  destination.on("error", () => undefined);
  return pino(
    {
      level: options.level,
      base: null,
      redact: { paths: SECRET_MEMBERS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: CENSOR },
    },
    destination,
  );
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
