/** completion bash|zsh|fish: a script generated from the command tree. */
import { type CompletionShell, completionScript } from "../completion-script.ts";
import type { Handler } from "../context.ts";
import { treeOf } from "../tree.ts";

export const completion: Handler = ({ output, program }, args) => {
  const shell = args[0] as CompletionShell;
  const script = completionScript(shell, program.name(), treeOf(program));
  output.result({ shell, script }, () => script.trimEnd());
};
