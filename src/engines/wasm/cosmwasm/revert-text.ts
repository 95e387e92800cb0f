/** Errors of contracts as Solidity's Error(string), so that every client that shows a revert's reason shows theirs. */
import { encodeError } from "../../../encoding/abi.ts";
import { decodeErc20Error, SOLIDITY_ERRORS } from "../../../encoding/erc20-abi.ts";

/** A contract's error may be as long as its answers; a receipt keeps this much. */
const TEXT_CHARS_MAX = 4096;

export function encodeRevert(text: string): Uint8Array {
  return encodeError(SOLIDITY_ERRORS.Error, [text.slice(0, TEXT_CHARS_MAX)]);
}

/** What a revert says, whichever kind of contract it comes from. */
export function revertText(returnData: Uint8Array): string {
  if (returnData.length === 0) return "reverted without a reason";
  return decodeErc20Error(returnData)?.message ?? `reverted with 0x${Buffer.from(returnData).toString("hex")}`;
}
