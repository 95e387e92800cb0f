/** Following logs by asking again: what `polytorus logs --follow` does, and a program without a stream. */
import { setTimeout as sleep } from "node:timers/promises";
import type { FoundLogJson, ParamsOf, ResultOf } from "./methods.ts";

export type LogFilter = Pick<ParamsOf<"contract_logs">, "address" | "topics" | "fromBlock">;

const DEFAULT_INTERVAL_MS = 500;

type AskLogs = (params: ParamsOf<"contract_logs">) => Promise<ResultOf<"contract_logs">>;

/**
 * Logs in order, each once: every block is asked for as a whole, after it became the head.
 * A rollback is not seen: what was yielded before it stays yielded.
 */
export async function* pollLogs(
  askLogs: AskLogs,
  askHead: () => Promise<number>,
  filter: LogFilter,
  { intervalMs = DEFAULT_INTERVAL_MS, signal }: { intervalMs?: number; signal?: AbortSignal },
): AsyncGenerator<FoundLogJson> {
  let fromBlock = filter.fromBlock ?? (await askHead()) + 1;
  while (!signal?.aborted) {
    const toBlock = await askHead();
    if (toBlock >= fromBlock) {
      yield* pages(askLogs, { ...filter, fromBlock, toBlock });
      fromBlock = toBlock + 1;
    }
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}

async function* pages(askLogs: AskLogs, query: ParamsOf<"contract_logs">): AsyncGenerator<FoundLogJson> {
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await askLogs({ ...query, cursor });
    yield* items;
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
}
