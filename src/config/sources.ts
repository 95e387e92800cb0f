/**
 * Where settings come from: a TOML file, the environment, flags. Later ones win, and every value remembers its origin.
 * Unknown keys are refused by name, with the nearest one suggested.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse as parseToml } from "smol-toml";
import { nearest } from "./nearest.ts";
import type { ConfigProblem } from "./problem.ts";
import { readSeedSection } from "./seed-keys.ts";
import { environmentName, isSettingKey, SETTING_KEYS, SETTINGS, type SettingKey } from "./settings.ts";

export interface RawValue {
  readonly key: SettingKey;
  readonly value: unknown;
  readonly origin: string;
  /** Relative paths start here. */
  readonly base: string;
}

export interface Source {
  readonly values: readonly RawValue[];
  readonly problems: readonly ConfigProblem[];
}

/** Variables that are no settings of the daemon: the command line's own, and switches of the native addon. */
const OTHER_VARIABLES = [
  "POLYTORUS_IPC",
  "POLYTORUS_URL",
  "POLYTORUS_TOKEN",
  "POLYTORUS_FROM",
  "POLYTORUS_CONFIG",
  "POLYTORUS_NATIVE",
  "POLYTORUS_NATIVE_ISA",
];

export function readConfigFile(path: string): Source {
  const origin = path;
  let table: Record<string, unknown>;
  try {
    table = parseToml(readFileSync(path, "utf8"));
  } catch (problem) {
    const message = problem instanceof Error ? problem.message.trimEnd() : String(problem);
    return { values: [], problems: [{ key: "config", origin, message }] };
  }
  const base = dirname(resolve(path));
  const values: RawValue[] = [];
  const problems: ConfigProblem[] = [];
  const take = (key: string, value: unknown): void => {
    if (isSettingKey(key)) values.push({ key, value, origin, base });
    else problems.push(unknownKey(key, SETTING_KEYS, origin));
  };
  const takeTable = (members: Record<string, unknown>, prefix: string): void => {
    for (const [name, value] of Object.entries(members)) {
      if (isTable(value) && !isSettingKey(`${prefix}${name}`)) takeTable(value, `${prefix}${name}.`);
      else take(`${prefix}${name}`, value);
    }
  };
  const { database_storage: seedSection, ...rest } = table;
  if (isTable(seedSection)) {
    const seed = readSeedSection(seedSection, origin);
    values.push(...seed.values.map((value) => ({ ...value, base })));
    problems.push(...seed.problems);
  }
  takeTable(rest, "");
  return { values, problems };
}

export function readEnvironment(environment: NodeJS.ProcessEnv, cwd: string): Source {
  const keyOf = new Map(SETTING_KEYS.map((key) => [environmentName(key), key]));
  const values: RawValue[] = [];
  const problems: ConfigProblem[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith("POLYTORUS_") || value === undefined || OTHER_VARIABLES.includes(name)) continue;
    const key = keyOf.get(name);
    if (key !== undefined) values.push({ key, value, origin: name, base: cwd });
    else problems.push(unknownKey(name, [...keyOf.keys(), ...OTHER_VARIABLES], "environment"));
  }
  return { values, problems };
}

/** Settings given as flags of `serve`, by key. */
export function readFlags(flags: Partial<Record<SettingKey, unknown>>, cwd: string): Source {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined) as [SettingKey, unknown][];
  return {
    values: given.map(([key, value]) => {
      const flag = (SETTINGS[key] as { flag?: string }).flag ?? key;
      return { key, value, origin: flag, base: cwd };
    }),
    problems: [],
  };
}

function unknownKey(key: string, known: Iterable<string>, origin: string): ConfigProblem {
  const suggestion = nearest(key, known);
  return {
    key,
    origin,
    message: suggestion === undefined ? "is no setting" : `is no setting; did you mean ${suggestion}?`,
  };
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
