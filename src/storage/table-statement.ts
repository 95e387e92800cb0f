/** TableRows: rows of one table on their way, column by column, and the one statement that writes all of them. */
import { BinaryColumn, type ColumnType } from "./binary-array.ts";

/** `numeric` travels as text. */
export type TableColumns<C extends string> = Readonly<Record<C, ColumnType | "numeric">>;

export interface TableStatement {
  readonly name: string;
  readonly text: string;
  readonly values: Buffer[];
}

export class TableRows<C extends string> {
  /** Each is given one element a row. */
  readonly columns: Record<C, BinaryColumn>;
  readonly #name: string;
  readonly #text: string;

  /** @param write the statement, given the names of the columns and the rows as a relation `rows`. */
  constructor(name: string, columns: TableColumns<C>, write: (names: string, rows: string) => string) {
    const names = Object.keys(columns) as C[];
    const types = names.map((column) => columns[column]);
    this.columns = Object.fromEntries(
      names.map((column, i) => [column, new BinaryColumn(types[i] === "numeric" ? "text" : (types[i] as ColumnType))]),
    ) as Record<C, BinaryColumn>;
    const parameters = types.map((type, i) => `$${i + 1}::${type === "numeric" ? "text" : type}[]`);
    const selected = names.map((column, i) => (types[i] === "numeric" ? `${column}::numeric` : column));
    const rows = `(select ${selected.join(", ")} from unnest(${parameters.join(", ")}) as given (${names.join(", ")})) as rows`;
    this.#name = name;
    this.#text = write(names.join(", "), rows);
  }

  get count(): number {
    return (Object.values(this.columns)[0] as BinaryColumn).count;
  }

  /** Valid until `clear`. */
  statement(): TableStatement {
    const values = (Object.values(this.columns) as BinaryColumn[]).map((column) => column.finish());
    return { name: this.#name, text: this.#text, values };
  }

  clear(): void {
    for (const column of Object.values(this.columns) as BinaryColumn[]) column.clear();
  }
}

/** `insert`, for rows that are new. */
export function inserting(table: string): (names: string, rows: string) => string {
  return (names, rows) => `insert into ${table} (${names}) select ${names} from ${rows}`;
}

/** `insert`, or the new values where the key is there. */
export function upserting(
  table: string,
  key: readonly string[],
  rest: readonly string[],
): (names: string, rows: string) => string {
  const set = rest.map((column) => `${column} = excluded.${column}`).join(", ");
  return (names, rows) =>
    `insert into ${table} (${names}) select ${names} from ${rows} on conflict (${key.join(", ")}) do update set ${set}`;
}

/** `delete`, by key; the columns are the key. */
export function deleting(table: string): (names: string, rows: string) => string {
  return (names, rows) => `delete from ${table} where (${names}) in (select ${names} from ${rows})`;
}
