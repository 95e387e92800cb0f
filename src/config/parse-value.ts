/** One raw value of a file, a variable or a flag becomes what its setting's schema asks for. */
import { resolve } from "node:path";
import { Check } from "typebox/schema";
import { formatBytes, formatFileMode, parseBytes, parseFileMode, parseHistory, parseWholeNumber } from "./quantity.ts";
import { maskSecrets } from "./secrets.ts";
import { storageKindProblem } from "./seed-keys.ts";
import type { Setting, SettingForm } from "./setting.ts";
import { SETTINGS, type SettingKey } from "./settings.ts";

/** Says "nowhere" in the place of a path. */
const OFF = "off";

export type Parsed = { readonly value: unknown } | { readonly problem: string };

export function parseValue(key: SettingKey, raw: unknown, base: string): Parsed {
  const setting: Setting = SETTINGS[key];
  const value = convert(setting.form, raw, base);
  if (value !== undefined && Check(setting.schema, value)) return { value };
  const shown =
    setting.isSecret === true
      ? "what is not shown"
      : maskSecrets(typeof raw === "string" ? JSON.stringify(raw) : String(raw));
  const because = key === "storage.kind" && typeof raw === "string" ? storageKindProblem(raw) : undefined;
  if (because !== undefined) return { problem: `${shown} ${because}` };
  return { problem: `expected ${expectation(setting)}, received ${shown}` };
}

export function resolvedPath(path: string, base: string): string {
  return path === OFF ? path : resolve(base, path);
}

function convert(form: SettingForm, raw: unknown, base: string): unknown {
  const isText = typeof raw === "string";
  const isNumber = typeof raw === "number";
  switch (form) {
    case "text":
      return raw;
    case "path":
      return isText && raw !== "" ? resolvedPath(raw, base) : undefined;
    case "history":
      return isText && parseHistory(raw) !== undefined ? raw : undefined;
    case "boolean":
      return raw === "true" || raw === "1" ? true : raw === "false" || raw === "0" ? false : raw;
    case "wholeNumber":
      return isText || isNumber ? parseWholeNumber(raw) : undefined;
    case "bytes":
      return isText || isNumber ? parseBytes(raw) : undefined;
    case "fileMode":
      return isText || isNumber ? parseFileMode(raw) : undefined;
  }
}

/** What the setting must be, for people. */
export function expectation(setting: Setting): string {
  const schema = setting.schema as { enum?: string[]; minimum?: number; maximum?: number };
  if (schema.enum !== undefined) return schema.enum.map((choice) => JSON.stringify(choice)).join(" or ");
  const show = { bytes: formatBytes, fileMode: formatFileMode }[setting.form as string] ?? String;
  const range =
    schema.minimum === undefined || schema.maximum === undefined
      ? ""
      : ` from ${show(schema.minimum)} to ${show(schema.maximum)}`;
  switch (setting.form) {
    case "bytes":
      return `a size like "256 MiB"${range}`;
    case "wholeNumber":
      return `a whole number${range}`;
    case "fileMode":
      return `a file mode${range}`;
    case "boolean":
      return "true or false";
    case "path":
      return "a path";
    case "history":
      return '"everything", a number of blocks like "100000 blocks", or a time like "30 days" or "12 hours"';
    case "text":
      return "text";
  }
}

/** A value as `config show` and `config init` write it. */
export function formatValue(key: SettingKey, value: unknown): string {
  if (value === undefined) return "";
  const { isSecret }: Setting = SETTINGS[key];
  // Of a URL the server may be shown; of any other secret nothing.
  if (isSecret === true && !key.endsWith(".url")) return "***";
  if (SETTINGS[key].form === "bytes" && typeof value === "number") return formatBytes(value);
  if (SETTINGS[key].form === "fileMode" && typeof value === "number") return formatFileMode(value);
  return maskSecrets(String(value));
}
