/** To the next and the previous page of a list that is read by cursors. */
import type { PageJson } from "../../client/methods.ts";
import type { Paged } from "../use-rpc.ts";

interface PagerProps {
  readonly paged: Paged<PageJson<unknown>>;
  /** What the first page has: "newest", or "first" where the order is another. */
  readonly first?: "newest" | "first";
}

export function Pager({ paged: { page, data, next, previous }, first = "newest" }: PagerProps) {
  if (page === 0 && next === undefined && (data?.nextCursor ?? null) === null) return null;
  const [back, on] = first === "newest" ? ["newer", "older"] : ["previous", "next"];
  return (
    <nav class="pager" aria-label="pages">
      <span>page {page + 1}</span>
      <span class="turn">
        <button type="button" disabled={previous === undefined} onClick={previous}>
          ← {back}
        </button>
        <button type="button" disabled={next === undefined} onClick={next}>
          {on} →
        </button>
      </span>
    </nav>
  );
}
