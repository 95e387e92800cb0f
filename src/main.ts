#!/usr/bin/env -S node --max-semi-space-size=64
/**
 * The process: its arguments go to the command line, the answer is the exit code.
 * The young generation above: blocks pass through the daemon as buffers of their own, 0.8 kB a transfer, and count against
 * the heap's limit. With V8's usual 16 MB it collected all of its memory five times a second under full load.
 */
import { runCommandLine } from "./cli/run.ts";

process.exitCode = await runCommandLine(process.argv.slice(2));
