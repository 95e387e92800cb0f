/** JSON that is text already, with the type it would parse to: answers about receipts are never objects. */
export class JsonText<T> {
  readonly text: string;
  /** Only for the type checker. */
  declare readonly shape: T;

  constructor(text: string) {
    this.text = text;
  }
}

export function pageText<T>(items: readonly string[], nextCursor: string | undefined): JsonText<T> {
  return new JsonText(
    `{"items":[${items.join(",")}],"nextCursor":${nextCursor === undefined ? "null" : JSON.stringify(nextCursor)}}`,
  );
}
