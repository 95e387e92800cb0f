/** contract gen-client */
import type { Handler } from "../context.ts";
import { generateClient } from "../contract-client/generate-client.ts";
import { requireAddress } from "../transactions.ts";

/** Prints the source: where it goes is for the shell to say. */
export const genClient: Handler = async ({ remote, output }, args, options) => {
  const address = requireAddress(args[0] as string, "ADDRESS");
  const { abi, metadata, type } = await remote.call("contract_get", { address });
  const fallback = typeof metadata["name"] === "string" ? metadata["name"] : type;
  const name = (options["name"] as string | undefined) ?? fallback;
  const source = generateClient(abi, { name });
  output.result({ name, source }, () => source);
};
