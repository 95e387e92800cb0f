/** What the URLs of PostgreSQL and Redis have in common. */
import { readFileSync } from "node:fs";
import type { SettingKey } from "./settings.ts";

/** The port of `user:password@host:port/…`, from the text: URL drops :80, which is HTTP's own. */
export function portOf(authority: string): number | undefined {
  const match = /^(?:[^/?#]*@)?(?:\[[^\]]*\]|[^:/?#]*):(\d{1,5})(?:[/?#]|$)/.exec(authority);
  return match === null ? undefined : Number(match[1]);
}

/** The content of a file named by a setting; undefined, and reported, when it can't be read. */
export function readSecret(
  path: string | undefined,
  key: SettingKey,
  report: (key: SettingKey, message: string) => void,
): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8").trimEnd();
  } catch (problem) {
    report(key, (problem as Error).message);
    return undefined;
  }
}
