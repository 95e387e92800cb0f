#!/usr/bin/env -S node --max-semi-space-size=64 --initial-old-space-size=192
/**
 * The process: its arguments go to the command line, the answer is the exit code.
 * The sizes above: blocks pass through the daemon as buffers of their own, 0.8 kB a transfer, and count against the heap's
 * limit. With V8's own it collected all of its memory about ten times a second under full load, about an eighth of the
 * processor time.
 */
import { runCommandLine } from "./cli/run.ts";

process.exitCode = await runCommandLine(process.argv.slice(2));
