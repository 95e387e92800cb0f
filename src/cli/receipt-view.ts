/** A receipt for people, and the error that it amounts to when the contract did not succeed. */

import { formatArgument, formatResult, grouped, type TokenUnit } from "../client/amounts.ts";
import type { LogJson, ReceiptJson } from "../client/methods.ts";
import { EngineError } from "../errors.ts";
import type { Styles } from "./styles.ts";
import { fields } from "./table.ts";

export interface ReceiptViewOptions {
  readonly styles: Styles;
  /** The contract's, where it is a token. */
  readonly unit?: TokenUnit | undefined;
  readonly entrypoint?: string | undefined;
  /** Simulated: it stands in no block. */
  readonly isSimulated?: boolean;
}

/** REVERTED (exit code 5) or HALTED (6); undefined for a success. */
export function failureOf(receipt: ReceiptJson): EngineError | undefined {
  if (receipt.status === "success") return undefined;
  const { transactionHash, gasUsed, revert, haltReason } = receipt;
  if (receipt.status === "halted") {
    return new EngineError("HALTED", `${haltReason ?? "halted"}: the gas limit of ${receipt.gasLimit} is spent`, {
      transactionHash,
      gasUsed,
      haltReason,
    });
  }
  return new EngineError("REVERTED", revertText(revert, undefined), { transactionHash, gasUsed, revert });
}

export function receiptView(receipt: ReceiptJson, options: ReceiptViewOptions): string {
  const { styles, unit } = options;
  const mark = receipt.status === "success" ? styles.good("success") : styles.bad(receipt.status);
  const what = options.entrypoint ?? (receipt.contractAddress === null ? undefined : "deploy");
  const where = options.isSimulated
    ? "simulated, nothing was kept"
    : `block ${receipt.blockHeight}, transaction ${receipt.transactionIndex}`;
  return fields(
    [
      ["status", [mark, what, styles.dim(where)].filter((part) => part !== undefined).join("  ")],
      ["contract", receipt.contractAddress ?? undefined],
      ["hash", options.isSimulated ? undefined : receipt.transactionHash],
      ["from", receipt.sender],
      ["to", receipt.to ?? undefined],
      ["gas", gasText(receipt)],
      [
        "result",
        receipt.result === undefined || receipt.status !== "success"
          ? undefined
          : formatResult(options.entrypoint, receipt.result, unit),
      ],
      ["reverted", receipt.status === "reverted" ? revertText(receipt.revert, unit) : undefined],
      ["halted", receipt.haltReason],
      ["logs", receipt.logs.length === 0 ? undefined : receipt.logs.map((log) => logText(log, unit)).join("\n")],
    ],
    styles.dim,
  );
}

function gasText({ gasUsed, gasLimit }: ReceiptJson): string {
  const share =
    Number(gasLimit) > 0
      ? ` (${Math.round((100 * Number(gasUsed)) / Number(gasLimit))} % of ${grouped(gasLimit)})`
      : "";
  return `${grouped(gasUsed)}${share}`;
}

function revertText(revert: ReceiptJson["revert"], unit: TokenUnit | undefined): string {
  if (revert === undefined) return "the contract gave no reason";
  if (revert.name === null)
    return revert.message !== "" ? revert.message : revert.data === "0x" ? "the contract gave no reason" : revert.data;
  const text = `${revert.name}(${argumentsText(revert.args, unit)})`;
  // A message that spells the error out once more says nothing new.
  return revert.message === "" || revert.message.startsWith(revert.name) ? text : `${text}: ${revert.message}`;
}

/** `Transfer(from 0x…, to 0x…, value 25)`, or topics and data where the event is not known. */
export function logText(log: LogJson, unit: TokenUnit | undefined): string {
  if (log.event === undefined) return `${log.logIndex}  topics ${log.topics.join(" ")}  data ${log.data}`;
  return `${log.logIndex}  ${log.event}(${argumentsText(log.args ?? {}, unit)})`;
}

function argumentsText(args: Record<string, unknown>, unit: TokenUnit | undefined): string {
  return Object.entries(args)
    .map(([name, value]) => `${name} ${formatArgument(name, value, unit)}`)
    .join(", ");
}
