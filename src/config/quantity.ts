/** Quantities as people write them: sizes and times with a unit, octal file modes, whole numbers with `_` between digits. */

const UNIT_BYTES: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** "256 MiB", "1.5 GiB", "4096" or a number, in bytes; undefined when it is none of these or no whole number of bytes. */
export function parseBytes(text: string | number): number | undefined {
  if (typeof text === "number") return text;
  const match = /^(\d[\d_]*(?:\.\d+)?)\s*([a-z]+)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const unit = UNIT_BYTES[(match[2] ?? "b").toLowerCase()];
  if (unit === undefined) return undefined;
  const bytes = Number(match[1]!.replaceAll("_", "")) * unit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The largest binary unit that divides it: 268435456 → "256 MiB". */
export function formatBytes(bytes: number): string {
  for (const [name, unit] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ] as const) {
    if (bytes >= unit && bytes % unit === 0) return `${bytes / unit} ${name}`;
  }
  return `${bytes} B`;
}

/** "1337", "10_000", "1e10" or a number; undefined when it is no whole number. */
export function parseWholeNumber(text: string | number): number | undefined {
  const value =
    typeof text === "number"
      ? text
      : /^\d[\d_]*(e\d{1,2})?$/i.test(text.trim())
        ? Number(text.replaceAll("_", ""))
        : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** "0600", "600" or TOML's 0o600. */
export function parseFileMode(text: string | number): number | undefined {
  if (typeof text === "number") return text;
  return /^(0o?)?[0-7]{3}$/.test(text.trim()) ? Number.parseInt(text.trim().replace(/^0o?/, ""), 8) : undefined;
}

export function formatFileMode(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

const UNIT_MS: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** "everything", "100_000 blocks" or "30 days"; undefined when it is none of these. */
export function parseHistory(text: string): "everything" | { blocks: number } | { ms: number } | undefined {
  if (text.trim() === "everything") return "everything";
  const [, digits, unit] = /^(\d[\d_]*)\s*(block|minute|hour|day)s?$/.exec(text.trim()) ?? [];
  const count = Number(digits?.replaceAll("_", ""));
  if (unit === undefined || !(count >= 1)) return undefined;
  const kept = unit === "block" ? { blocks: count } : { ms: count * UNIT_MS[unit]! };
  return Object.values(kept).every(Number.isSafeInteger) ? kept : undefined;
}
