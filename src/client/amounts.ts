/** Token amounts for people: base units, which are what counts, and the same with the token's decimals. */

export interface TokenUnit {
  readonly symbol: string;
  readonly decimals: number;
}

/** From a contract's metadata; undefined when it is no token. */
export function tokenUnitOf(metadata: Record<string, unknown>): TokenUnit | undefined {
  const { symbol, decimals } = metadata;
  const isToken = typeof symbol === "string" && typeof decimals === "number" && Number.isInteger(decimals);
  return isToken && decimals >= 0 && decimals <= 255 ? { symbol, decimals } : undefined;
}

/** 1500000 with 6 decimals → "1.5". */
export function withDecimals(baseUnits: string, decimals: number): string {
  const digits = baseUnits.padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

/** "1500000 (1.5 MTK)". */
export function formatAmount(baseUnits: string, unit: TokenUnit): string {
  const [whole, fraction] = withDecimals(baseUnits, unit.decimals).split(".");
  return `${baseUnits} (${grouped(whole!)}${fraction === undefined ? "" : `.${fraction}`} ${unit.symbol})`;
}

/** Names under which ERC-20 and its errors and events carry amounts. */
const AMOUNT_NAMES = new Set([
  "value",
  "amount",
  "addedValue",
  "requestedDecrease",
  "currentAllowance",
  "balance",
  "allowance",
  "needed",
  "cap",
  "increasedSupply",
]);
const AMOUNT_FUNCTIONS = new Set(["totalSupply", "balanceOf", "allowance", "cap"]);

/** A decoded argument for people; an amount of the token shows both forms. */
export function formatArgument(name: string, value: unknown, unit: TokenUnit | undefined): string {
  const isAmount = unit !== undefined && AMOUNT_NAMES.has(name) && typeof value === "string" && /^\d+$/.test(value);
  return isAmount ? formatAmount(value, unit) : formatValue(value);
}

/** A function's decoded result for people. */
export function formatResult(entrypoint: string | undefined, value: unknown, unit: TokenUnit | undefined): string {
  const isAmount = unit !== undefined && entrypoint !== undefined && AMOUNT_FUNCTIONS.has(entrypoint);
  return isAmount && typeof value === "string" && /^\d+$/.test(value) ? formatAmount(value, unit) : formatValue(value);
}

export function formatValue(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** 1234567 → 1,234,567; anything but whole decimals stays as it is. */
export function grouped(amount: string | number): string {
  const text = String(amount);
  return /^\d+$/.test(text) ? text.replace(/\B(?=(\d{3})+$)/g, ",") : text;
}
