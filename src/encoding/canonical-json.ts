/**
 * Canonical JSON after RFC 8785 for what we hash: object keys sorted by UTF-16 code units, no white space,
 * undefined members left out. Numbers must be safe integers: everything larger travels as a decimal string.
 */
import { RejectedError } from "../errors.ts";

/** Nesting deeper than this is refused, so that no input can exhaust the stack. */
const DEPTH_MAX = 64;

export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > DEPTH_MAX)
    throw new RejectedError("VALIDATION_ERROR", `JSON nested deeper than ${DEPTH_MAX}`, {
      expected: `at most ${DEPTH_MAX} levels`,
    });
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) {
      throw new RejectedError(
        "VALIDATION_ERROR",
        `the number ${value} is not a whole number within ±2^53; send it as a string`,
        { expected: "a safe integer", received: String(value) },
      );
    }
    return String(value);
  }
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(",")}]`;
  const members = Object.keys(value)
    .filter((key) => (value as Record<string, unknown>)[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson((value as Record<string, unknown>)[key], depth + 1)}`);
  return `{${members.join(",")}}`;
}
