/** describe: the command tree, formats and exit codes for programs. */
import { VERSION } from "../../version.ts";
import type { Handler } from "../context.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { OUTPUT_FORMATS } from "../output.ts";
import { treeOf } from "../tree.ts";

export const describe: Handler = ({ output, program }) => {
  const result = {
    name: program.name(),
    version: VERSION,
    outputFormats: OUTPUT_FORMATS,
    exitCodes: EXIT_CODES,
    ...treeOf(program),
  };
  output.result(result, () => JSON.stringify(result, null, 2));
};
