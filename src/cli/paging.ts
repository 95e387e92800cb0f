/** Reads pages until there are as many items as were asked for. */
import type { PageJson } from "../client/methods.ts";
import type { Options } from "./context.ts";

/** What the daemon gives in one page at most. */
const PAGE_MAX = 1_000;

export interface Slice<T> {
  readonly items: readonly T[];
  /** Goes on from here with --cursor; null when this was all. */
  readonly nextCursor: string | null;
}

export async function readPages<T>(
  options: Options,
  read: (page: { cursor?: string; limit: number }) => Promise<PageJson<T>>,
): Promise<Slice<T>> {
  const limit = options["limit"] as number;
  const items: T[] = [];
  let cursor = (options["cursor"] as string | undefined) ?? null;
  do {
    const page = await read({
      limit: Math.min(PAGE_MAX, limit - items.length),
      ...(cursor === null ? {} : { cursor }),
    });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null && items.length < limit);
  return { items, nextCursor: cursor };
}

/** Tells people that there is more. */
export function moreText({ items, nextCursor }: Slice<unknown>): string {
  return nextCursor === null ? "" : `\n${items.length} shown; go on with --cursor ${nextCursor}`;
}
