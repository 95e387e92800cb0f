/** Says at the end of a run what was left out, and the command after which it is not. Other reporters only count it. */
import type { Reporter, TestModule } from "vitest/node";
import { reasonIn } from "./need.ts";

export class SkipReport implements Reporter {
  readonly #leftOut: readonly string[];

  /** @param leftOut files, or patterns of them, that are not even read, each with the reason as `titleWithout` gives it. */
  constructor(leftOut: readonly string[]) {
    this.#leftOut = leftOut;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>();
    for (const module of modules)
      for (const test of module.children.allTests("skipped")) {
        const reason = reasonIn(test.fullName);
        if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
    for (const title of this.#leftOut) process.stdout.write(`left out: ${title}\n`);
    for (const [reason, count] of counts) process.stdout.write(`skipped: ${count} tests (${reason})\n`);
  }
}
