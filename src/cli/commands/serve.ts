/** serve: runs the daemon until a signal. The first stops it gracefully, the second at once. */
import { relative } from "node:path";
import { DEV_ACCOUNTS } from "../../config/dev-accounts.ts";
import { loadConfig } from "../../config/load.ts";
import type { Setting } from "../../config/setting.ts";
import { SETTING_KEYS, SETTINGS, type SettingKey } from "../../config/settings.ts";
import { shownSettings } from "../../config/shown-settings.ts";
import { DEFAULT_IPC_PATH } from "../connection.ts";
import type { CommandContext, Handler, Options } from "../context.ts";
import { endInterrupted } from "../exit-codes.ts";
import { type DaemonDescription, type RunningDaemon, startDaemon } from "../seams.ts";
import { fields } from "../table.ts";

/** pino's number of the level info, so that this line looks like the daemon's own. */
const LOG_LEVEL_INFO = 30;

export const serve: Handler = async (context, _args, options) => {
  const { config, settings } = loadConfig({
    file: options["config"] as string | undefined,
    flags: settingsFrom(options),
    environment: context.environment,
    cwd: context.cwd,
  });
  let daemon: RunningDaemon | undefined;
  // Without a terminal that could hang up it means, as for other daemons: read your files again.
  const isDetached = !process.stdin.isTTY && !process.stderr.isTTY;
  if (isDetached) process.on("SIGHUP", () => daemon?.reload());
  daemon = await startDaemon(config, shownSettings(settings));
  const stopped = stopOnSignal(context, daemon);
  announce(context, daemon.describe());
  await stopped;
};

/** Flags of `serve` by the setting that they set: `--chain-id` is commander's `chainId` and the setting `chain.id`. */
function settingsFrom(options: Options): Partial<Record<SettingKey, unknown>> {
  const flags: Partial<Record<SettingKey, unknown>> = {};
  for (const key of SETTING_KEYS) {
    const { flag }: Setting = SETTINGS[key];
    if (flag === undefined) continue;
    const name = flag.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    if (options[name] !== undefined) flags[key] = options[name];
  }
  return flags;
}

async function stopOnSignal({ output }: CommandContext, daemon: RunningDaemon): Promise<void> {
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isStopping) endInterrupted();
    isStopping = true;
    if (output.isTalkLive) output.talk(`\n${signal}: finishing what is in flight; again to stop at once`);
    daemon.close().catch(() => undefined); // `stopped` rejects with the same reason.
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  await daemon.stopped;
}

function announce({ output, cwd }: CommandContext, daemon: DaemonDescription): void {
  const account = DEV_ACCOUNTS[0]!;
  const next = nextCommands(daemon, cwd);
  if (!output.isTalkLive) {
    output.talk(
      JSON.stringify({ level: LOG_LEVEL_INFO, time: Date.now(), msg: "listening", ...daemon, account, next }),
    );
    return;
  }
  const { bold, dim, good } = output.talkStyles;
  const addresses = fields(
    [
      ["socket", daemon.ipc],
      ["binary", daemon.binaryIpc],
      ["http", daemon.http],
      ["chain", `${daemon.chainId}, at block ${daemon.height}`],
      ["account", `${account} ${dim("(the default sender)")}`],
      ...Object.entries(daemon.samples ?? {}).map(
        ([name, address]) => [name, `${address} ${dim("(sample)")}`] as const,
      ),
    ],
    dim,
  );
  output.talk(
    `${good("polytorus is listening")}\n${addresses.replace(/^/gm, "  ")}\n\n${bold("try")}\n${next.map((command) => `  ${command}`).join("\n")}\n`,
  );
}

/** Three commands that work as they stand, from the directory where `serve` runs. */
function nextCommands({ ipc, samples }: DaemonDescription, cwd: string): string[] {
  const isDefault = `./${relative(cwd, ipc)}` === DEFAULT_IPC_PATH;
  const cli = `npx polytorus`;
  const where = isDefault ? "" : ` --ipc ${ipc}`;
  const counter = samples?.["counter"];
  if (counter !== undefined)
    return [
      `${cli} call ${counter} increment 1${where}`,
      `${cli} dev accounts${where}`,
      `${cli} logs --follow${where}`,
    ];
  return [
    `${cli} deploy erc20 --name MyToken --symbol MTK --decimals 18 --supply 1000000${where}`,
    `${cli} contract ls${where}`,
    `${cli} logs --follow${where}`,
  ];
}
