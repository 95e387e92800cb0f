/** Asking, trying out and sending a call, each with what came of it. */
import type { QueryAnswerJson, ReceiptJson, TransactionJson, UnlimitedTransactionJson } from "../../client/methods.ts";
import { engineErrorFrom } from "../../client/transport.ts";
import type { EngineError } from "../../errors.ts";
import { asEngineError, call } from "../rpc.ts";

export type Outcome =
  | { readonly kind: "query"; readonly answer: QueryAnswerJson }
  | { readonly kind: "simulation"; readonly receipt: ReceiptJson; readonly stateDiff: readonly StateChange[] }
  | { readonly kind: "sent"; readonly receipt: ReceiptJson }
  | { readonly kind: "problem"; readonly error: EngineError };

export interface StateChange {
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** What the call says, by arguments or by message. */
export type Body = { readonly entrypoint: string; readonly args: readonly unknown[] } | { readonly msg: unknown };

export interface Target {
  readonly contract: string;
  readonly sender: string;
  readonly value?: string | undefined;
}

/** Enough for anything that is tried out; nothing is spent. */
const SIMULATION_GAS = "1000000000";
/** Other transactions may run between the estimate and the call. */
const GAS_MARGIN_PERCENT = 20n;

export function query({ contract, sender }: Target, body: Body): Promise<Outcome> {
  return settled(async () => ({
    kind: "query",
    answer: await call("contract_query", { address: contract, caller: sender, ...body }),
  }));
}

export function simulate(target: Target, body: Body): Promise<Outcome> {
  return settled(async () => {
    const transaction = { ...transactionOf(target, body), gasLimit: SIMULATION_GAS };
    const { receipts, stateDiff } = await call("tx_simulate", { transactions: [transaction] });
    const receipt = receipts[0]!;
    if ("error" in receipt) throw engineErrorFrom(receipt.error);
    return { kind: "simulation", receipt, stateDiff };
  });
}

/** With the gas that it needs now and a fifth more. What reverts in the estimate is not sent, but simulated to show why. */
export function send(target: Target, body: Body): Promise<Outcome> {
  return settled(async () => {
    const transaction = transactionOf(target, body);
    const gasLimit = await gasOf(transaction);
    if (gasLimit === undefined) return await simulate(target, body);
    const enough = String((BigInt(gasLimit) * (100n + GAS_MARGIN_PERCENT)) / 100n);
    const receipt = await call("tx_submit", { transaction: { ...transaction, gasLimit: enough } });
    return { kind: "sent", receipt: receipt as ReceiptJson };
  });
}

/** Undefined when it reverts. */
async function gasOf(transaction: UnlimitedTransactionJson): Promise<string | undefined> {
  try {
    return (await call("tx_estimateGas", { transaction })).gasLimit;
  } catch (problem) {
    if (asEngineError(problem).code === "REVERTED") return undefined;
    throw problem;
  }
}

function transactionOf({ contract, sender, value }: Target, body: Body): Omit<TransactionJson, "gasLimit"> {
  return { kind: "call", sender, to: contract, ...body, ...(value === undefined ? {} : { value }) };
}

async function settled(run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run();
  } catch (problem) {
    return { kind: "problem", error: asEngineError(problem) };
  }
}
