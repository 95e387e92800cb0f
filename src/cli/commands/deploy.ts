/** deploy erc20 */

import { formatAmount } from "../../client/amounts.ts";
import { EngineError } from "../../errors.ts";
import type { Handler } from "../context.ts";
import { deploymentOf, requireAddress, submit, tellReceipt, withGasLimit } from "../transactions.ts";

const DECIMALS_MAX = 255;

export const deployErc20: Handler = async (context, _args, options) => {
  const name = options["name"] as string;
  const symbol = options["symbol"] as string;
  const decimals = Number(options["decimals"]);
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > DECIMALS_MAX) {
    throw new EngineError(
      "VALIDATION_ERROR",
      `--decimals: expected a whole number from 0 to ${DECIMALS_MAX}, received ${JSON.stringify(options["decimals"])}`,
      { path: "--decimals" },
    );
  }
  const supply = requireAmount(options["supply"] as string, "--supply");
  const owner = options["owner"] as string | undefined;
  const cap = options["cap"] as string | undefined;
  const contract = {
    type: "erc20",
    name,
    symbol,
    decimals,
    initialSupply: supply,
    ...(owner === undefined ? {} : { owner: requireAddress(owner, "--owner") }),
    ...(options["mintable"] === true ? { mintable: true } : {}),
    ...(options["burnable"] === true ? { burnable: true } : {}),
    ...(options["pausable"] === true ? { pausable: true } : {}),
    ...(cap === undefined ? {} : { cap: requireAmount(cap, "--cap") }),
  };
  const transaction = deploymentOf(contract, options, context.environment);
  const receipt = await submit(context, await withGasLimit(context, transaction, options));
  tellReceipt(context, receipt, { unit: { symbol, decimals } });
  const { output } = context;
  if (output.isForPeople && receipt.contractAddress !== null && receipt.status === "success") {
    output.talk(
      `\n${name} stands at ${output.talkStyles.bold(receipt.contractAddress)} with ${formatAmount(supply, { symbol, decimals })}`,
    );
    output.talk(
      output.talkStyles.dim(`polytorus query ${receipt.contractAddress} balanceOf ${owner ?? transaction.sender}`),
    );
  }
};

function requireAmount(text: string, path: string): string {
  if (/^(0|[1-9]\d{0,77})$/.test(text)) return text;
  throw new EngineError("INVALID_AMOUNT", `${path}: expected base units in decimal, received ${JSON.stringify(text)}`, {
    path,
    received: text,
  });
}
