/** config init, check, show. */
import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { DEFAULT_CONFIG_FILE, type LoadedConfig, loadConfig } from "../../config/load.ts";
import { formatValue } from "../../config/parse-value.ts";
import { ConfigurationError } from "../../config/problem.ts";
import { configTemplate } from "../../config/template.ts";
import type { CommandContext, Handler, Options } from "../context.ts";
import { inspectEncryption } from "../seams.ts";
import { table } from "../table.ts";

function load({ environment, cwd }: CommandContext, options: Options): LoadedConfig {
  return loadConfig({ file: options["config"] as string | undefined, environment, cwd });
}

/** As for most commands, `-` is the output. */
const OUTPUT = "-";

export const init: Handler = ({ output, cwd }, args, options) => {
  if (args[0] === OUTPUT) {
    const template = configTemplate();
    output.result({ template }, () => template.trimEnd());
    return;
  }
  const path = resolve(cwd, (args[0] as string | undefined) ?? DEFAULT_CONFIG_FILE);
  if (existsSync(path) && options["force"] !== true) {
    throw new ConfigurationError([{ key: "config", origin: path, message: "is there already; --force overwrites it" }]);
  }
  writeFileSync(path, configTemplate());
  output.result({ file: path }, () => `wrote ${path}`);
};

export const check: Handler = async (context, _args, options) => {
  const { settings, config } = load(context, options);
  if (config.storage.kind !== "memory") await inspectEncryption(config.dataDir, config.encryption.keyFile);
  const changed = settings.filter(({ origin }) => origin !== "default").length;
  context.output.result(
    { settings: settings.length, changed },
    () => `the configuration is usable: ${settings.length} settings, ${changed} of them not at their default`,
  );
};

export const show: Handler = (context, _args, options) => {
  const { settings } = load(context, options);
  const hasOrigin = options["origin"] === true;
  const items = settings.map(({ key, value, origin }) => ({
    key,
    value: typeof value === "string" ? formatValue(key, value) : (value ?? null),
    ...(hasOrigin ? { origin } : {}),
  }));
  context.output.page({ items }, () => {
    const columns = [{ title: "key" }, { title: "value" }, ...(hasOrigin ? [{ title: "origin" }] : [])];
    const rows = settings.map(({ key, value, origin }) => [
      key,
      formatValue(key, value),
      ...(hasOrigin ? [origin] : []),
    ]);
    return table(columns, rows, context.output.styles.dim);
  });
};
