/**
 * Why an execution failed, as analytics count it: the name of the halt, or of the error where one is known here; a message
 * that the contract wrote, as far as it is text; else the error's selector, for which the contract's interface may have a name.
 */
import { decodeErc20Error } from "../../../encoding/erc20-abi.ts";
import { toHex } from "../../../encoding/hex.ts";
import { decodeReceipt, HALT_REASONS, ReceiptStatus } from "../../../encoding/receipt.ts";

const MESSAGE_MAX = 80;
const SELECTOR_BYTES = 4;

/** @param receiptAt where in `bytes` the receipt of the execution begins. */
export function failureReason(bytes: Uint8Array, receiptAt: number): string {
  if (bytes[receiptAt] === ReceiptStatus.halted) return HALT_REASONS[bytes[receiptAt + 1]!] || "unknown";
  const { returnData } = decodeReceipt(bytes, receiptAt);
  const error = decodeErc20Error(returnData);
  // What a terminal obeys is not text.
  if (error?.name === "Error") return `Error: ${error.message.slice(0, MESSAGE_MAX).replace(/\p{Cc}/gu, "\ufffd")}`;
  if (error !== undefined) return error.name;
  if (returnData.length === 0) return "without data";
  const text = Buffer.from(returnData).toString("utf8");
  if (/^[\x20-\x7e]+$/.test(text)) return text.slice(0, MESSAGE_MAX);
  return toHex(returnData.slice(0, SELECTOR_BYTES));
}
