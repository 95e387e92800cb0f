/** db: migrations of the PostgreSQL schema. They work on the database itself; no daemon needs to run. */
import { loadConfig } from "../../config/load.ts";
import { EngineError } from "../../errors.ts";
import type { CommandContext, Handler, Options } from "../context.ts";
import {
  createMigrationFile,
  type DatabaseStatus,
  type DatabaseStep,
  type DatabaseTools,
  openDatabaseTools,
} from "../seams.ts";
import { fields, table } from "../table.ts";

async function toolsFor({ environment, cwd }: CommandContext, options: Options): Promise<DatabaseTools> {
  const { config } = loadConfig({
    file: options["config"] as string | undefined,
    flags: { "storage.kind": options["database"] ?? "postgres" },
    environment,
    cwd,
  });
  return await openDatabaseTools(config.storage.postgres);
}

export const migrate: Handler = async (context, _args, options) => {
  const { output } = context;
  const tools = await toolsFor(context, options);
  const dryRun = options["dryRun"] === true;
  const onStep = (step: DatabaseStep): void => {
    if (output.isTalkLive) output.talk(`applied ${step.name}`);
  };
  const steps = await tools.migrate({ dryRun, onStep });
  output.result({ dryRun, steps }, () => {
    if (steps.length === 0) return "nothing to do: every migration is applied";
    if (!dryRun) return `applied ${names(steps)}`;
    return [`would apply ${names(steps)}; nothing was changed`, ...steps.map(({ sql }) => `\n${sql}`)].join("\n");
  });
};

export const rollback: Handler = async (context, args, options) => {
  const tools = await toolsFor(context, options);
  const version = args[0] as number;
  const steps = await tools.rollback(version, { force: options["force"] === true });
  context.output.result({ version, steps }, () =>
    steps.length === 0 ? `nothing to do: version ${version} is applied` : `took back ${names(steps)}`,
  );
};

export const status: Handler = async (context, _args, options) => {
  const found = await (await toolsFor(context, options)).status();
  context.output.result(found, () => statusText(found, context));
};

export const validate: Handler = async (context, _args, options) => {
  const { output } = context;
  const found = await (await toolsFor(context, options)).status();
  const isVerbose = options["verbose"] === true;
  const render = (): string =>
    [
      found.problems.length === 0
        ? output.styles.good(`${found.version} applied migrations are those of this program`)
        : output.styles.bad(found.problems.join("\n")),
      ...(isVerbose ? [checksumsText(found, context)] : []),
    ].join("\n");
  if (found.problems.length === 0) {
    output.result(found, render);
    return;
  }
  const failure = new EngineError("MIGRATIONS_DRIFTED", found.problems.join("; "), { problems: found.problems });
  output.failedResult(found, render, failure);
  context.exit(failure.exitCode);
};

export const create: Handler = async ({ output }, args) => {
  const file = await createMigrationFile(args[0] as string);
  output.result({ file }, () => `wrote ${file}`);
};

export const reset: Handler = async (context, _args, options) => {
  await (await toolsFor(context, options)).reset({ force: options["force"] === true });
  context.output.result({ reset: true }, () => "dropped the schema and everything in it");
};

function names(steps: readonly DatabaseStep[]): string {
  return steps.map(({ name }) => name).join(", ");
}

function statusText(found: DatabaseStatus, { output }: CommandContext): string {
  const { styles } = output;
  const state = found.isCurrent
    ? styles.good("current")
    : styles.bad(
        found.problems.length > 0 ? found.problems.join("; ") : "migrations are pending: polytorus db migrate",
      );
  const rows = found.migrations.map((one) => [one.name, one.state, one.appliedAt ?? ""]);
  return [
    fields(
      [
        ["schema", found.schema],
        ["version", `${found.version}, ${state}`],
      ],
      styles.dim,
    ),
    table([{ title: "migration" }, { title: "state" }, { title: "applied at" }], rows, styles.dim),
  ].join("\n");
}

function checksumsText(found: DatabaseStatus, { output }: CommandContext): string {
  const rows = found.migrations.map((one) => [
    one.name,
    one.state,
    one.checksum ?? "no file",
    one.appliedChecksum ?? "not applied",
  ]);
  const columns = [{ title: "migration" }, { title: "state" }, { title: "file" }, { title: "as applied" }];
  return table(columns, rows, output.styles.dim);
}
