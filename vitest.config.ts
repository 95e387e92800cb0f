import { readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

/**
 * What V8 is told wherever the daemon runs: the options in the first line of src/main.ts. Beside what they are there for, they
 * keep V8 from beginning to collect while a thread is being ended: Node 20 aborts where its compiler comes to the heap's limit at
 * that moment (`ForIsolate(...) Assertion failed: (data.first) != nullptr`).
 */
const V8_OPTIONS = readFileSync(new URL("src/main.ts", import.meta.url), "utf8")
  .split("\n", 1)[0]!
  .split(" ")
  .filter((option) => option.startsWith("--"));

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "contracts/*/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores: more forks only slow one another down.
    maxWorkers: 2,
    execArgv: V8_OPTIONS,
  },
});
