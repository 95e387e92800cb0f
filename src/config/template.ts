/** What `config init` writes: every setting with its meaning and default, commented out. */
import { expectation } from "./parse-value.ts";
import { formatBytes, formatFileMode } from "./quantity.ts";
import type { Setting } from "./setting.ts";
import { environmentName, SETTING_KEYS, SETTINGS } from "./settings.ts";

export function configTemplate(): string {
  const lines = [
    "# Configuration of the Polytorus engine. A commented line shows the default.",
    `# The environment overrides this file (${environmentName("journal.segment_bytes")}=…), flags override both.`,
    "# Relative paths start at this file.",
  ];
  let section = "";
  for (const key of SETTING_KEYS) {
    const dot = key.lastIndexOf(".");
    const name = key.slice(dot + 1);
    if (dot >= 0 && key.slice(0, dot) !== section) {
      section = key.slice(0, dot);
      lines.push("", `[${section}]`);
    }
    const setting: Setting = SETTINGS[key];
    lines.push("", `# ${setting.meaning}`, `# ${expectation(setting)}`, `#${name} = ${tomlValue(setting)}`);
  }
  return `${lines.join("\n")}\n`;
}

function tomlValue(setting: Setting): string {
  const { fallback, form } = setting;
  if (fallback === undefined) return '""';
  if (form === "bytes") return JSON.stringify(formatBytes(fallback as number));
  if (form === "fileMode") return JSON.stringify(formatFileMode(fallback as number));
  return JSON.stringify(fallback);
}
