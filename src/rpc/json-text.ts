/** JSON that is text already, with the type it would parse to: answers about receipts are never objects. */
export class JsonText<T> {
  readonly text: string;
  /** Only for the type checker. */
  declare readonly shape: T;

  constructor(text: string) {
    this.text = text;
  }
}

/** @param log where older blocks were pruned it says with what it begins: the page knows nothing of them. */
export function historyPageText<T>(
  items: readonly string[],
  nextCursor: string | undefined,
  { lowestHeight }: { lowestHeight: number },
): JsonText<T> {
  const next = nextCursor === undefined ? "null" : JSON.stringify(nextCursor);
  const kept = lowestHeight > 0 ? `,"lowestHeight":${lowestHeight}` : "";
  return new JsonText(`{"items":[${items.join(",")}],"nextCursor":${next}${kept}}`);
}
