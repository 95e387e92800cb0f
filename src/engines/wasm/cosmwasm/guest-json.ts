/**
 * JSON that a contract wrote: parsed with a bound on its size, and read field by field. Whole numbers beyond 2^53, which
 * ids of submessages may be, are kept exactly.
 */
import { Halt } from "../../../execution/gas.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Strings, and numbers of 16 digits or more, which JSON.parse would round. */
const STRING_OR_LONG_NUMBER = /"(?:[^"\\]|\\.)*"|-?(?<![\d.])\d{16,}(?![\d.eE])/g;
const HAS_LONG_NUMBER = /\d{16}/;
/** Marks a string that was a long number: no JSON of a contract begins one so by accident, and a forged one gains nothing. */
const LONG_NUMBER = "\u0000u64:";
const U64_LIMIT = 1n << 64n;

/** @returns undefined when the bytes are not UTF-8 or not JSON. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    const text = DECODER.decode(bytes);
    return JSON.parse(HAS_LONG_NUMBER.test(text) ? text.replace(STRING_OR_LONG_NUMBER, keepExact) : text);
  } catch {
    return undefined;
  }
}

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function keepExact(token: string): string {
  return token.startsWith('"') ? token : `"\\u0000u64:${token}"`;
}

/** What a contract answered does not have the shape that the interface wants. */
export function invalidOutput(): never {
  throw new Halt("InvalidOutput");
}

export function asObject(value: unknown): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return invalidOutput();
  return value as JsonObject;
}

/** The only member of an object: how serde writes an enum. */
export function asVariant(value: unknown): [name: string, content: unknown] {
  const entries = Object.entries(asObject(value));
  return entries.length === 1 ? entries[0]! : invalidOutput();
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : invalidOutput();
}

export function asString(value: unknown): string {
  return typeof value === "string" ? value : invalidOutput();
}

export function asOptional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}

/** A `Binary`: standard Base64 with padding. */
export function asBinary(value: unknown): Uint8Array {
  const bytes = fromBase64(asString(value));
  return bytes ?? invalidOutput();
}

export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  // Node reads past what is not Base64, and takes other alphabets and missing padding.
  return bytes.toString("base64") === text ? new Uint8Array(bytes) : undefined;
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

/** A whole number from 0 to 2^64-1, as its decimal digits. */
export function asU64(value: unknown): string {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? String(value) : invalidOutput();
  if (typeof value !== "string" || !value.startsWith(LONG_NUMBER)) return invalidOutput();
  const digits = value.slice(LONG_NUMBER.length);
  return !digits.startsWith("-") && BigInt(digits) < U64_LIMIT ? digits : invalidOutput();
}
