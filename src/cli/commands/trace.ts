/** tx trace: what a transaction did, and its gas as a flame graph. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { EngineError } from "../../errors.ts";
import type { Handler } from "../context.ts";
import { speedscopeOf } from "../flamegraph.ts";
import { traceText } from "../trace-text.ts";
import { requireHash } from "./chain.ts";

export const trace: Handler = async ({ remote, output, cwd }, args, options) => {
  const found = await remote.call("tx_trace", { transactionHash: requireHash(args[0] as string) });
  const file = options["flamegraph"] as string | undefined;
  if (file !== undefined) {
    writeFile(resolve(cwd, file), JSON.stringify(speedscopeOf(found)));
    output.talk(output.talkStyles.dim(`wrote ${file}: open it at https://www.speedscope.app`));
  }
  output.result(found, () => traceText(found, output.styles));
};

function writeFile(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (problem) {
    throw new EngineError("VALIDATION_ERROR", `--flamegraph: ${(problem as Error).message}`, {
      path: "--flamegraph",
      expected: "a file that can be written",
      received: path,
    });
  }
}
