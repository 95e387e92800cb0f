/** The WebAssembly specification's test scripts with every module metered: results, traps and refusals as they are there. */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { SpecScript } from "../support/wasm-spec-runner.ts";

const VECTORS = new URL("../vectors/wasm-spec/", import.meta.url);
const SCRIPTS = readdirSync(VECTORS).filter((name) => name.endsWith(".wast"));
/** Expectations that held when the scripts were added: fewer mean that something is skipped that was not. */
const HELD_MIN = 45_900;

let held = 0;
const skipped = new Map<string, number>();

describe.each([
  { name: "pages tracked", tracksDirtyPages: true },
  { name: "pages not tracked", tracksDirtyPages: false },
])("the specification's scripts, $name", ({ tracksDirtyPages }) => {
  it.each(SCRIPTS)("%s", (script) => {
    const report = new SpecScript(readFileSync(new URL(script, VECTORS), "utf8"), tracksDirtyPages).run();
    held += report.passed;
    for (const [reason, count] of report.skipped) skipped.set(reason, (skipped.get(reason) ?? 0) + count);
    expect(report.failures).toEqual([]);
    expect(report.passed).toBeGreaterThan(0);
  });
});

describe("coverage", () => {
  it("runs nearly every expectation of these scripts", () => {
    expect(held).toBeGreaterThan(HELD_MIN);
  });
});

afterAll(() => {
  const reasons = [...skipped].sort((a, b) => b[1] - a[1]).map(([reason, count]) => `${count} ${reason}`);
  console.log(`${held} expectations held; not run: ${reasons.join("; ")}`);
});
