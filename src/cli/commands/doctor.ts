/** doctor: what could keep the daemon from working on this machine, each with what to do about it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { grouped } from "../../client/amounts.ts";
import type { Config } from "../../config/config.ts";
import { loadConfig } from "../../config/load.ts";
import { toEngineError } from "../../errors.ts";
import type { CommandContext, Handler, Options } from "../context.ts";
import {
  type Check,
  checkClock,
  checkDataDir,
  checkDisk,
  checkEncryption,
  checkFileLimit,
  checkNative,
  checkNode,
  checkSocket,
} from "../machine-checks.ts";
import { verifyAuditLog } from "../seams.ts";
import { checkPostgres, checkRedis } from "../server-checks.ts";
import type { Styles } from "../styles.ts";
import { fields } from "../table.ts";

/** Something is wrong: `doctor` itself worked, the machine does not pass. */
const EXIT_FAILED = 1;

export const doctor: Handler = async (context, _args, options) => {
  const { output } = context;
  const { config, check: configuration } = configurationCheck(context, options);
  const checks: Check[] = [
    checkNode(process.versions.node),
    await checkNative(),
    configuration,
    ...(config === undefined
      ? []
      : [
          checkDataDir(config.dataDir),
          await checkEncryption(config.dataDir, config.encryption.keyFile),
          checkSocket(config.ipc),
          await checkDisk(config),
          await checkFileLimit(config.limits.connectionsMax),
          ...(await checkPostgres(config)),
          ...(await checkRedis(config)),
          ...(await checkAudit(config.dataDir)),
        ]),
    ...(await checkDaemon(context, options, config)),
  ];
  const isHealthy = checks.every(({ status }) => status !== "failed");
  output.result({ healthy: isHealthy, checks }, () => checksText(checks, output.styles));
  if (!isHealthy) context.exit(EXIT_FAILED);
};

function configurationCheck(
  { environment, cwd }: CommandContext,
  options: Options,
): { config: Config | undefined; check: Check } {
  try {
    const { config } = loadConfig({ file: options["config"] as string | undefined, environment, cwd });
    return { config, check: { name: "configuration", status: "ok", found: "usable" } };
  } catch (problem) {
    const found = toEngineError(problem).message;
    return {
      config: undefined,
      check: {
        name: "configuration",
        status: "failed",
        found,
        fix: "mend what is named; `polytorus config init` writes a file that is usable",
      },
    };
  }
}

/** Nothing where nobody administered anything yet. */
async function checkAudit(dataDir: string): Promise<Check[]> {
  if (!existsSync(join(dataDir, "audit"))) return [];
  const name = "audit log";
  try {
    const { records } = await verifyAuditLog(dataDir);
    return [{ name, status: "ok", found: `${grouped(records)} records, unbroken` }];
  } catch (problem) {
    const { message, hint } = toEngineError(problem);
    return [{ name, status: "failed", found: message, fix: hint }];
  }
}

/** Reaches the daemon; that none runs is a failure only where one was named. */
async function checkDaemon(context: CommandContext, options: Options, config: Config | undefined): Promise<Check[]> {
  const isNamed = ["ipc", "url"].some((name) => options[name] !== undefined);
  try {
    const { version, height } = await context.remote.call("engine_info", {});
    const { timestampMs } = await context.remote
      .call("block_get", { height: "latest" })
      .catch(() => ({ timestampMs: undefined }));
    return [
      { name: "daemon", status: "ok", found: `version ${version} at block ${height} answers on ${context.remoteName}` },
      checkClock(Date.now(), timestampMs),
    ];
  } catch (problem) {
    const fix = `start it with \`npm start\`${config?.http === undefined ? "" : `, or try --url http://${config.http.host}:${config.http.port}`}`;
    return [
      { name: "daemon", status: isNamed ? "failed" : "warning", found: toEngineError(problem).message, fix },
      checkClock(Date.now(), undefined),
    ];
  }
}

function checksText(checks: readonly Check[], styles: Styles): string {
  const mark = { ok: styles.good("ok     "), warning: styles.warn("warning"), failed: styles.bad("failed ") };
  return fields(
    checks.map(
      ({ name, status, found, fix }) =>
        [name, `${mark[status]}  ${found}${fix === undefined ? "" : `\n${styles.dim("fix:")} ${fix}`}`] as const,
    ),
    styles.dim,
  );
}
