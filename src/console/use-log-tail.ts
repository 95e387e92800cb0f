/**
 * Logs, newest first, by pages, the first of them live: what was asked for, and above it what the stream told since.
 *   tailLogs ──▶ heard, once in FLUSH_MS ──┐
 *   contract_logs ──▶ page ────────────────┴──▶ rows, the newest ROWS_MAX
 * Always
 *  - No hole among the rows, nor between the last one and the next page: above HEARD_MAX the page is asked for again.
 */
import { useEffect, useState } from "preact/hooks";
import type { EventResults, FoundLogJson, PageJson } from "../client/methods.ts";
import { isStreaming, tailLogs } from "./live.ts";
import { useStore } from "./store.ts";
import { LIVE_POLL_MS, type Paged, usePages } from "./use-rpc.ts";

const PAGE = 50;
const HEARD_MAX = 150;
const ROWS_MAX = HEARD_MAX + PAGE;
const FLUSH_MS = 200;

/** @param isLive false: what is shown stays. */
export function useLogTail(address: string | undefined, isLive: boolean): Paged<PageJson<FoundLogJson>> {
  const hasStream = useStore(isStreaming);
  const [heard, setHeard] = useState<readonly FoundLogJson[]>([]);
  const params = { order: "newest" as const, limit: PAGE, ...(address === undefined ? {} : { address }) };
  const paged = usePages("contract_logs", params, { everyMs: isLive && !hasStream ? LIVE_POLL_MS : undefined });
  const { data, page, reload } = paged;
  const isTailing = isLive && page === 0;

  useEffect(() => {
    if (!isTailing) return undefined;
    let waiting: EventResults["logs"][] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = (): void => {
      const told = waiting;
      waiting = [];
      timer = undefined;
      setHeard((before) => told.reduce(withTold, before));
      if (told.some(({ removed }) => removed)) reload();
    };
    const begin = (): void => {
      waiting = [];
      setHeard([]);
    };
    const stop = tailLogs(address, {
      begin,
      hear: (log) => {
        waiting.push(log);
        timer ??= setTimeout(flush, FLUSH_MS);
      },
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [address, isTailing, reload]);

  const asked = data?.items ?? [];
  const above = page > 0 ? [] : heard.filter((log) => asked[0] === undefined || isAfter(log, asked[0]));
  const isFull = above.length > HEARD_MAX;
  useEffect(() => {
    if (isFull) reload();
  }, [isFull, reload]);
  if (data === undefined || above.length === 0) return paged;
  const items = [...above, ...asked].slice(0, ROWS_MAX);
  return { ...paged, data: { ...data, items }, next: isFull ? undefined : paged.next };
}

function withTold(heard: readonly FoundLogJson[], log: EventResults["logs"]): readonly FoundLogJson[] {
  if (log.removed) return heard.filter((each) => isAfter(log, each));
  return [log, ...heard].slice(0, ROWS_MAX);
}

/** In the order of the chain. */
function isAfter(a: FoundLogJson, b: FoundLogJson): boolean {
  const by = a.blockHeight - b.blockHeight || a.transactionIndex - b.transactionIndex || a.logIndex - b.logIndex;
  return by > 0;
}
