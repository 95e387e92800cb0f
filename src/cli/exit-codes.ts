/** Exit codes that do not come from an error's code; the others are `exitCode` of errors.ts. */

/** Stopped by Ctrl-C or a second signal: 128 and SIGINT's number. */
export const EXIT_INTERRUPTED = 130;

/**
 * Ends the process at once, by the signal that Ctrl-C sends: `process.exit` joins the pool's threads, and lmdb's waits there
 * for a thread that was ended.
 */
export function endInterrupted(): never {
  process.removeAllListeners("SIGINT");
  process.kill(process.pid, "SIGINT");
  process.exit(EXIT_INTERRUPTED); // Reached by a container's first process alone: a signal that nobody handles passes it by.
}

/** The output can't be written. */
export const EXIT_FAILED = 1;

/** A command line that does not parse: what VALIDATION_ERROR answers. */
export const EXIT_USAGE = 2;

/** What each exit code means; `describe` prints it. test/cli compares it with errors.ts. */
export const EXIT_CODES: Readonly<Record<number, string>> = {
  0: "ok",
  1: "failed",
  2: "usage",
  3: "not found",
  4: "not allowed",
  5: "contract reverted",
  6: "out of gas",
  7: "time limit",
  69: "backend unavailable",
  78: "bad configuration",
  130: "interrupted",
};
