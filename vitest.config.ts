import { defineConfig } from "vitest/config";
import { V8_OPTIONS } from "./test/support/v8-options.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "contracts/*/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores: more forks only slow one another down.
    maxWorkers: 2,
    execArgv: [...V8_OPTIONS],
  },
});
