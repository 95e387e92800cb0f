/** A table, a line an item; it scrolls by itself where it is wider than its place. */
import type { ComponentChildren } from "preact";

export interface Column<T> {
  readonly head: string;
  readonly cell: (item: T) => ComponentChildren;
  /** Of head and cells: `number` stands to the right, `wide` is left out on a phone. */
  readonly class?: string;
  /** Of the cells alone. */
  readonly cellClass?: string | ((item: T) => string);
  /** The cell names its line. */
  readonly isName?: boolean;
  readonly title?: (item: T) => string | undefined;
}

interface TableProps<T> {
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  /** False ones are left out. */
  readonly columns: readonly (Column<T> | false)[];
  readonly class?: string;
  /** A line that comes is shown to have come. */
  readonly isLive?: boolean;
}

export function Table<T>({ items, keyOf, columns, class: ofTable = "", isLive = false }: TableProps<T>) {
  const shown = columns.filter((column) => column !== false);
  return (
    <div class="scroll">
      <table class={ofTable}>
        <thead>
          <tr>
            {shown.map(({ head, class: ofColumn = "" }) => (
              <th key={head} scope="col" class={ofColumn}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={keyOf(item)} class={isLive ? "fresh" : ""}>
              {shown.map((column) => (
                <Cell key={column.head} item={item} column={column} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell<T>({ item, column }: { item: T; column: Column<T> }) {
  const { cell, class: ofColumn = "", cellClass = "", isName = false, title } = column;
  const own = `${ofColumn} ${typeof cellClass === "string" ? cellClass : cellClass(item)}`.trim();
  return isName ? (
    <th scope="row" class={own} title={title?.(item)}>
      {cell(item)}
    </th>
  ) : (
    <td class={own} title={title?.(item)}>
      {cell(item)}
    </td>
  );
}
