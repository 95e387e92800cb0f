/** Aligned columns of plain text. */
import { grouped } from "../client/amounts.ts";

export interface Column {
  readonly title: string;
  readonly align?: "right";
}

/** A header and rows of one line each, two spaces between columns; no trailing spaces. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  styleHeader: (text: string) => string = (text) => text,
): string {
  const shown = rows.map((row) => row.map((cell) => cell.replace(/\s/g, " ")));
  const widths = columns.map(({ title }, i) =>
    shown.reduce((most, row) => Math.max(most, (row[i] ?? "").length), title.length),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, i) =>
        align === "right" ? (cells[i] ?? "").padStart(widths[i]!) : (cells[i] ?? "").padEnd(widths[i]!),
      )
      .join("  ")
      .trimEnd();
  return [styleHeader(line(columns.map(({ title }) => title.toUpperCase()))), ...shown.map(line)].join("\n");
}

/** `name  value` lines; values of several lines are indented under their first. Undefined values are left out. */
export function fields(
  entries: readonly (readonly [string, string | undefined])[],
  styleName: (text: string) => string = (text) => text,
): string {
  const shown = entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown
    .map(([name, value]) =>
      `${styleName(name.padEnd(width))}  ${value.replaceAll("\n", `\n${" ".repeat(width + 2)}`)}`.trimEnd(),
    )
    .join("\n");
}

/** 1234567 → 1.2 MiB. */
export function bytesText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let amount = bytes;
  for (; amount >= 1024 && unit < units.length - 1; unit++) amount /= 1024;
  return unit === 0 ? `${grouped(bytes)} bytes` : `${amount.toFixed(1)} ${units[unit]}`;
}
