/** Medians with their range, and how figures are written. */

export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** @throws RangeError for no values. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("no values to take a median of");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted[sorted.length - 1]! };
}

/** The value below which `share` of the ascending values lie. */
export function percentileOf(ascending: ArrayLike<number>, share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Number.NaN;
}

export function rateText(perSecond: number): string {
  return Math.round(perSecond).toLocaleString("en-US");
}

/** "162,400 (158,000–171,200)" */
export function rateSpreadText({ median, min, max }: Spread): string {
  return `${rateText(median)} (${rateText(min)}–${rateText(max)})`;
}

/** With `digits` decimals: "0.34 (0.31–0.40)" */
export function spreadText({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

/** Columns as wide as their widest cell, as Markdown, so that a report can be pasted. */
export function tableText(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (cells[i] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(header), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...rows.map(line), ""].join(
    "\n",
  );
}
