/** Reads pages until there are as many items as were asked for. */
import type { HistoryPageJson } from "../client/methods.ts";
import type { Options } from "./context.ts";

/** What the daemon gives in one page at most. */
const PAGE_MAX = 1_000;

export interface Slice<T> {
  readonly items: readonly T[];
  /** Goes on from here with --cursor; null when this was all. */
  readonly nextCursor: string | null;
  /** With what the log begins, where older blocks were pruned. */
  readonly lowestHeight?: number;
}

export async function readPages<T>(
  options: Options,
  read: (page: { cursor?: string; limit: number }) => Promise<HistoryPageJson<T>>,
): Promise<Slice<T>> {
  const limit = options["limit"] as number;
  const items: T[] = [];
  let kept: { lowestHeight?: number } = {};
  let cursor = (options["cursor"] as string | undefined) ?? null;
  do {
    const page = await read({
      limit: Math.min(PAGE_MAX, limit - items.length),
      ...(cursor === null ? {} : { cursor }),
    });
    items.push(...page.items);
    cursor = page.nextCursor;
    if (page.lowestHeight !== undefined) kept = { lowestHeight: page.lowestHeight };
  } while (cursor !== null && items.length < limit);
  return { items, nextCursor: cursor, ...kept };
}

/** Tells people that there is more, or was. */
export function moreText({ items, nextCursor, lowestHeight }: Slice<unknown>): string {
  if (nextCursor !== null) return `\n${items.length} shown; go on with --cursor ${nextCursor}`;
  return lowestHeight === undefined ? "" : `\nblocks below ${lowestHeight} were pruned`;
}
