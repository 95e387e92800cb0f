/** The settings in effect as people may see them: secrets are masked. */
import type { EffectiveSetting } from "./load.ts";
import { formatValue } from "./parse-value.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

export interface ShownSetting {
  readonly key: string;
  /** Empty where it is not set. */
  readonly value: string;
  /** "default", a file, a variable or a flag. */
  readonly origin: string;
  readonly meaning: string;
}

export function shownSettings(settings: readonly EffectiveSetting[]): ShownSetting[] {
  return settings.map(({ key, value, origin }) => {
    const { meaning }: Setting = SETTINGS[key];
    return { key, value: formatValue(key, value), origin, meaning };
  });
}
