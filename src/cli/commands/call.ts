/** call, query, simulate, estimate: one contract, one entrypoint, its arguments. */
import type { ContractWithAbiJson, ReceiptJson, TransactionJson } from "../../client/methods.ts";
import { EngineError } from "../../errors.ts";
import { formatResult, type TokenUnit, tokenUnitOf } from "../amounts.ts";
import type { CommandContext, Handler, Options } from "../context.ts";
import { checkedArguments } from "../contract-abi.ts";
import { fields, grouped, table } from "../table.ts";
import { requireAddress, senderFrom, submit, tellReceipt, withGasLimit } from "../transactions.ts";

interface Invocation {
  readonly contract: ContractWithAbiJson;
  readonly unit: TokenUnit | undefined;
  readonly entrypoint: string;
  readonly args: unknown[];
}

/** Reads the contract's ABI and checks the arguments against it. */
async function invocationOf(context: CommandContext, args: readonly unknown[]): Promise<Invocation> {
  const [address, entrypoint, texts] = args as [string, string, string[]];
  const contract = await context.remote.call("contract_get", { address: requireAddress(address, "ADDRESS") });
  return {
    contract,
    unit: tokenUnitOf(contract.metadata),
    entrypoint,
    args: checkedArguments(contract.abi, entrypoint, texts),
  };
}

function transactionOf(invocation: Invocation, options: Options, context: CommandContext): TransactionJson {
  const { contract, entrypoint, args } = invocation;
  return {
    kind: "call",
    sender: senderFrom(options, context.environment),
    gasLimit: "0",
    to: contract.address,
    entrypoint,
    args,
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
  const { contract, unit, entrypoint, args: checked } = await invocationOf(context, args);
  const answer = await context.remote.call("contract_query", {
    address: contract.address,
    entrypoint,
    args: checked,
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
  const transaction = await withGasLimit(context, transactionOf(invocation, options, context), options);
  const simulation = await context.remote.call("tx_simulate", {
    transactions: [transaction],
    at: options["at"] as number | undefined,
  });
  const receipt = simulation.receipts[0]!;
  if ("error" in receipt) throw rejectionOf(receipt.error);
  tellReceipt(context, receipt as ReceiptJson, { ...invocation, isSimulated: true, result: simulation });
  if (context.output.isForPeople && simulation.stateDiff.length > 0) {
    const rows = simulation.stateDiff.map(({ key, before, after }) => [key, before ?? "absent", after ?? "absent"]);
    context.output.item(
      undefined,
      () =>
        `\n${table([{ title: "state key" }, { title: "before" }, { title: "after" }], rows, context.output.styles.dim)}`,
    );
  }
};

function rejectionOf(error: { message: string; data: { code: string } }): EngineError {
  const {
    code,
    hint: _,
    ...facts
  } = error.data as { code: ConstructorParameters<typeof EngineError>[0]; hint?: string };
  return new EngineError(code, error.message, facts);
}

export const estimate: Handler = async (context, args, options) => {
  const invocation = await invocationOf(context, args);
  const answer = await context.remote.call("tx_estimateGas", {
    transaction: transactionOf(invocation, options, context),
  });
  context.output.result(answer, () => {
    if (!context.output.isTerminal) return answer.gasLimit;
    const items = Object.entries(answer.breakdown).map(([item, gas]) => [item, grouped(gas)] as const);
    return fields([["gas limit", grouped(answer.gasLimit)], ...items], context.output.styles.dim);
  });
};
