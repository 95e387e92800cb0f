/** What a log that begins above genesis answers about what came before: pruned, or never there. */
import { EngineError } from "../errors.ts";
import type { ChainIndex } from "./chain-index.ts";

/** @param what was asked for, as the start of a sentence. */
export function prunedError(
  what: string,
  { lowestHeight, lowestSeq }: Pick<ChainIndex, "lowestHeight" | "lowestSeq">,
  facts: Record<string, number> = {},
): EngineError {
  const problem = `${what}, and this log begins with block ${lowestHeight} (entry ${lowestSeq})`;
  return new EngineError("PRUNED", problem, { ...facts, lowestHeight, lowestSeq });
}
