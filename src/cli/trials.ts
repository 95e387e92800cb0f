/** Transactions run without being sent: what they would do, and what they would cost. */

import { grouped, type TokenUnit } from "../client/amounts.ts";
import type { ReceiptJson, TransactionJson } from "../client/methods.ts";
import { EngineError } from "../errors.ts";
import type { CommandContext, Options } from "./context.ts";
import { fields, table } from "./table.ts";
import { tellReceipt, withGasLimit } from "./transactions.ts";

export async function tellSimulation(
  context: CommandContext,
  transaction: TransactionJson,
  options: Options,
  shown: { unit?: TokenUnit | undefined; entrypoint?: string | undefined },
): Promise<void> {
  const simulation = await context.remote.call("tx_simulate", {
    transactions: [await withGasLimit(context, transaction, options)],
    at: options["at"] as number | undefined,
  });
  const receipt = simulation.receipts[0]!;
  if ("error" in receipt) throw rejectionOf(receipt.error);
  tellReceipt(context, receipt as ReceiptJson, { ...shown, isSimulated: true, result: simulation });
  if (context.output.isForPeople && simulation.stateDiff.length > 0) {
    const rows = simulation.stateDiff.map(({ key, before, after }) => [key, before ?? "absent", after ?? "absent"]);
    context.output.item(
      undefined,
      () =>
        `\n${table([{ title: "state key" }, { title: "before" }, { title: "after" }], rows, context.output.styles.dim)}`,
    );
  }
}

export async function tellEstimate(context: CommandContext, transaction: TransactionJson): Promise<void> {
  const answer = await context.remote.call("tx_estimateGas", { transaction });
  context.output.result(answer, () => {
    if (!context.output.isTerminal) return answer.gasLimit;
    const items = Object.entries(answer.breakdown).map(([item, gas]) => [item, grouped(gas)] as const);
    return fields([["gas limit", grouped(answer.gasLimit)], ...items], context.output.styles.dim);
  });
}

function rejectionOf(error: { message: string; data: { code: string } }): EngineError {
  const {
    code,
    hint: _,
    ...facts
  } = error.data as { code: ConstructorParameters<typeof EngineError>[0]; hint?: string };
  return new EngineError(code, error.message, facts);
}
