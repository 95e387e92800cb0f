/** A WebAssembly contract, deployed through a daemon. */
import type { Client } from "../../src/client/client.ts";

const GAS = "2000000000";

/** @throws Error when it does not succeed. Answers the contract's address. */
export async function deployWasm(
  client: Client,
  sender: string,
  code: Uint8Array,
  init: Record<string, unknown>,
): Promise<string> {
  const transaction = {
    kind: "deploy" as const,
    sender,
    gasLimit: GAS,
    contract: { type: "wasm", code: `0x${Buffer.from(code).toString("hex")}`, init },
  };
  const receipt = await client.call("tx_submit", { transaction });
  if (!("contractAddress" in receipt) || receipt.contractAddress === null)
    throw new Error(`the contract was not deployed: ${JSON.stringify(receipt).slice(0, 500)}`);
  return receipt.contractAddress;
}
