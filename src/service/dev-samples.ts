/** The contracts that an empty chain of development begins with: a built-in token and an AssemblyScript contract. */
import { readFileSync } from "node:fs";
import { toHex } from "../encoding/hex.ts";
import { encodeTransaction, type TransactionJson } from "../encoding/transaction.ts";
import { EngineError } from "../errors.ts";
import { createAddress } from "../execution/contract-record.ts";
import type { EngineService, SubmissionOutcome } from "../rpc/services.ts";

const GAS_LIMIT = "100000000";
const SUPPLY = "1000000000000000000000000";

/** In the order of their deployment. */
const NAMES = ["token", "counter"] as const;

/** Where they stand, or would. @param deployer its first transactions made them. */
export function sampleAddresses(deployer: Uint8Array): Record<string, string> {
  return Object.fromEntries(NAMES.map((name, nonce) => [name, toHex(createAddress(deployer, nonce))]));
}

/**
 * Deploys them in one block.
 * @param owner has the token's supply, and may mint. @param counter the module of contracts/counter, a file.
 */
export async function deploySamples(
  service: EngineService,
  { deployer, owner, counter }: { deployer: string; owner: string; counter: URL },
): Promise<void> {
  const token = { name: "Dev Token", symbol: "DEV", decimals: 18, initialSupply: SUPPLY, owner, mintable: true };
  const contracts = [
    { type: "erc20", ...token },
    { type: "wasm", code: toHex(readFileSync(counter)), init: ["0"] },
  ];
  const outcome = await new Promise<SubmissionOutcome>((settle, fail) =>
    service.submit(
      (out) => {
        for (const [nonce, contract] of contracts.entries())
          encodeTransaction(
            { kind: "deploy", sender: deployer, nonce, gasLimit: GAS_LIMIT, contract } as TransactionJson,
            out,
          );
        return contracts.length;
      },
      "durable",
      { settle, fail },
    ),
  );
  for (const [index, name] of NAMES.entries()) {
    const rejection = outcome.rejection(index);
    if (rejection !== undefined)
      throw new EngineError(rejection.code, `the sample ${name}: ${rejection.message}`, rejection.facts);
  }
}
