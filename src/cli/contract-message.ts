/** Messages of CosmWasm contracts on the command line. */
import type { ContractWithAbiJson } from "../client/methods.ts";
import { EngineError } from "../errors.ts";
import { parseJson } from "./input-files.ts";

/** Whether the contract is called by JSON messages, and has no ABI. */
export function hasMessages({ metadata }: ContractWithAbiJson): boolean {
  return metadata["interface"] === "cosmwasm";
}

/**
 * `transfer '{"recipient":"poly1…","amount":"5"}'` or the whole message, `'{"transfer":{…}}'`.
 * @throws EngineError VALIDATION_ERROR
 */
export function contractMessage(entrypoint: string, texts: readonly string[]): unknown {
  const isWhole = entrypoint.startsWith("{");
  if (texts.length > (isWhole ? 0 : 1))
    throw new EngineError(
      "VALIDATION_ERROR",
      `args: expected ${isWhole ? "nothing after a whole message" : "one JSON object"}, received ${texts.length} arguments`,
      { path: "args", expected: isWhole ? "nothing" : "one JSON object", received: texts.length },
    );
  if (isWhole) return parseJson(entrypoint, "ENTRYPOINT");
  return { [entrypoint]: texts[0] === undefined ? {} : parseJson(texts[0], "args[0]") };
}
