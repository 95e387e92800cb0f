/** events: durable blocks, logs, receipts and jobs as they come. */
import type { EventType, StreamedEvent } from "../../client/methods.ts";
import type { Handler } from "../context.ts";
import { followed } from "../followed.ts";
import { logText } from "../receipt-view.ts";
import { requireAddress } from "../transactions.ts";

export const events: Handler = async (context, args, options) => {
  const address = args[0] as string | undefined;
  const selection = {
    types: options["types"] as EventType[],
    ...(address === undefined ? {} : { address: requireAddress(address, "ADDRESS") }),
    ...(options["since"] === undefined ? {} : { since: options["since"] as string }),
    ...(options["fromBlock"] === undefined ? {} : { fromBlock: options["fromBlock"] as number }),
  };
  for await (const event of followed(context, selection)) context.output.item(event, () => lineOf(event));
};

function lineOf(event: StreamedEvent): string {
  const { type } = event;
  const removed = type !== "jobs" && event.result.removed ? "removed  " : "";
  switch (type) {
    case "newBlocks": {
      const { height, blockHash, transactionCount, timestampMs } = event.result;
      return `${removed}block ${height}  ${blockHash}  ${transactionCount} transactions  ${new Date(timestampMs).toISOString()}`;
    }
    case "logs": {
      const { blockHeight, transactionIndex, address } = event.result;
      return `${removed}log ${blockHeight}/${transactionIndex}  ${address}  ${logText(event.result, undefined)}`;
    }
    case "receipts": {
      const { blockHeight, transactionIndex, transactionHash, status, gasUsed } = event.result;
      return `${removed}receipt ${blockHeight}/${transactionIndex}  ${transactionHash}  ${status}  ${gasUsed} gas`;
    }
    case "jobs": {
      const { jobId, status, percent } = event.result;
      return `job ${jobId}  ${status}  ${percent} %`;
    }
  }
}
