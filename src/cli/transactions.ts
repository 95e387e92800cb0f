/** What the commands that send transactions share: who sends, how much gas, and how the receipt is told. */

import { grouped, type TokenUnit } from "../client/amounts.ts";
import type { ReceiptJson, TransactionJson } from "../client/methods.ts";
import { DEV_ACCOUNTS } from "../config/dev-accounts.ts";
import { parseAddress } from "../encoding/hex.ts";
import { EngineError } from "../errors.ts";
import type { CommandContext, Options } from "./context.ts";
import { failureOf, receiptView } from "./receipt-view.ts";

/** Other transactions may run between the estimate and this one: a balance that was zero, a slot that was set. */
export const GAS_MARGIN_PERCENT = 20;
/** Where no limit makes it succeed there is nothing to estimate: enough for any built-in call to say why it fails. */
const GAS_LIMIT_FALLBACK = "10000000";

export function senderFrom(options: Options, environment: NodeJS.ProcessEnv): string {
  const from = (options["from"] as string | undefined) ?? environment["POLYTORUS_FROM"] ?? DEV_ACCOUNTS[0]!;
  return requireAddress(from, "--from");
}

/** @throws EngineError INVALID_ADDRESS naming where the text stood. */
export function requireAddress(text: string, path: string): string {
  if (parseAddress(text) !== undefined) return text;
  throw new EngineError(
    "INVALID_ADDRESS",
    `${path}: expected 0x and 40 hex digits, with a right checksum if of mixed case, received ${JSON.stringify(text)}`,
    {
      path,
      received: text,
    },
  );
}

/** What every deployment says of itself: who, with which nonce, and where to. Its gas limit is `withGasLimit`'s. */
export function deploymentOf(
  contract: Record<string, unknown>,
  options: Options,
  environment: NodeJS.ProcessEnv,
): TransactionJson {
  return {
    kind: "deploy",
    sender: senderFrom(options, environment),
    gasLimit: "0",
    nonce: options["nonce"] as string | undefined,
    salt: options["salt"] as string | undefined,
    contract: contract as NonNullable<TransactionJson["contract"]>,
  };
}

/** --gas-limit, or the estimate and its margin. */
export async function withGasLimit(
  context: CommandContext,
  transaction: TransactionJson,
  options: Options,
): Promise<TransactionJson> {
  const given = options["gasLimit"] as string | undefined;
  if (given !== undefined) return { ...transaction, gasLimit: given };
  try {
    const { gasLimit } = await context.remote.call("tx_estimateGas", { transaction });
    const withMargin = (BigInt(gasLimit) * BigInt(100 + GAS_MARGIN_PERCENT)) / 100n;
    if (context.output.isTalkLive) {
      context.output.talk(
        context.output.talkStyles.dim(
          `gas limit ${grouped(String(withMargin))}: estimated ${grouped(gasLimit)} and ${GAS_MARGIN_PERCENT} % more`,
        ),
      );
    }
    return { ...transaction, gasLimit: String(withMargin) };
  } catch (problem) {
    const isOutcome = problem instanceof EngineError && (problem.code === "REVERTED" || problem.code === "HALTED");
    if (!isOutcome) throw problem;
    return { ...transaction, gasLimit: fallback(problem) };
  }
}

/** What reverts is sent with what it used and its margin, where that is more: large code is paid for before it runs. */
function fallback({ facts }: EngineError): string {
  const used = typeof facts["gasUsed"] === "string" ? BigInt(facts["gasUsed"]) : 0n;
  const withMargin = (used * BigInt(100 + GAS_MARGIN_PERCENT)) / 100n;
  return withMargin > BigInt(GAS_LIMIT_FALLBACK) ? String(withMargin) : GAS_LIMIT_FALLBACK;
}

/** Sends and waits until the receipt is durable. */
export async function submit(context: CommandContext, transaction: TransactionJson): Promise<ReceiptJson> {
  return (await context.remote.call("tx_submit", { transaction, wait: "durable" })) as ReceiptJson;
}

/** Shows a receipt; one that is no success sets the exit code: 5 reverted, 6 halted. */
export function tellReceipt(
  context: CommandContext,
  receipt: ReceiptJson,
  options: {
    unit?: TokenUnit | undefined;
    entrypoint?: string | undefined;
    isSimulated?: boolean;
    result?: unknown;
  } = {},
): void {
  const { output } = context;
  const failure = failureOf(receipt);
  const render = () => receiptView(receipt, { styles: output.styles, ...options });
  const result = options.result ?? receipt;
  if (failure === undefined) {
    output.result(result, render);
    return;
  }
  output.failedResult(result, render, failure);
  if (output.isForPeople) output.error(failure);
  context.exit(failure.exitCode);
}
