/** TransferRunner on the addon: native/src/transfers.h. */
import type { TransferRunner } from "../encoding/transfer-run.ts";
import type { Addon } from "./addon.ts";

export function nativeTransfers(addon: Addon): TransferRunner {
  return {
    run({ transactions, rows, index, undo, receipts, ranges, receiptAt, submissionEnds }, token, numbers) {
      addon.transfersRun(transactions, rows, index, undo, receipts, ranges, receiptAt, submissionEnds, token, numbers);
    },
  };
}
