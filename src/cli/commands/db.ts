/** db: migrations of the PostgreSQL schema. They work on the database itself; no daemon needs to run. */
import { loadConfig } from "../../config/load.ts";
import { EngineError } from "../../errors.ts";
import type { CommandContext, Handler, Options } from "../context.ts";
import {
  audited,
  createMigrationFile,
  type DatabaseStatus,
  type DatabaseStep,
  type DatabaseTools,
  openDatabaseTools,
} from "../seams.ts";
import { fields, table } from "../table.ts";

interface Database {
  readonly tools: DatabaseTools;
  /** Does what changes the schema between two records of the data directory's audit log. */
  audited<T>(action: string, facts: object, body: () => Promise<T>, outcome?: (result: T) => object): Promise<T>;
}

async function toolsFor(context: CommandContext, options: Options): Promise<DatabaseTools> {
  return (await databaseOf(context, options)).tools;
}

async function databaseOf({ environment, cwd }: CommandContext, options: Options): Promise<Database> {
  const { config } = loadConfig({
    file: options["config"] as string | undefined,
    flags: { "storage.kind": options["database"] ?? "postgres" },
    environment,
    cwd,
  });
  const { host, port, database, schema } = config.storage.postgres;
  const server = { server: `${host}:${port}`, database, schema };
  return {
    tools: await openDatabaseTools(config.storage.postgres),
    audited: (action, facts, body, outcome) =>
      audited(config, { action, facts: { ...server, ...facts } }, body, outcome),
  };
}

const applied = (steps: readonly DatabaseStep[]): object => ({ steps: steps.map(({ name }) => name) });

export const migrate: Handler = async (context, _args, options) => {
  const { output } = context;
  const { tools, audited: recorded } = await databaseOf(context, options);
  const dryRun = options["dryRun"] === true;
  const onStep = (step: DatabaseStep): void => {
    if (output.isTalkLive) output.talk(`applied ${step.name}`);
  };
  const run = () => tools.migrate({ dryRun, onStep });
  const steps = await (dryRun ? run() : recorded("db.migrate", {}, run, applied));
  output.result({ dryRun, steps }, () => {
    if (steps.length === 0) return "nothing to do: every migration is applied";
    if (!dryRun) return `applied ${names(steps)}`;
    return [`would apply ${names(steps)}; nothing was changed`, ...steps.map(({ sql }) => `\n${sql}`)].join("\n");
  });
};

export const rollback: Handler = async (context, args, options) => {
  const { tools, audited: recorded } = await databaseOf(context, options);
  const version = args[0] as number;
  const force = options["force"] === true;
  const steps = await recorded("db.rollback", { version, force }, () => tools.rollback(version, { force }), applied);
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
  const { tools, audited: recorded } = await databaseOf(context, options);
  const force = options["force"] === true;
  await recorded("db.reset", { force }, () => tools.reset({ force }));
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
