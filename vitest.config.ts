import { readFileSync } from "node:fs";
import { configDefaults, defineConfig } from "vitest/config";
import { NATIVE, titleWithout } from "./test/support/need.ts";
import { SkipReport } from "./test/support/skip-report.ts";

/**
 * What V8 is told wherever the daemon runs: the options in the first line of src/main.ts. Beside what they are there for, they
 * keep V8 from beginning to collect while a thread is being ended: Node 20 aborts where its compiler comes to the heap's limit at
 * that moment (`ForIsolate(...) Assertion failed: (data.first) != nullptr`).
 */
const V8_OPTIONS = readFileSync(new URL("src/main.ts", import.meta.url), "utf8")
  .split("\n", 1)[0]!
  .split(" ")
  .filter((option) => option.startsWith("--"));

/** What they are about only the native addon does; they can't even be read without it. */
const NATIVE_ONLY = [
  "test/crash/privacy-kill.test.ts",
  "test/property/execution-counter.test.ts",
  "test/spec/privacy-{copies,refusals,resume,retry,shared,tfhe}.test.ts",
  "test/unit/native-addon.test.ts",
  "test/unit/tfhe*.test.ts",
];
const LEFT_OUT = NATIVE.isMet ? [] : NATIVE_ONLY;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "contracts/*/*.test.ts"],
    exclude: [...configDefaults.exclude, ...LEFT_OUT],
    // First: what the default one prints last is how the run ended.
    reporters: [new SkipReport(LEFT_OUT.map((pattern) => titleWithout(NATIVE, pattern))), "default"],
    // Bounds on what never ends, and wide: on a busy machine a test may take long.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // A test that asserts nothing can't fail. What `expect.poll` waits for may take long on a busy machine.
    expect: { requireAssertions: true, poll: { timeout: 100_000 } },
    // Two cores: more forks only slow one another down.
    maxWorkers: 2,
    execArgv: V8_OPTIONS,
  },
});
