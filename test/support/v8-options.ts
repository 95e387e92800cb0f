/**
 * What V8 is told wherever the daemon runs: the options in the first line of src/main.ts. Tests run their processes with them too.
 * Beside what they are there for, they keep V8 from beginning to collect while a thread is being ended: Node 20 aborts
 * (`ForIsolate(...) Assertion failed: (data.first) != nullptr`) where its compiler reaches the heap's limit at that moment.
 */
import { readFileSync } from "node:fs";

export const V8_OPTIONS: readonly string[] = readFileSync(new URL("../../src/main.ts", import.meta.url), "utf8")
  .split("\n", 1)[0]!
  .split(" ")
  .filter((option) => option.startsWith("--"));
