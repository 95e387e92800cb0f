/** logs: what contracts emitted, by address, event, block range and transaction; with --follow, as it comes. */
import type { FoundLogJson } from "../../client/methods.ts";
import { EngineError } from "../../errors.ts";
import type { CommandContext, Handler, Options } from "../context.ts";
import { followed } from "../followed.ts";
import { moreText, readPages } from "../paging.ts";
import { logText } from "../receipt-view.ts";
import { requireAddress } from "../transactions.ts";

export const logs: Handler = async (context, args, options) => {
  const filter = filterFrom(args, options);
  if (options["follow"] === true) return follow(context, filter);
  const page = await readPages(options, (paging) => context.remote.call("contract_logs", { ...filter, ...paging }));
  context.output.page(
    page,
    () => (page.items.length === 0 ? "no logs" : page.items.map(line).join("\n")) + moreText(page),
  );
};

interface Filter {
  address?: string;
  topics?: (string | null)[];
  fromBlock?: number;
  toBlock?: number;
  transactionHash?: string;
}

function filterFrom(args: readonly unknown[], options: Options): Filter {
  const address = (args[0] ?? options["address"]) as string | undefined;
  const topics = options["topic"] as string[] | undefined;
  return {
    ...(address === undefined ? {} : { address: requireAddress(address, "ADDRESS") }),
    ...(topics === undefined ? {} : { topics: topics.map((topic) => (topic === "any" ? null : topic)) }),
    ...(options["fromBlock"] === undefined ? {} : { fromBlock: options["fromBlock"] as number }),
    ...(options["toBlock"] === undefined ? {} : { toBlock: options["toBlock"] as number }),
    ...(options["tx"] === undefined ? {} : { transactionHash: options["tx"] as string }),
  };
}

/** Prints every log from now on (or from --from-block), each once, over restarts of the daemon, until it is interrupted. */
async function follow(context: CommandContext, filter: Filter): Promise<void> {
  if (filter.toBlock !== undefined || filter.transactionHash !== undefined) {
    throw new EngineError("VALIDATION_ERROR", "--follow goes on without end; leave out --to-block and --tx", {
      path: "--follow",
    });
  }
  const { output } = context;
  const { address, topics, fromBlock } = filter;
  for await (const { result } of followed(context, { types: ["logs"], address, topics, fromBlock }))
    output.item(result, () => (result.removed ? output.styles.dim(`removed  ${line(result)}`) : line(result)));
}

function line(log: FoundLogJson): string {
  return `${log.blockHeight}/${log.transactionIndex}  ${log.address}  ${logText(log, undefined)}`;
}
