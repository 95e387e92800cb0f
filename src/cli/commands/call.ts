/** call, query, simulate, estimate: one contract, one entrypoint, its arguments. */

import { formatResult, type TokenUnit, tokenUnitOf } from "../../client/amounts.ts";
import type { ContractWithAbiJson, TransactionJson } from "../../client/methods.ts";
import type { CommandContext, Handler, Options } from "../context.ts";
import { checkedArguments } from "../contract-abi.ts";
import { contractMessage, hasMessages } from "../contract-message.ts";
import { requireAddress, senderFrom, submit, tellReceipt, withGasLimit } from "../transactions.ts";
import { tellEstimate, tellSimulation } from "../trials.ts";

interface Invocation {
  readonly contract: ContractWithAbiJson;
  readonly unit: TokenUnit | undefined;
  readonly entrypoint: string;
  /** What is called, as transactions and queries have it. */
  readonly body: { entrypoint: string; args: unknown[] } | { msg: unknown };
}

/** Reads the contract's ABI and checks the arguments against it; a CosmWasm contract has messages in place of one. */
async function invocationOf(context: CommandContext, args: readonly unknown[]): Promise<Invocation> {
  const [address, entrypoint, texts] = args as [string, string, string[]];
  const contract = await context.remote.call("contract_get", { address: requireAddress(address, "ADDRESS") });
  const unit = tokenUnitOf(contract.metadata);
  if (hasMessages(contract)) return { contract, unit, entrypoint, body: { msg: contractMessage(entrypoint, texts) } };
  return { contract, unit, entrypoint, body: { entrypoint, args: checkedArguments(contract.abi, entrypoint, texts) } };
}

function transactionOf(invocation: Invocation, options: Options, context: CommandContext): TransactionJson {
  const { contract, body } = invocation;
  return {
    kind: "call",
    sender: senderFrom(options, context.environment),
    gasLimit: "0",
    to: contract.address,
    ...body,
    nonce: options["nonce"] as string | undefined,
    value: options["value"] as string | undefined,
  };
}

export const call: Handler = async (context, args, options) => {
  const invocation = await invocationOf(context, args);
  const transaction = await withGasLimit(context, transactionOf(invocation, options, context), options);
  tellReceipt(context, await submit(context, transaction), invocation);
};

export const query: Handler = async (context, args, options) => {
  const { contract, unit, entrypoint, body } = await invocationOf(context, args);
  const answer = await context.remote.call("contract_query", {
    address: contract.address,
    ...body,
    caller: senderFrom(options, context.environment),
    gasLimit: options["gasLimit"] as string | undefined,
    at: options["at"] as number | undefined,
  });
  context.output.result(answer, () => {
    const value = "result" in answer ? answer.result : answer.returnData;
    // Off a terminal the value alone, so that a script can use it as it is.
    return context.output.isTerminal
      ? formatResult(entrypoint, value, unit)
      : formatResult(entrypoint, value, undefined);
  });
};

export const simulate: Handler = async (context, args, options) => {
  const invocation = await invocationOf(context, args);
  await tellSimulation(context, transactionOf(invocation, options, context), options, invocation);
};

export const estimate: Handler = async (context, args, options) => {
  const invocation = await invocationOf(context, args);
  await tellEstimate(context, transactionOf(invocation, options, context));
};
