#!/usr/bin/env node
/** The process: its arguments go to the command line, the answer is the exit code. */
import { runCommandLine } from "./cli/run.ts";

process.exitCode = await runCommandLine(process.argv.slice(2));
