/** What a setting is, and short ways to declare one. */
import type { TSchema } from "typebox";
import * as Type from "typebox";

/** How text becomes the value, and the value text. */
export type SettingForm = "text" | "path" | "wholeNumber" | "bytes" | "fileMode" | "boolean" | "history";

export interface Setting<T = unknown> {
  readonly form: SettingForm;
  readonly schema: TSchema;
  readonly fallback: T;
  readonly meaning: string;
  /** The flag of `serve` that sets it. */
  readonly flag?: string;
  /** Never shown. */
  readonly isSecret?: boolean;
}

type Extra = { readonly flag?: string; readonly isSecret?: boolean };
type Range = { minimum: number; maximum: number };

export const KIB = 2 ** 10;
export const MIB = 2 ** 20;
export const GIB = 2 ** 30;
export const SAFE_MAX = Number.MAX_SAFE_INTEGER;
const NAME = Type.String({ minLength: 1 });

export function oneOf<const T extends readonly string[]>(
  choices: T,
  fallback: T[number],
  meaning: string,
  extra: Extra = {},
): Setting<T[number]> {
  return { form: "text", schema: Type.Enum([...choices]), fallback, meaning, ...extra };
}

export function named(form: "text" | "path", fallback: string, meaning: string, extra: Extra = {}): Setting<string> {
  return { form, schema: NAME, fallback, meaning, ...extra };
}

export function optional(form: "text" | "path", meaning: string, extra: Extra = {}): Setting<string | undefined> {
  return { form, schema: NAME, fallback: undefined, meaning, ...extra };
}

export function number(
  form: "wholeNumber" | "bytes" | "fileMode",
  fallback: number,
  range: Range,
  meaning: string,
  extra: Extra = {},
): Setting<number> {
  return { form, schema: Type.Integer(range), fallback, meaning, ...extra };
}

export function flag(fallback: boolean, meaning: string, extra: Extra = {}): Setting<boolean> {
  return { form: "boolean", schema: Type.Boolean(), fallback, meaning, ...extra };
}

/** As `parseHistory` reads it. */
export function history(fallback: string, meaning: string): Setting<string> {
  return { form: "history", schema: NAME, fallback, meaning };
}
